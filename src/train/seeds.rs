//! Several trainings at once.

use rayon::prelude::*;

use crate::error::Result;

/// Does `work` for every seed on rayon's threads, one libtorch thread each, and returns the
/// results in the order of `seeds`. Small networks gain far more from this than from threads
/// within an operation. Each result depends on its seed alone, not on the number of threads.
pub fn for_each_seed<T: Send>(
    seeds: &[u64],
    work: impl Fn(u64) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    seeds
        .par_iter()
        .with_max_len(1)
        .map(|&seed| {
            tch::set_num_threads(1);
            work(seed)
        })
        .collect()
}
