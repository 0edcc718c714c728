//! The state of a training run: everything that a checkpoint must hold.

use std::io::Write;
use std::time::Instant;

use tch::Tensor;

use super::parameters::Snapshot;
use super::run_folder::{HISTORY, METRICS, WEIGHTS};
use super::{
    EpochRecord, Meter, Optimizer, Parameters, PlateauState, Report, RunFolder, Schedule,
    TrainSettings, checkpoint, clip,
};
use crate::error::{Error, Result};
use crate::model::{Loss, Model, Reading};
use crate::output::write_atomically;

/// A batch whose gradient is to be gathered.
pub(super) struct Micro {
    pub loss: Loss,
    pub sum: f64,
    pub weight: f64,
    pub readings: Vec<Reading>,
}

/// The running sums of an epoch.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Sums {
    pub meter: Meter,
    pub norm: f64,
    pub steps: u64,
}

/// A run under way.
pub(super) struct Session<'a> {
    pub(super) settings: &'a TrainSettings,
    pub(super) run: Option<&'a RunFolder>,
    pub(super) parameters: Parameters,
    pub(super) optimizer: Optimizer,
    pub(super) average: Option<Tensor>,
    pub(super) best: Option<(usize, f64, Snapshot)>,
    pub(super) plateau: PlateauState,
    pub(super) epoch: usize,
    pub(super) batch: usize,
    pub(super) stopped: bool,
    pub(super) sums: Sums,
    pub(super) gathered: Gathered,
    pub(super) history: Vec<EpochRecord>,
    pub(super) last_rate: f64,
    pub(super) total_steps: u64,
    saved: Instant,
}

/// Gradients of the batches that make the next step.
#[derive(Default)]
pub(super) struct Gathered {
    pub batches: usize,
    pub weight: f64,
    pub gradient: Option<Tensor>,
}

impl<'a> Session<'a> {
    /// At the start, or where the checkpoint of `run` left off.
    pub fn start(
        model: &Model,
        settings: &'a TrainSettings,
        batches: usize,
        run: Option<&'a RunFolder>,
    ) -> Result<Self> {
        let parameters = Parameters::gather(model)?;
        let optimizer = Optimizer::new(
            settings.optimizer.clone(),
            settings.weight_decay,
            settings.spare_biases,
            &parameters,
        )?;
        let average =
            settings.weight_average.map(|_| parameters.flat.f_detach_copy()).transpose()?;
        let mut session = Self {
            settings,
            run,
            parameters,
            optimizer,
            average,
            best: None,
            plateau: PlateauState::default(),
            epoch: 0,
            batch: 0,
            stopped: false,
            sums: Sums::default(),
            gathered: Gathered::default(),
            history: Vec::new(),
            last_rate: settings.learning_rate,
            total_steps: (settings.epochs * batches.div_ceil(settings.accumulate)) as u64,
            saved: Instant::now(),
        };
        if let Some(run) = run {
            session.enter(run)?;
        }
        Ok(session)
    }

    /// Goes on from the checkpoint of `run`, or writes its first one.
    fn enter(&mut self, run: &RunFolder) -> Result<()> {
        if run.is_finished() {
            let text = "training is finished here; start anew with --force";
            return Err(Error::usage(format!("{}: {text}", run.path().display())));
        }
        if !checkpoint::resume(self, run)? {
            self.save()?;
        }
        let lines = self.history.iter().map(line).collect::<Result<String>>()?;
        write_atomically(&run.file(HISTORY), lines.as_bytes())
    }

    /// Epoch and batch that come next, from 0.
    pub fn position(&self) -> (usize, usize) {
        (self.epoch, self.batch)
    }

    /// Whether all epochs are done or patience ran out.
    pub fn is_over(&self) -> bool {
        self.stopped || self.epoch >= self.settings.epochs
    }

    /// Batches gathered since the last step.
    pub fn gathered(&self) -> usize {
        self.gathered.batches
    }

    /// Adds a batch's gradient. Gradients of sums are added and divided by the weight of all, so
    /// that gathered batches equal one large batch.
    pub fn gather(&mut self, micro: Micro) -> Result<()> {
        self.gathered.batches += 1;
        self.sums.meter.add(micro.sum, micro.weight, micro.readings);
        if micro.weight <= 0.0 {
            return Ok(());
        }
        self.gathered.weight += micro.weight;
        let gradient = self.parameters.gradient(&micro.loss.sum)?;
        self.gathered.gradient = Some(match self.gathered.gradient.take() {
            None => gradient,
            Some(mut so_far) => so_far.f_add_(&gradient)?,
        });
        Ok(())
    }

    /// One step of the optimiser; none if no target counted.
    pub fn step(&mut self) -> Result<()> {
        let Gathered { weight, gradient, .. } = std::mem::take(&mut self.gathered);
        let Some(mut gradient) = gradient else { return Ok(()) };
        let (limit, value_limit) = (self.settings.clip_norm, self.settings.clip_value);
        let norm = clip(&mut gradient, weight, limit, value_limit)?;
        if !norm.is_finite() {
            return Err(Error::data(format!("the norm of the gradient is {norm}")));
        }
        let rate = self.settings.schedule.rate(
            self.settings.learning_rate,
            self.optimizer.steps(),
            self.total_steps,
            self.epoch,
            self.plateau.reduction,
        );
        self.last_rate = rate.learning_rate;
        let flat = &mut self.parameters.flat;
        self.optimizer.step(flat, gradient, rate.learning_rate, rate.momentum)?;
        self.sums.norm += norm;
        self.sums.steps += 1;
        if let (Some(average), Some(decay)) = (&mut self.average, self.settings.weight_average) {
            let steps = self.optimizer.steps() as f64;
            let kept = decay.min(steps / (steps + 10.0));
            let _ = average.f_lerp_(&self.parameters.flat, 1.0 - kept)?;
        }
        Ok(())
    }

    /// Batch `index` is done; writes a checkpoint when one is due.
    pub fn batch_done(&mut self, index: usize) -> Result<()> {
        self.batch = index + 1;
        let due = self.saved.elapsed().as_secs_f64() >= self.settings.checkpoint_seconds;
        if due { self.save() } else { Ok(()) }
    }

    /// Does `work` with the averaged weights in place, if weights are averaged.
    pub fn with_average<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let Some(average) = &self.average else { return work() };
        let own = self.parameters.flat.f_detach_copy()?;
        self.parameters.flat.f_copy_(average)?;
        let result = work();
        self.parameters.flat.f_copy_(&own)?;
        result
    }

    /// Closes the epoch: history, best weights, plateau, patience.
    pub fn end_epoch(&mut self, valid: Option<Meter>, seconds: f64) -> Result<EpochRecord> {
        let sums = std::mem::take(&mut self.sums);
        let record = EpochRecord {
            epoch: self.epoch + 1,
            step: self.optimizer.steps(),
            train_loss: sums.meter.mean_loss(),
            valid_loss: valid.as_ref().map(Meter::mean_loss),
            train: sums.meter.mean_readings(),
            valid: valid.as_ref().map(Meter::mean_readings).unwrap_or_default(),
            learning_rate: self.last_rate,
            gradient_norm: sums.norm / sums.steps.max(1) as f64,
            seconds,
        };
        self.judge(&record)?;
        self.history.push(record.clone());
        self.append_history(&record)?;
        self.epoch += 1;
        self.batch = 0;
        Ok(record)
    }

    /// Keeps the weights if the epoch is the best so far; stops if patience ran out.
    fn judge(&mut self, record: &EpochRecord) -> Result<()> {
        if let Schedule::Plateau(plateau) = &self.settings.schedule {
            self.plateau.note(plateau, record.valid_loss.unwrap_or(record.train_loss));
        }
        let Some(loss) = record.valid_loss else { return Ok(()) };
        if self.best.as_ref().is_none_or(|(_, best, _)| loss < *best) {
            let mut snapshot = self.parameters.snapshot()?;
            if let Some(average) = &self.average {
                snapshot.flat = average.f_detach_copy()?;
            }
            self.best = Some((record.epoch, loss, snapshot));
        }
        let best_epoch = self.best.as_ref().map_or(0, |(epoch, ..)| *epoch);
        let waited = record.epoch - best_epoch;
        self.stopped = self.settings.patience.is_some_and(|patience| waited >= patience);
        Ok(())
    }

    fn append_history(&self, record: &EpochRecord) -> Result<()> {
        let Some(run) = self.run else { return Ok(()) };
        let path = run.file(HISTORY);
        let line = line(record)?;
        let open = std::fs::OpenOptions::new().append(true).create(true).open(&path);
        open.and_then(|mut file| file.write_all(line.as_bytes())).map_err(Error::io(&path))
    }

    /// Writes a checkpoint, if there is a run folder.
    pub fn save(&mut self) -> Result<()> {
        if let Some(run) = self.run {
            checkpoint::save(self, run)?;
            self.saved = Instant::now();
        }
        Ok(())
    }

    /// Puts the final weights into the model and writes weights and report.
    pub fn finish(mut self, model: &Model) -> Result<Report> {
        let mut kept_epoch = self.history.len();
        let best_valid_loss = self.best.as_ref().map(|(_, loss, _)| *loss);
        if let Some((epoch, _, snapshot)) = self.best.take_if(|_| self.settings.restore_best) {
            self.parameters.restore(&snapshot)?;
            kept_epoch = epoch;
        } else if let Some(average) = &self.average {
            self.parameters.flat.f_copy_(average)?;
        }
        let report = Report {
            kept_epoch,
            best_valid_loss,
            stopped_early: self.stopped && self.history.len() < self.settings.epochs,
            steps: self.optimizer.steps(),
            seconds: self.history.iter().map(|record| record.seconds).sum(),
            epochs: self.history,
        };
        if let Some(run) = self.run {
            model.save(&run.file(WEIGHTS))?;
            run.write_json(METRICS, &report)?;
            checkpoint::clear(run)?;
        }
        Ok(report)
    }
}

/// A record as a line of `history.jsonl`.
fn line(record: &EpochRecord) -> Result<String> {
    let text = serde_json::to_string(record)
        .map_err(|e| Error::data(format!("history cannot be written: {e}")))?;
    Ok(text + "\n")
}
