//! Batches of windows through a network, one after the other or on several threads.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use super::rows::Rows;
use crate::error::{Error, Result};
use crate::progress;

/// A network that answers windows.
pub trait Predictor {
    /// Raw windows `[count, C, in_samples]` to probabilities `[count, K, T]`, where `T` is
    /// `in_samples`, or 1 for point models.
    ///
    /// # Errors
    /// What the network refuses.
    fn probabilities(&self, windows: &[f32], count: usize) -> Result<Vec<f32>>;

    /// The same with dropout at work, drawn by `seed`.
    ///
    /// # Errors
    /// What the network refuses.
    fn sampled(&self, windows: &[f32], count: usize, _seed: u64) -> Result<Vec<f32>> {
        self.probabilities(windows, count)
    }
}

/// Which windows of some rows are asked for.
pub struct Question<'a> {
    /// The samples.
    pub rows: &'a Arc<Rows>,
    /// Where windows begin, ascending.
    pub starts: &'a [usize],
    /// Length of a window.
    pub in_samples: usize,
    /// Windows at once.
    pub batch_size: usize,
    /// With dropout, drawn by this.
    pub dropout_seed: Option<u64>,
}

/// Threads with a network each. Batches are the same for any number of threads, and so are answers.
pub struct Workers {
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

struct Job {
    rows: Arc<Rows>,
    starts: Vec<usize>,
    in_samples: usize,
    number: usize,
    dropout_seed: Option<u64>,
    reply: Sender<(usize, Result<Vec<f32>>)>,
}

impl Workers {
    /// Starts `count` threads; each opens its own network.
    pub fn start<P: Predictor>(
        count: usize,
        open: impl Fn() -> Result<P> + Send + Sync + 'static,
    ) -> Self {
        let (jobs, received) = channel::<Job>();
        let (received, open) = (Arc::new(Mutex::new(received)), Arc::new(open));
        let threads = (0..count.max(1))
            .map(|_| {
                let (received, open) = (received.clone(), open.clone());
                std::thread::spawn(move || work(&received, &*open))
            })
            .collect();
        Self { jobs: Some(jobs), threads }
    }

    /// Number of threads.
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// Hands the probabilities of each batch, and where its windows begin, to `take`, in order.
    ///
    /// # Errors
    /// The first of a network or of `take`; `Interrupted`.
    pub fn answer(
        &self,
        question: &Question<'_>,
        mut take: impl FnMut(&[usize], &[f32]) -> Result<()>,
    ) -> Result<()> {
        let jobs = self.jobs.as_ref().ok_or_else(|| Error::data("no workers"))?;
        let batches: Vec<&[usize]> = question.starts.chunks(question.batch_size.max(1)).collect();
        let (reply, answers) = channel();
        let send = |number: usize| {
            let job = Job {
                rows: question.rows.clone(),
                starts: batches[number].to_vec(),
                in_samples: question.in_samples,
                number,
                dropout_seed: question.dropout_seed,
                reply: reply.clone(),
            };
            jobs.send(job).map_err(|_| ended())
        };
        // Enough that no thread waits, few enough that answers do not pile up.
        let ahead = (2 * self.count() + 1).min(batches.len());
        (0..ahead).try_for_each(&send)?;
        let mut early: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
        for (number, starts) in batches.iter().enumerate() {
            progress::check_interrupt()?;
            while !early.contains_key(&number) {
                let (of, answer) = answers.recv().map_err(|_| ended())?;
                early.insert(of, answer?);
            }
            if number + ahead < batches.len() {
                send(number + ahead)?;
            }
            if let Some(answer) = early.remove(&number) {
                take(starts, &answer)?;
            }
        }
        Ok(())
    }
}

fn ended() -> Error {
    Error::data("a thread with a network ended; its fault is told above")
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            // A panic was told where it happened.
            let _ = thread.join();
        }
    }
}

fn work<P: Predictor>(jobs: &Mutex<Receiver<Job>>, open: &dyn Fn() -> Result<P>) {
    // Opened with the first job, so that threads without work cost nothing.
    let mut network: Option<P> = None;
    let mut windows = Vec::new();
    loop {
        let job = match jobs.lock() {
            Ok(jobs) => jobs.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        windows.clear();
        for &start in &job.starts {
            job.rows.window_into(start, job.in_samples, &mut windows);
        }
        let opened = match network.take() {
            Some(open) => Ok(open),
            None => open(),
        };
        let count = job.starts.len();
        let answer = opened.and_then(|opened| {
            let network = network.insert(opened);
            match job.dropout_seed {
                None => network.probabilities(&windows, count),
                Some(seed) => network.sampled(&windows, count, seed),
            }
        });
        // Nobody waits any more after an interruption.
        let _ = job.reply.send((job.number, answer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with the first sample of each window.
    struct FirstSample;

    impl Predictor for FirstSample {
        fn probabilities(&self, windows: &[f32], count: usize) -> Result<Vec<f32>> {
            if count == 3 {
                return Err(Error::data("three is refused"));
            }
            Ok(windows.chunks_exact(windows.len() / count).map(|w| w[0]).collect())
        }
    }

    #[test]
    fn answers_come_in_order_and_faults_come_through() {
        let mut rows = Rows::zeros(1, 500);
        rows.row_mut(0).iter_mut().zip(0u16..).for_each(|(x, i)| *x = f32::from(i));
        let rows = Arc::new(rows);
        let starts: Vec<usize> = (0..490).collect();
        for threads in [1, 3] {
            let workers = Workers::start(threads, || Ok(FirstSample));
            let mut seen = Vec::new();
            let question = |batch_size| Question {
                rows: &rows,
                starts: &starts,
                in_samples: 10,
                batch_size,
                dropout_seed: None,
            };
            let take = |starts: &[usize], answers: &[f32]| {
                assert_eq!(starts.len(), answers.len());
                seen.extend(answers.iter().map(|&x| x as usize));
                Ok(())
            };
            workers.answer(&question(7), take).unwrap();
            assert_eq!(seen, starts);
            assert!(workers.answer(&question(3), |_, _| Ok(())).is_err());
        }
        let workers = Workers::start(1, || Err::<FirstSample, _>(Error::data("cannot be opened")));
        let question = Question {
            rows: &rows,
            starts: &starts,
            in_samples: 10,
            batch_size: 7,
            dropout_seed: None,
        };
        assert!(workers.answer(&question, |_, _| Ok(())).is_err());
    }
}
