//! Classes of continuous data: a window slides over every channel of an archive.

use super::class_examples::ClassTable;
use super::class_report::quoted;
use super::class_run::ClassRun;
use super::class_settings::WindowSettings;
use super::window_examples::WindowExamples;
use crate::error::{Error, Result};
use crate::progress::{Progress, check_interrupt};
use crate::read::{Archive, StreamId, Trace};
use crate::signal::{PolyphaseResampler, prepare_window};
use crate::time::{SampleRate, Span, UtcTime};

/// Windows classified at a time.
const BATCH: usize = 256;

/// One window of continuous data.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassifiedWindow {
    /// The channel.
    pub id: StreamId,
    /// First sample.
    pub start: UtcTime,
    /// End, one sample behind the last.
    pub end: UtcTime,
    /// Probability of each class, `[C]`.
    pub probabilities: Vec<f64>,
}

/// Channels classified, and what was left out with the reason.
#[derive(Clone, Debug, Default)]
pub struct ClassifiedArchive {
    /// Windows by channel and time.
    pub windows: Vec<ClassifiedWindow>,
    /// Channels or pieces that failed.
    pub failed: Vec<String>,
    /// Seconds of data under at least one window, all channels together.
    pub covered_seconds: f64,
    /// Seconds of data in contiguous runs shorter than a window.
    pub too_short_seconds: f64,
    /// Channels that were brought to the run's rate, with their own.
    pub resampled: Vec<(StreamId, f64)>,
}

/// Slides windows of the run's length over all contiguous data, `step_seconds` apart; the last
/// window of a run of data ends with its last sample. Windows do not span gaps. Channels of a
/// higher rate are resampled (symmetric FIR filter); of a lower rate, they are named and left out.
pub fn classify_archive(
    run: &ClassRun,
    settings: &WindowSettings,
    raw_samples: usize,
    archive: &Archive,
    step_seconds: f64,
) -> Result<ClassifiedArchive> {
    let rate = settings.rate()?;
    let step = (step_seconds * rate.hz()).round();
    if !(1.0..1e9).contains(&step) {
        return Err(Error::usage(format!("a step of {step_seconds} s is no step")));
    }
    let slider = Slider { run, settings, rate, samples: raw_samples, step: step as usize };
    let mut result = ClassifiedArchive::default();
    let channels = archive.channels();
    let mut progress = Progress::new("classifying", "channels", channels.len() as u64);
    for id in &channels {
        check_interrupt()?;
        slider.channel(archive, id, &mut result)?;
        progress.advance(1);
    }
    Ok(result)
}

/// The samples of a window that was classified, prepared as the networks saw them, `[T]`.
///
/// # Errors
/// Data that can no longer be read.
pub fn read_classified(
    archive: &Archive,
    settings: &WindowSettings,
    window: &ClassifiedWindow,
) -> Result<Vec<f32>> {
    let rate = settings.rate()?;
    let span = Span { start: window.start, end: window.end };
    let mut run: Option<Contiguous> = None;
    for piece in archive.pieces_within(&window.id, span) {
        let piece = piece?;
        match &mut run {
            Some(run) => run.take(&piece),
            None => run.insert(Contiguous::begin(&piece, rate)?).take(&piece),
        }
    }
    let mut held = run.map(Contiguous::end).unwrap_or_default().held;
    let samples = rate.nearest_index(window.end.0 - window.start.0).max(0) as usize;
    held.truncate(samples);
    let wave: Vec<f64> = held.iter().map(|&x| f64::from(x)).collect();
    let prepared = prepare_window(&wave, rate, settings.skip_seconds)?;
    let prepared = settings.input.apply(prepared, rate)?;
    Ok(prepared.iter().map(|&x| x as f32).collect())
}

/// Contiguous samples of one channel at the run's rate, as far as windows still need them.
#[derive(Default)]
struct Contiguous {
    held: Vec<f32>,
    /// Time of the first sample of all, and how many of them are no longer held.
    origin: UtcTime,
    gone: u64,
    /// Where in `held` the next window begins.
    next: usize,
    /// Where in `held` the last window ended.
    covered: usize,
    /// The rate of the samples held; the data's own where it is the run's but for a part in 10⁶.
    rate: Option<SampleRate>,
    resampler: Option<PolyphaseResampler>,
}

impl Contiguous {
    /// A run of data that begins with `piece`, of which nothing is taken yet.
    ///
    /// # Errors
    /// A rate that cannot be brought to `wanted`.
    fn begin(piece: &Trace, wanted: SampleRate) -> Result<Self> {
        let (found, expected) = (piece.rate.hz(), wanted.hz());
        let start = Self { origin: piece.start, ..Self::default() };
        if (found / expected - 1.0).abs() <= 1e-6 {
            return Ok(Self { rate: Some(piece.rate), ..start });
        }
        let refused = |why: &str| {
            Error::data(format!("{}: {found} Hz, the run expects {expected} Hz; {why}", piece.id))
        };
        if found < expected {
            return Err(refused("a lower rate lacks what the networks look at"));
        }
        let (up, down) = (wanted.ratio(), piece.rate.ratio());
        let ratio = (up.0.checked_mul(down.1), up.1.checked_mul(down.0));
        let (Some(up), Some(down)) = ratio else {
            return Err(refused("the ratio is not simple; resample with `temblor process` first"));
        };
        let resampler = PolyphaseResampler::new(up, down).map_err(|_| {
            refused("the ratio is not simple; resample with `temblor process` first")
        })?;
        Ok(Self { rate: Some(wanted), resampler: Some(resampler), ..start })
    }

    fn take(&mut self, piece: &Trace) {
        let samples = piece.samples.to_f64();
        match &mut self.resampler {
            None => self.held.extend(samples.iter().map(|&x| x as f32)),
            Some(resampler) => {
                let mut out = Vec::new();
                resampler.run(&samples, &mut out);
                self.held.extend(out.iter().map(|&x| x as f32));
            }
        }
    }

    /// No more pieces come.
    fn end(mut self) -> Self {
        if let Some(resampler) = self.resampler.take() {
            let mut out = Vec::new();
            resampler.finish(&mut out);
            self.held.extend(out.iter().map(|&x| x as f32));
        }
        self
    }

    /// Drops what no window will need: the last `samples` stay for the one that ends the run.
    fn forget(&mut self, samples: usize) {
        let spent = self.next.min(self.held.len().saturating_sub(samples));
        self.held.drain(..spent);
        self.gone += spent as u64;
        self.next -= spent;
        self.covered = self.covered.saturating_sub(spent);
    }

    /// The time of sample `at` of those held.
    fn time(&self, at: usize) -> UtcTime {
        let offset = self.rate.map_or(0, |rate| rate.offset(self.gone + at as u64));
        self.origin.plus(offset)
    }
}

struct Slider<'a> {
    run: &'a ClassRun,
    settings: &'a WindowSettings,
    rate: SampleRate,
    samples: usize,
    step: usize,
}

impl Slider<'_> {
    fn channel(&self, archive: &Archive, id: &StreamId, out: &mut ClassifiedArchive) -> Result<()> {
        let mut run: Option<Contiguous> = None;
        let mut last: Option<Trace> = None;
        for piece in archive.pieces(id) {
            check_interrupt()?;
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    out.failed.push(error.to_string());
                    continue;
                }
            };
            let goes_on = last.as_ref().is_some_and(|last| last.is_continued_by(&piece));
            if !goes_on && let Some(run) = run.take() {
                self.finish(id, run, out)?;
            }
            let current = match &mut run {
                Some(run) => run,
                None => match Contiguous::begin(&piece, self.rate) {
                    Ok(begun) => run.insert(begun),
                    Err(error) => {
                        out.failed.push(error.to_string());
                        return Ok(());
                    }
                },
            };
            current.take(&piece);
            if current.resampler.is_some() && out.resampled.last().is_none_or(|(of, _)| of != id) {
                out.resampled.push((id.clone(), piece.rate.hz()));
            }
            self.slide(id, current, out)?;
            last = Some(piece);
        }
        match run {
            Some(run) => self.finish(id, run, out),
            None => Ok(()),
        }
    }

    /// Classifies all whole windows a step apart.
    fn slide(
        &self,
        id: &StreamId,
        run: &mut Contiguous,
        out: &mut ClassifiedArchive,
    ) -> Result<()> {
        let mut starts: Vec<usize> = Vec::new();
        while run.next + self.samples <= run.held.len() {
            starts.push(run.next);
            run.next += self.step;
        }
        self.classify(id, run, &starts, out)?;
        run.forget(self.samples);
        Ok(())
    }

    /// Classifies what is left of a run of data, its last window ending with its last sample.
    fn finish(&self, id: &StreamId, run: Contiguous, out: &mut ClassifiedArchive) -> Result<()> {
        let mut run = run.end();
        self.slide(id, &mut run, out)?;
        let length = run.held.len();
        if length >= self.samples && run.covered < length {
            self.classify(id, &mut run, &[length - self.samples], out)?;
        }
        if length < self.samples && run.gone == 0 {
            out.too_short_seconds += length as f64 / self.rate.hz();
        }
        Ok(())
    }

    /// Classifies the windows that begin at `starts`.
    fn classify(
        &self,
        id: &StreamId,
        run: &mut Contiguous,
        starts: &[usize],
        out: &mut ClassifiedArchive,
    ) -> Result<()> {
        for part in starts.chunks(BATCH) {
            let raw: Vec<f32> =
                part.iter().flat_map(|&at| run.held[at..at + self.samples].to_vec()).collect();
            let table = ClassTable {
                classes: self.run.classes.clone(),
                labels: vec![None; part.len()],
                groups: vec![0; part.len()],
                key: "row",
                names: part.iter().map(|at| at.to_string()).collect(),
                ..ClassTable::default()
            };
            let examples = WindowExamples::prepare(&raw, (1, self.samples), self.settings, table)?;
            let probabilities = self.run.classify(&examples)?;
            for (&at, row) in part.iter().zip(probabilities.chunks_exact(self.run.classes.len())) {
                let end = at + self.samples;
                let fresh = end - at.max(run.covered);
                out.covered_seconds += fresh as f64 / self.rate.hz();
                run.covered = end;
                out.windows.push(ClassifiedWindow {
                    id: id.clone(),
                    start: run.time(at),
                    end: run.time(end),
                    probabilities: row.to_vec(),
                });
            }
        }
        Ok(())
    }
}

/// The text of `predictions.csv`: `id,start,end,predicted,probability,p_CLASS…`.
pub fn windows_csv(windows: &[ClassifiedWindow], classes: &[String]) -> String {
    let mut text = String::from("id,start,end,predicted,probability");
    for class in classes {
        text += &format!(",{}", quoted(&format!("p_{class}")));
    }
    text.push('\n');
    for window in windows {
        let p = &window.probabilities;
        let best = (0..p.len()).fold(0, |b, k| if p[k] > p[b] { k } else { b });
        let class = quoted(&classes[best]);
        let ClassifiedWindow { id, start, end, .. } = window;
        text += &format!("{id},{start},{end},{class},{:.6}", p[best]);
        p.iter().for_each(|p| text += &format!(",{p:.6}"));
        text.push('\n');
    }
    text
}
