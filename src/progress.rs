//! Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::{Error, Result};

/// 0 quiet, 1 normal, 2 verbose; set once by the command line.
static VERBOSITY: AtomicU8 = AtomicU8::new(1);
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// How much is said on stderr: 0 quiet, 1 normal, 2 verbose.
pub fn set_verbosity(level: u8) {
    VERBOSITY.store(level, Ordering::Relaxed);
}

/// The level set by [`set_verbosity`].
pub fn verbosity() -> u8 {
    VERBOSITY.load(Ordering::Relaxed)
}

/// One line on stderr unless quiet.
pub fn note(message: impl std::fmt::Display) {
    if verbosity() > 0 {
        eprintln!("{message}");
    }
}

/// Makes Ctrl-C and SIGTERM a request to stop at the next safe point; a second one ends at once.
pub fn stop_on_ctrl_c() -> Result<()> {
    ctrlc::set_handler(|| {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .map_err(|e| Error::usage(format!("cannot listen for Ctrl-C: {e}")))
}

/// `Err(Interrupted)` once Ctrl-C was pressed: long loops ask between units of work.
pub fn check_interrupt() -> Result<()> {
    if INTERRUPTED.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
}

/// A running piece of work with a known number of units.
pub struct Progress {
    bar: ProgressBar,
    what: String,
    plain: bool,
    total: u64,
    done: u64,
    started: Instant,
    last_line: Instant,
}

impl Progress {
    /// `what` names the work ("training"), `unit` what is counted ("batches").
    pub fn new(what: &str, unit: &str, total: u64) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
        if terminal && verbosity() > 0 {
            bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
            let template = format!(
                "{{prefix}} [{{bar:28}}] {{pos}}/{{len}} {unit} {{per_sec}} left {{eta}} {{msg}}"
            );
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what.to_string());
        }
        let now = Instant::now();
        let plain = !terminal && verbosity() > 0;
        Self { bar, what: what.into(), plain, total, done: 0, started: now, last_line: now }
    }

    /// Moves on by `units`; on a plain stream a line appears at most every ten seconds.
    pub fn advance(&mut self, units: u64) {
        self.done += units;
        self.bar.inc(units);
        if self.plain && self.last_line.elapsed() > Duration::from_secs(10) {
            self.last_line = Instant::now();
            let rate = self.done as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
            let left = self.total.saturating_sub(self.done) as f64 / rate.max(1e-9);
            eprintln!(
                "{}: {}/{} ({rate:.1}/s, {left:.0} s left)",
                self.what, self.done, self.total
            );
        }
    }

    /// A short text after the bar (loss, file name).
    pub fn message(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// Prints a line above the bar without tearing it.
    pub fn say(&self, text: impl std::fmt::Display) {
        self.bar.suspend(|| note(text));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
