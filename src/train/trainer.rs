//! The one training loop.

use std::time::Instant;

use super::predict::{forward, number, to_device};
use super::session::{Micro, Session};
use super::{BatchRecord, EpochRecord, Observer, Report, RunFolder, TrainSettings, evaluate};
use crate::data::{Batch, Dataset, Loader, LoaderSettings, derive_seed};
use crate::error::{Error, Result};
use crate::model::{DropoutSource, Mode, Model, Task};
use crate::progress::{Progress, check_interrupt};

/// Trains any model on any dataset for any task.
pub struct Trainer<'a> {
    settings: &'a TrainSettings,
    run: Option<&'a RunFolder>,
    observers: Vec<&'a mut dyn Observer>,
    title: Option<String>,
}

impl<'a> Trainer<'a> {
    /// A trainer without run folder and observers, which shows a progress bar.
    pub fn new(settings: &'a TrainSettings) -> Self {
        Self { settings, run: None, observers: Vec::new(), title: Some("training".into()) }
    }

    /// Keeps history, checkpoints and weights in `run`, and goes on from its checkpoint if there
    /// is one.
    pub fn in_folder(mut self, run: &'a RunFolder) -> Self {
        self.run = Some(run);
        self
    }

    /// Tells `observer` what happens.
    pub fn observed_by(mut self, observer: &'a mut dyn Observer) -> Self {
        self.observers.push(observer);
        self
    }

    /// Names the progress bar; `None` hides it.
    pub fn titled(mut self, title: Option<&str>) -> Self {
        self.title = title.map(str::to_string);
        self
    }

    /// Trains `model` in place and reports. With `valid`, the weights of the epoch of the lowest
    /// validation loss are kept and patience can end the run.
    ///
    /// On one machine the result depends on settings, data and initial weights alone, and not on
    /// interruptions that were resumed. Errors: settings that cannot be meant, an example that
    /// cannot be read, a loss that is not finite (naming the batch's examples), Ctrl-C.
    pub fn fit(
        mut self,
        model: &mut Model,
        task: &dyn Task,
        train: &dyn Dataset,
        valid: Option<&dyn Dataset>,
    ) -> Result<Report> {
        self.settings.check()?;
        tch::set_num_threads(self.settings.threads as i32);
        let loader = Loader::new(train, loader_settings(self.settings))?;
        let mut session = Session::start(model, self.settings, loader.batches(), self.run)?;
        let mut progress = self.progress(&session, loader.batches());
        while !session.is_over() {
            let began = Instant::now();
            self.train_epoch(model, task, train, &loader, &mut session, &mut progress)?;
            let record = self.finish_epoch(model, task, valid, &mut session, began)?;
            for observer in &mut self.observers {
                observer.after_epoch(&record);
            }
            if let Some(progress) = &progress {
                progress.message(summary(&record));
            }
        }
        let report = session.finish(model)?;
        for observer in &mut self.observers {
            observer.after_training(&report);
        }
        Ok(report)
    }

    /// Learns from the batches of the running epoch that are still to come.
    fn train_epoch(
        &mut self,
        model: &Model,
        task: &dyn Task,
        train: &dyn Dataset,
        loader: &Loader<'_>,
        session: &mut Session<'_>,
        progress: &mut Option<Progress>,
    ) -> Result<()> {
        let last = loader.batches() - 1;
        let (epoch, first) = session.position();
        loader.for_each(epoch, first, |index, batch| {
            check_interrupt().or_else(|stop| session.save().and(Err(stop)))?;
            let batch = to_device(batch, model.parameters.device())?;
            let loss = self
                .learn(model, task, &batch, (epoch, index), session)
                .map_err(|e| blame(e, train, &batch))?;
            if session.gathered() == self.settings.accumulate || index == last {
                session.step().map_err(|e| blame(e, train, &batch))?;
            }
            session.batch_done(index)?;
            let record = BatchRecord { epoch: epoch + 1, batch: index + 1, loss };
            for observer in &mut self.observers {
                observer.after_batch(&record);
            }
            if let Some(progress) = progress {
                progress.advance(1);
            }
            Ok(())
        })
    }

    /// Forward, loss and gradient of one batch; its mean loss, or `None` if no target counted.
    fn learn(
        &self,
        model: &Model,
        task: &dyn Task,
        batch: &Batch,
        (epoch, index): (usize, usize),
        session: &mut Session<'_>,
    ) -> Result<Option<f64>> {
        let seed = derive_seed(self.settings.seed, &[3, epoch as u64, index as u64]);
        let dropout = DropoutSource::new(seed);
        let output = forward(model, batch, Mode::Train(&dropout));
        let loss = task.loss(&output, batch);
        let (sum, weight) = (number(&loss.sum)?, number(&loss.weight)?);
        if !(sum.is_finite() && weight.is_finite()) {
            session.save()?;
            return Err(Error::data(format!("the loss is {}", sum / weight)));
        }
        let readings = task.readings(&output.detach(), batch);
        session.gather(Micro { loss, sum, weight, readings })?;
        Ok((weight > 0.0).then_some(sum / weight))
    }

    /// Validates and closes the epoch.
    fn finish_epoch(
        &self,
        model: &Model,
        task: &dyn Task,
        valid: Option<&dyn Dataset>,
        session: &mut Session<'_>,
        began: Instant,
    ) -> Result<EpochRecord> {
        let batch_size = self.settings.batch_size;
        let validated = session.with_average(|| {
            valid.map(|dataset| evaluate(model, task, dataset, batch_size)).transpose()
        })?;
        session.end_epoch(validated, began.elapsed().as_secs_f64())
    }

    fn progress(&self, session: &Session<'_>, batches: usize) -> Option<Progress> {
        let title = self.title.as_ref()?;
        let (epoch, batch) = session.position();
        let mut progress = Progress::new(title, "batches", (self.settings.epochs * batches) as u64);
        progress.advance((epoch * batches + batch) as u64);
        Some(progress)
    }
}

fn loader_settings(settings: &TrainSettings) -> LoaderSettings {
    LoaderSettings {
        batch_size: settings.batch_size,
        order: settings.order,
        seed: settings.seed,
        drop_last: settings.drop_last,
        join_single: settings.join_single,
        steps_per_epoch: settings.steps_per_epoch,
        threads: settings.loader_threads,
        ahead: 2,
    }
}

/// Adds the names of the batch's examples, the first of them in full.
fn blame(error: Error, dataset: &dyn Dataset, batch: &Batch) -> Error {
    let Error::Data(text) = error else { return error };
    let names: Vec<String> = batch.examples.iter().take(8).map(|&e| dataset.name(e)).collect();
    let more = batch.examples.len().saturating_sub(names.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Error::data(format!(
        "{text} in a batch of {}{more}; look for odd values there, or lower learning_rate or set \
         clip_norm",
        names.join(", ")
    ))
}

/// The epoch in a few words.
fn summary(record: &EpochRecord) -> String {
    let valid = record.valid_loss.map(|v| format!(" valid {v:.4}")).unwrap_or_default();
    format!("epoch {} train {:.4}{valid}", record.epoch, record.train_loss)
}
