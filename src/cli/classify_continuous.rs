//! `temblor classify` on station data: windows, detections, what to look at first.

use super::classify::Args;
use super::{Outcome, class_figures, least_certain};
use crate::detect::continuous::{
    ClassifiedArchive, ClassifiedWindow, classify_archive, read_classified, windows_csv,
};
use crate::detect::{
    ClassDetection, ClassRun, DetectionRule, WindowSettings, detections, detections_table,
};
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::plot::examples::{Example, ExampleRow, ExamplesFigure};
use crate::plot::keep;
use crate::progress::note;
use crate::read::{Archive, ArchiveOptions, table};

/// Classifies station data with a run of windows.
pub fn run(args: &Args, run: &ClassRun, settings: &WindowSettings) -> Result<Outcome> {
    if !(0.0..=1.0).contains(&args.least_probability) {
        return Err(Error::usage("--least-probability lies in 0..1"));
    }
    let samples = run.raw_samples(settings)?;
    let step = args.step.unwrap_or(samples as f64 / settings.rate_hz / 2.0);
    let options = ArchiveOptions { channels: args.channel.clone(), ..ArchiveOptions::default() };
    let (archive, report) = Archive::open(std::slice::from_ref(&args.input), &options)?;
    report.say();
    let classified = classify_archive(run, settings, samples, &archive, step)?;
    say(&classified);
    if classified.windows.is_empty() {
        let text = format!("no contiguous window of {samples} samples at {} Hz", settings.rate_hz);
        return Err(Error::input(&args.input, text));
    }
    let text = windows_csv(&classified.windows, &run.classes);
    write_atomically(&args.out.join("predictions.csv"), text.as_bytes())?;
    let noise = settings.noise_class.as_ref();
    let rule = DetectionRule {
        least_probability: args.least_probability,
        noise: noise.and_then(|name| run.classes.iter().position(|class| class == name)),
    };
    let found = detections(&classified.windows, rule);
    let rows = detections_table(&found, &run.classes);
    table::write(&args.out.join("detections.csv"), &rows)?;
    table::write(&args.out.join("detections.parquet"), &rows)?;
    print_counts(&found, &run.classes, rule.noise);
    let pictures = Pictures { run, settings, archive: &archive, windows: &classified.windows };
    pictures.examples(args, rule.noise)?;
    pictures.least_certain(args)?;
    let clean = report.is_clean() && classified.failed.is_empty();
    Ok(if clean { Outcome::Done } else { Outcome::SomeInputsFailed })
}

/// What was covered, changed and left out.
fn say(classified: &ClassifiedArchive) {
    for problem in &classified.failed {
        note(format_args!("skipped {problem}"));
    }
    for (id, hz) in &classified.resampled {
        note(format_args!("{id}: resampled from {hz} Hz"));
    }
    let hours = |seconds: f64| seconds / 3600.0;
    note(format_args!(
        "{} windows classified; {:.2} h of data covered, {:.2} h in runs shorter than a window",
        classified.windows.len(),
        hours(classified.covered_seconds),
        hours(classified.too_short_seconds)
    ));
}

/// Detections of each class, on standard output.
fn print_counts(found: &[ClassDetection], classes: &[String], noise: Option<usize>) {
    let width = classes.iter().map(|class| class.chars().count()).max().unwrap_or(0);
    println!("{:<width$}  detections", "class");
    for (class, name) in classes.iter().enumerate().filter(|(class, _)| Some(*class) != noise) {
        let count = found.iter().filter(|one| one.class == class).count();
        println!("{name:<width$}  {count:>10}");
    }
}

/// What the figures are drawn from; samples are read again, those of few windows.
struct Pictures<'a> {
    run: &'a ClassRun,
    settings: &'a WindowSettings,
    archive: &'a Archive,
    windows: &'a [ClassifiedWindow],
}

impl Pictures<'_> {
    /// `examples.png`: the surest windows of each class.
    fn examples(&self, args: &Args, noise: Option<usize>) -> Result<()> {
        let mut rows = Vec::new();
        for (class, name) in self.run.classes.iter().enumerate() {
            let p = |window: &ClassifiedWindow| window.probabilities[class];
            let best = |window: &&ClassifiedWindow| {
                window.probabilities.iter().all(|&other| other <= p(window))
            };
            let mut own: Vec<&ClassifiedWindow> = self.windows.iter().filter(best).collect();
            own.sort_by(|a, b| p(b).total_cmp(&p(a)));
            let mut chosen: Vec<&ClassifiedWindow> = Vec::new();
            for window in own {
                let apart = |other: &&ClassifiedWindow| {
                    other.id != window.id || other.end <= window.start || window.end <= other.start
                };
                if chosen.iter().all(apart) {
                    chosen.push(window);
                }
                if chosen.len() == class_figures::EXAMPLES {
                    break;
                }
            }
            let windows: Vec<Example> =
                chosen.into_iter().map(|window| self.example(window)).collect::<Result<_>>()?;
            if !windows.is_empty() {
                let mark = if Some(class) == noise { " (no event)" } else { "" };
                rows.push(ExampleRow { heading: format!("{name}{mark}"), windows });
            }
        }
        let title = "The surest windows of each class".to_string();
        let figure = ExamplesFigure { title, seconds: self.seconds(), rows };
        keep(&args.out, "examples", figure)
    }

    fn least_certain(&self, args: &Args) -> Result<()> {
        let (windows, classes) = (self.windows, &self.run.classes);
        let doubts = least_certain::of_windows(args.least_certain, windows, classes, &args.out)?;
        if doubts.is_empty() {
            return Ok(());
        }
        let drawn = doubts.iter().map(|doubt| {
            let words = [doubt.first, doubt.second]
                .map(|(class, p)| format!("{} {:.0} %", classes[class], 100.0 * p));
            let example = self.example(&windows[doubt.example])?;
            Ok(Example { answer: words.join(", "), ..example })
        });
        let drawn: Vec<Example> = drawn.collect::<Result<_>>()?;
        class_figures::least_certain(drawn, self.seconds(), &args.out)
    }

    fn seconds(&self) -> f64 {
        let length = |window: &ClassifiedWindow| (window.end.0 - window.start.0) as f64 * 1e-9;
        self.windows.first().map_or(0.0, length) - self.settings.skip_seconds.max(0.0)
    }

    fn example(&self, window: &ClassifiedWindow) -> Result<Example> {
        let p = &window.probabilities;
        let best = (0..p.len()).fold(0, |b, k| if p[k] > p[b] { k } else { b });
        Ok(Example {
            name: format!("{} {}", window.id, window.start.format("%Y-%m-%d %H:%M:%S")),
            answer: format!("{} {:.0} %", self.run.classes[best], 100.0 * p[best]),
            right: None,
            samples: read_classified(self.archive, self.settings, window)?,
        })
    }
}
