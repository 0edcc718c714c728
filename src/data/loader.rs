//! Batches filled on worker threads ahead of the trainer, in an order that depends on seed and
//! epoch alone.

use std::sync::mpsc::sync_channel;

use rand::SeedableRng;
use tch::Tensor;

use super::{Batch, Dataset, ExampleSpec, Layout, Order, Rng, Slot, Target};
use crate::error::{Error, Result};

/// Mixes `seed` with `parts` (epoch, example …) into a seed of its own (SplitMix64).
pub fn derive_seed(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(scramble(seed), |state, part| scramble(state ^ scramble(*part)))
}

fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// How examples become batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderSettings {
    /// Examples per batch, at least 1.
    pub batch_size: usize,
    /// Order of the examples in each pass over the data.
    pub order: Order,
    /// Seed of order and augmentation.
    pub seed: u64,
    /// Leave out a last batch that is not full.
    pub drop_last: bool,
    /// A last batch of a single example joins the one before it (batch normalisation cannot
    /// work on one).
    pub join_single: bool,
    /// Batches per epoch; `None` for one pass over the data. Epochs then cut an endlessly
    /// reshuffled stream of passes.
    pub steps_per_epoch: Option<usize>,
    /// Worker threads; 0 loads on the caller's thread.
    pub threads: usize,
    /// Batches a worker may be ahead.
    pub ahead: usize,
}

impl LoaderSettings {
    /// The dataset's own order, every example once: for evaluation.
    pub fn in_order(batch_size: usize) -> Self {
        Self {
            batch_size,
            order: Order::Listed,
            seed: 0,
            drop_last: false,
            join_single: false,
            steps_per_epoch: None,
            threads: 1,
            ahead: 2,
        }
    }
}

/// Draws batches from a dataset.
pub struct Loader<'a> {
    dataset: &'a dyn Dataset,
    spec: ExampleSpec,
    settings: LoaderSettings,
    batches_per_pass: usize,
}

impl<'a> Loader<'a> {
    /// Fails if the settings leave no batch at all.
    pub fn new(dataset: &'a dyn Dataset, settings: LoaderSettings) -> Result<Self> {
        if settings.batch_size == 0 || settings.steps_per_epoch == Some(0) {
            return Err(Error::usage("batch_size and steps_per_epoch must be at least 1"));
        }
        let (full, rest) =
            (dataset.len() / settings.batch_size, dataset.len() % settings.batch_size);
        let joined = rest == 1 && full > 0 && settings.join_single;
        let last = rest > 0 && !settings.drop_last && !joined;
        let batches_per_pass = full + usize::from(last);
        if batches_per_pass == 0 {
            return Err(Error::data(format!(
                "{} examples make no batch of {}",
                dataset.len(),
                settings.batch_size
            )));
        }
        Ok(Self { dataset, spec: dataset.spec(), settings, batches_per_pass })
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        self.settings.steps_per_epoch.unwrap_or(self.batches_per_pass)
    }

    /// Hands the batches `first..` of `epoch` to `each`, in order, while workers fill the next
    /// ones. Stops at the first error, its own or that of `each`. An error of the dataset names
    /// the example.
    pub fn for_each(
        &self,
        epoch: usize,
        first: usize,
        mut each: impl FnMut(usize, Batch) -> Result<()>,
    ) -> Result<()> {
        let batches = self.batches();
        let plan = self.plan(epoch, first.min(batches)..batches);
        let workers = self.settings.threads.min(plan.len());
        if workers == 0 {
            for (offset, planned) in plan.iter().enumerate() {
                each(first + offset, self.fill(planned)?)?;
            }
            return Ok(());
        }
        std::thread::scope(|scope| {
            let mut receivers = Vec::with_capacity(workers);
            for worker in 0..workers {
                let (sender, receiver) = sync_channel(self.settings.ahead.max(1));
                receivers.push(receiver);
                let mine = plan.iter().skip(worker).step_by(workers);
                scope.spawn(move || {
                    for planned in mine {
                        let batch = self.fill(planned);
                        let failed = batch.is_err();
                        // The trainer hangs up when it stops early.
                        if sender.send(batch).is_err() || failed {
                            return;
                        }
                    }
                });
            }
            for offset in 0..plan.len() {
                let batch = receivers[offset % workers]
                    .recv()
                    .map_err(|_| Error::data("a loader thread ended before its last batch"))??;
                each(first + offset, batch)?;
            }
            Ok(())
        })
    }

    /// Examples and pass number of the batches `range` of `epoch`.
    fn plan(&self, epoch: usize, range: std::ops::Range<usize>) -> Vec<Planned> {
        let per_pass = self.batches_per_pass;
        let mut order: Option<(usize, Vec<usize>)> = None;
        let mut plan = Vec::with_capacity(range.len());
        for batch in range {
            let position = epoch * self.batches() + batch;
            let (pass, within) = (position / per_pass, position % per_pass);
            if order.as_ref().is_none_or(|(of, _)| *of != pass) {
                let LoaderSettings { order: kind, batch_size, seed, .. } = self.settings;
                let drawn = kind.of_pass(self.dataset.len(), batch_size, pass, seed);
                order = Some((pass, drawn));
            }
            if let Some((_, order)) = &order {
                plan.push(Planned { pass, examples: self.members(order, within) });
            }
        }
        plan
    }

    fn members(&self, order: &[usize], batch: usize) -> Vec<usize> {
        let size = self.settings.batch_size;
        let start = batch * size;
        let mut end = (start + size).min(order.len());
        let last = batch + 1 == self.batches_per_pass;
        if last && self.settings.join_single && order.len() == end + 1 {
            end += 1;
        }
        order[start..end].to_vec()
    }

    fn fill(&self, planned: &Planned) -> Result<Batch> {
        let seed = derive_seed(self.settings.seed, &[2, planned.pass as u64]);
        fill(self.dataset, &self.spec, &planned.examples, seed)
    }
}

struct Planned {
    pass: usize,
    examples: Vec<usize>,
}

/// Lets `examples` write themselves into one batch; `seed` serves augmentation.
fn fill(dataset: &dyn Dataset, spec: &ExampleSpec, examples: &[usize], seed: u64) -> Result<Batch> {
    let count = examples.len();
    let (values_len, target_len) = (spec.values_len(), spec.target.len());
    let mut values = vec![0f32; count * values_len];
    let mut features = vec![0f32; count * spec.features];
    let mut lengths = vec![full_length(spec); count];
    let mut target = vec![0f32; count * target_len];
    let mut observed = vec![1f32; count * target_len];
    let mut weight = vec![1f32; count];
    for (row, &example) in examples.iter().enumerate() {
        let mut rng = Rng::seed_from_u64(derive_seed(seed, &[example as u64]));
        let slot = Slot {
            values: &mut values[row * values_len..][..values_len],
            features: &mut features[row * spec.features..][..spec.features],
            length: &mut lengths[row],
            target: &mut target[row * target_len..][..target_len],
            observed: &mut observed[row * target_len..][..target_len],
            weight: &mut weight[row],
        };
        dataset.write(example, &mut rng, slot).map_err(|e| naming(e, dataset, example))?;
    }
    let rows = count as i64;
    let target = target_tensor(spec, &target, &observed, rows, |row| dataset.name(examples[row]))?;
    let shape = behind(rows, &spec.values);
    Ok(Batch {
        values: Tensor::f_from_slice(&values)?.f_view(&shape[..])?,
        features: (spec.features > 0)
            .then(|| Tensor::f_from_slice(&features)?.f_view([rows, spec.features as i64]))
            .transpose()?,
        lengths: spec.lengths.then(|| Tensor::f_from_slice(&lengths)).transpose()?,
        target,
        observed: Tensor::f_from_slice(&observed)?
            .f_view(&behind(rows, &spec.target.shape())[..])?,
        weight: Tensor::f_from_slice(&weight)?,
        examples: examples.to_vec(),
    })
}

/// `shape` behind a batch axis of `rows`.
fn behind(rows: i64, shape: &[usize]) -> Vec<i64> {
    std::iter::once(rows).chain(shape.iter().map(|&n| n as i64)).collect()
}

/// Class numbers become int64 and are checked; other targets stay as they are.
fn target_tensor(
    spec: &ExampleSpec,
    target: &[f32],
    observed: &[f32],
    rows: i64,
    name: impl Fn(usize) -> String,
) -> Result<Tensor> {
    let Target::Class { count } = spec.target else {
        let shape = behind(rows, &spec.target.shape());
        return Ok(Tensor::f_from_slice(target)?.f_view(&shape[..])?);
    };
    let mut classes = Vec::with_capacity(target.len());
    for (row, (&value, &seen)) in target.iter().zip(observed).enumerate() {
        let known = value >= 0.0 && value < count as f32 && value.fract() == 0.0;
        if seen > 0.0 && !known {
            return Err(Error::data(format!("{}: class {value} of {count}", name(row))));
        }
        classes.push(if known { value as i64 } else { 0 });
    }
    Ok(Tensor::f_from_slice(&classes)?)
}

/// Steps on the time axis of an example.
fn full_length(spec: &ExampleSpec) -> i64 {
    let axis = match spec.layout {
        Layout::Series => 0,
        Layout::Waveform => 1,
        Layout::Image => 2,
    };
    spec.values.get(axis).copied().unwrap_or(0) as i64
}

/// The error with the example's name in front.
fn naming(error: Error, dataset: &dyn Dataset, example: usize) -> Error {
    let name = dataset.name(example);
    match error {
        Error::Data(text) => Error::Data(format!("{name}: {text}")),
        Error::Usage(text) => Error::Usage(format!("{name}: {text}")),
        Error::Torch(text) => Error::Torch(format!("{name}: {text}")),
        Error::Input { file, problem } => {
            Error::Input { file, problem: format!("{problem} (example {name})") }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    /// Each value is its example's number plus a draw below 1; example 3 fails where `broken`.
    struct Numbers {
        count: usize,
        broken: bool,
    }

    impl Dataset for Numbers {
        fn len(&self) -> usize {
            self.count
        }
        fn spec(&self) -> ExampleSpec {
            ExampleSpec {
                layout: Layout::Series,
                values: vec![2, 1],
                features: 1,
                lengths: true,
                target: Target::Class { count: 20 },
            }
        }
        fn group(&self, example: usize) -> usize {
            example
        }
        fn name(&self, example: usize) -> String {
            format!("row {example}")
        }
        fn write(&self, example: usize, rng: &mut Rng, slot: Slot<'_>) -> Result<()> {
            if self.broken && example == 3 {
                return Err(Error::data("no samples"));
            }
            let noise = rng.next_u32() as f32 / u32::MAX as f32 / 2.0;
            slot.values.fill(example as f32 + noise);
            slot.features[0] = -1.0;
            slot.target[0] = example as f32;
            Ok(())
        }
    }

    fn settings(batch_size: usize) -> LoaderSettings {
        LoaderSettings { order: Order::Shuffled, seed: 7, ..LoaderSettings::in_order(batch_size) }
    }

    type Seen = Vec<(usize, Vec<usize>, Vec<f32>)>;

    fn batches(count: usize, settings: LoaderSettings, epoch: usize, first: usize) -> Seen {
        let data = Numbers { count, broken: false };
        let loader = Loader::new(&data, settings).unwrap();
        let mut seen = Seen::new();
        let collected = loader.for_each(epoch, first, |index, batch| {
            assert_eq!(batch.lengths.as_ref().unwrap().int64_value(&[0]), 2);
            let classes = Vec::<i64>::try_from(&batch.target).unwrap();
            assert!(classes.iter().zip(&batch.examples).all(|(c, e)| *c == *e as i64));
            let values = Vec::<f32>::try_from(batch.values.flatten(0, -1)).unwrap();
            seen.push((index, batch.examples, values));
            Ok(())
        });
        collected.unwrap();
        seen
    }

    fn sorted(seen: &[(usize, Vec<usize>, Vec<f32>)]) -> Vec<usize> {
        let mut all: Vec<usize> = seen.iter().flat_map(|(_, e, _)| e.clone()).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn order_and_noise_depend_on_seed_and_epoch_alone() {
        let reference = batches(17, settings(4), 2, 0);
        assert_eq!(sorted(&reference), (0..17).collect::<Vec<_>>());
        for threads in [0, 2, 3, 8] {
            let other = LoaderSettings { threads, ahead: 1, ..settings(4) };
            assert_eq!(batches(17, other.clone(), 2, 0), reference);
            assert_eq!(batches(17, other, 2, 3), reference[3..]);
        }
        assert_ne!(batches(17, settings(4), 3, 0), reference);
        assert_ne!(batches(17, LoaderSettings { seed: 8, ..settings(4) }, 2, 0), reference);
    }

    #[test]
    fn last_batch_is_kept_dropped_or_joined() {
        let sizes = |count, settings| -> Vec<usize> {
            batches(count, settings, 0, 0).iter().map(|(_, e, _)| e.len()).collect()
        };
        assert_eq!(sizes(9, settings(4)), [4, 4, 1]);
        assert_eq!(sizes(9, LoaderSettings { drop_last: true, ..settings(4) }), [4, 4]);
        assert_eq!(sizes(9, LoaderSettings { join_single: true, ..settings(4) }), [4, 5]);
        assert_eq!(sizes(10, LoaderSettings { join_single: true, ..settings(4) }), [4, 4, 2]);
        assert_eq!(sizes(1, LoaderSettings { join_single: true, ..settings(4) }), [1]);
        let none = Numbers { count: 0, broken: false };
        assert!(Loader::new(&none, settings(4)).is_err());
    }

    #[test]
    fn long_epochs_draw_from_a_reshuffled_stream() {
        let long = LoaderSettings { steps_per_epoch: Some(7), ..settings(4) };
        // Five batches a pass: the second epoch starts at the third batch of the second pass.
        let mut stream = batches(17, long.clone(), 0, 0);
        stream.extend(batches(17, long, 1, 0));
        for pass in stream[..10].chunks(5) {
            assert_eq!(sorted(pass), (0..17).collect::<Vec<_>>());
        }
        assert_ne!(stream[0].1, stream[5].1);
    }

    #[test]
    fn errors_name_the_example() {
        let data = Numbers { count: 8, broken: true };
        for threads in [0, 2] {
            let loader = Loader::new(&data, LoaderSettings { threads, ..settings(2) }).unwrap();
            let error = loader.for_each(0, 0, |_, _| Ok(())).unwrap_err();
            assert_eq!(error.to_string(), "row 3: no samples");
        }
    }
}
