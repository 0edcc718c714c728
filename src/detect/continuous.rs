//! Classes of continuous data: a window slides over every channel of an archive.

use super::class_examples::ClassTable;
use super::class_report::quoted;
use super::class_run::ClassRun;
use super::class_settings::WindowSettings;
use super::window_examples::WindowExamples;
use crate::error::{Error, Result};
use crate::progress::{Progress, check_interrupt};
use crate::read::{Archive, StreamId};
use crate::time::{SampleRate, UtcTime};

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

/// Channels classified, and those left out with the reason.
#[derive(Clone, Debug, Default)]
pub struct ClassifiedArchive {
    /// Windows by channel and time.
    pub windows: Vec<ClassifiedWindow>,
    /// Channels or pieces that failed.
    pub failed: Vec<String>,
}

/// Slides windows of the run's length over all contiguous data, `step_seconds` apart. Windows do
/// not span gaps; channels of another rate are named and left out.
pub fn classify_archive(
    run: &ClassRun,
    settings: &WindowSettings,
    raw_samples: usize,
    archive: &Archive,
    step_seconds: f64,
) -> Result<ClassifiedArchive> {
    let rate = SampleRate::from_hz(settings.rate_hz)
        .ok_or_else(|| Error::usage(format!("rate_hz = {} is no rate", settings.rate_hz)))?;
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

struct Slider<'a> {
    run: &'a ClassRun,
    settings: &'a WindowSettings,
    rate: SampleRate,
    samples: usize,
    step: usize,
}

impl Slider<'_> {
    fn channel(&self, archive: &Archive, id: &StreamId, out: &mut ClassifiedArchive) -> Result<()> {
        // Samples not yet slid over, and the time of the first of them.
        let mut held: Vec<f32> = Vec::new();
        let mut start = UtcTime::default();
        let mut last: Option<crate::read::Trace> = None;
        for piece in archive.pieces(id) {
            let piece = match piece {
                Ok(piece) => piece,
                Err(error) => {
                    out.failed.push(error.to_string());
                    continue;
                }
            };
            if (piece.rate.hz() / self.rate.hz() - 1.0).abs() > 1e-6 {
                let (found, expected) = (piece.rate.hz(), self.rate.hz());
                out.failed.push(format!("{id}: {found} Hz, the run expects {expected} Hz"));
                return Ok(());
            }
            let goes_on = last.as_ref().is_some_and(|last| last.is_continued_by(&piece));
            if !goes_on {
                held.clear();
                start = piece.start;
            }
            held.extend(piece.samples.to_f64().iter().map(|&x| x as f32));
            let done = self.slide(id, &held, start, out)?;
            held.drain(..done);
            start = start.plus(self.rate.offset(done as u64));
            last = Some(piece);
        }
        Ok(())
    }

    /// Classifies all whole windows; returns how many samples are done with.
    fn slide(
        &self,
        id: &StreamId,
        samples: &[f32],
        start: UtcTime,
        out: &mut ClassifiedArchive,
    ) -> Result<usize> {
        let mut starts: Vec<usize> = Vec::new();
        let mut at = 0;
        while at + self.samples <= samples.len() {
            starts.push(at);
            at += self.step;
        }
        for part in starts.chunks(BATCH) {
            let raw: Vec<f32> =
                part.iter().flat_map(|&at| samples[at..at + self.samples].to_vec()).collect();
            let table = ClassTable {
                classes: self.run.classes.clone(),
                labels: vec![None; part.len()],
                groups: vec![0; part.len()],
                key: "row",
                names: part.iter().map(|at| at.to_string()).collect(),
                ..ClassTable::default()
            };
            let shape = (1, self.samples);
            let skipped = self.settings.skip_seconds;
            let examples = WindowExamples::prepare(&raw, shape, self.rate, skipped, table)?;
            let probabilities = self.run.classify(&examples)?;
            for (&at, row) in part.iter().zip(probabilities.chunks_exact(self.run.classes.len())) {
                out.windows.push(ClassifiedWindow {
                    id: id.clone(),
                    start: start.plus(self.rate.offset(at as u64)),
                    end: start.plus(self.rate.offset((at + self.samples) as u64)),
                    probabilities: row.to_vec(),
                });
            }
        }
        Ok(at.min(samples.len()))
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
