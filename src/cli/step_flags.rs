//! Preprocessing steps on the command line: a file of steps, or flags in the order given.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::error::{Error, Result};
use crate::signal::steps::{
    BandPass, BandStop, Decimate, Demean, Detrend, DetrendMethod, Differentiate, HighPass,
    Integrate, InterpolateStep, LowPass, NormaliseStep, ObspyZerophase, Pipeline, ResampleFourier,
    RotateNeRt, Sosfiltfilt, StaLta, StaLtaMethod, Step, TaperStep, Whiten,
};
use crate::signal::{Norm, TaperShape};

/// A flag that stands for one step.
struct StepFlag {
    name: &'static str,
    value: Option<&'static str>,
    help: &'static str,
    step: fn(&str) -> Result<Step>,
}

const CORNERS: usize = 4;

fn number(text: &str) -> Result<f64> {
    let text = text.trim();
    text.parse().map_err(|_| Error::usage(format!("expected a number, found '{text}'")))
}

fn pair(text: &str) -> Result<(f64, f64)> {
    match text.split_once(',') {
        Some((a, b)) => Ok((number(a)?, number(b)?)),
        None => Err(Error::usage(format!("expected two numbers such as 1,20, found '{text}'"))),
    }
}

/// Two edges of which either may be left out.
fn edges(text: &str) -> Result<(Option<f64>, Option<f64>)> {
    let given = |part: &str| if part.trim().is_empty() { Ok(None) } else { number(part).map(Some) };
    match text.split_once(',') {
        Some((low, high)) => Ok((given(low)?, given(high)?)),
        None => Err(Error::usage(format!("expected LOW,HIGH or LOW, or ,HIGH, found '{text}'"))),
    }
}

fn detrend(text: &str) -> Result<Step> {
    let (method, order) = match text {
        "linear" => (DetrendMethod::Linear, None),
        "simple" => (DetrendMethod::Simple, None),
        "constant" => (DetrendMethod::Constant, None),
        order => {
            let order = order.parse().map_err(|_| {
                Error::usage(format!(
                    "expected linear, simple, constant or the order of a polynomial, found \
                     '{order}'"
                ))
            })?;
            (DetrendMethod::Polynomial, Some(order))
        }
    };
    Ok(Step::Detrend(Detrend { method, order }))
}

fn norm(text: &str) -> Result<Step> {
    let by = match text {
        "peak" => Norm::Peak,
        "std" => Norm::Std,
        "demean" => Norm::Demean,
        other => {
            return Err(Error::usage(format!("expected peak, std or demean, found '{other}'")));
        }
    };
    Ok(Step::Normalise(NormaliseStep { by, ..NormaliseStep::default() }))
}

fn factor(text: &str) -> Result<Step> {
    let factor = text.trim().parse();
    let factor =
        factor.map_err(|_| Error::usage(format!("expected a whole number, found '{text}'")))?;
    Ok(Step::Decimate(Decimate { factor, filter: Default::default() }))
}

/// Any step, written as in a file but on one line: `kind = "taper", fraction = 0.1`.
fn any(text: &str) -> Result<Step> {
    let text = text.trim();
    let inside = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or(text);
    let pipeline = Pipeline::from_toml(&format!("step = [{{ {inside} }}]"))?;
    pipeline.steps.into_iter().next().ok_or_else(|| Error::usage("no step"))
}

const FLAGS: &[StepFlag] = &[
    StepFlag {
        name: "demean",
        value: None,
        help: "Subtract the mean",
        step: |_| Ok(Step::Demean(Demean::default())),
    },
    StepFlag {
        name: "detrend",
        value: Some("METHOD"),
        help: "Subtract a trend: linear, simple, constant, or the order of a polynomial",
        step: detrend,
    },
    StepFlag {
        name: "taper",
        value: Some("FRACTION"),
        help: "Fade in and out over this share of a run at each end (Hann)",
        step: |text| {
            let (fraction, shape) = (number(text)?, TaperShape::Hann);
            Ok(Step::Taper(TaperStep { fraction, shape, ..TaperStep::default() }))
        },
    },
    StepFlag {
        name: "bandpass",
        value: Some("LOW,HIGH"),
        help: "Causal Butterworth band-pass, Hz, 4 corners",
        step: |text| {
            let (low, high) = pair(text)?;
            Ok(Step::BandPass(BandPass { low, high, corners: CORNERS }))
        },
    },
    StepFlag {
        name: "highpass",
        value: Some("HZ"),
        help: "Causal Butterworth high-pass, 4 corners",
        step: |text| Ok(Step::HighPass(HighPass { frequency: number(text)?, corners: CORNERS })),
    },
    StepFlag {
        name: "lowpass",
        value: Some("HZ"),
        help: "Causal Butterworth low-pass, 4 corners",
        step: |text| Ok(Step::LowPass(LowPass { frequency: number(text)?, corners: CORNERS })),
    },
    StepFlag {
        name: "bandstop",
        value: Some("LOW,HIGH"),
        help: "Causal Butterworth band-stop, Hz, 4 corners",
        step: |text| {
            let (low, high) = pair(text)?;
            Ok(Step::BandStop(BandStop { low, high, corners: CORNERS }))
        },
    },
    StepFlag {
        name: "sosfiltfilt",
        value: Some("LOW,HIGH"),
        help: "Zero-phase Butterworth filter as SciPy's; either edge may be left out",
        step: |text| {
            let (low, high) = edges(text)?;
            Ok(Step::Sosfiltfilt(Sosfiltfilt { low, high, stop: false, corners: CORNERS }))
        },
    },
    StepFlag {
        name: "obspy-zerophase",
        value: Some("LOW,HIGH"),
        help: "Zero-phase Butterworth filter as ObsPy's; either edge may be left out",
        step: |text| {
            let (low, high) = edges(text)?;
            Ok(Step::ObspyZerophase(ObspyZerophase { low, high, stop: false, corners: CORNERS }))
        },
    },
    StepFlag {
        name: "decimate",
        value: Some("FACTOR"),
        help: "Causal anti-alias filter (Chebyshev II), then every n-th sample; 2 to 16",
        step: factor,
    },
    StepFlag {
        name: "resample",
        value: Some("HZ"),
        help: "Another rate through the spectrum of the whole run (Hann window over it)",
        step: |text| {
            let rate = number(text)?;
            Ok(Step::ResampleFourier(ResampleFourier { rate, window: Default::default() }))
        },
    },
    StepFlag {
        name: "interpolate",
        value: Some("HZ"),
        help: "Another rate by weighted average slopes; no anti-alias filter",
        step: |text| {
            let (rate, method) = (number(text)?, Default::default());
            Ok(Step::Interpolate(InterpolateStep { rate, method, width: 20 }))
        },
    },
    StepFlag {
        name: "integrate",
        value: None,
        help: "Integrate in time (trapezoid rule)",
        step: |_| Ok(Step::Integrate(Integrate::default())),
    },
    StepFlag {
        name: "differentiate",
        value: None,
        help: "Differentiate in time (central differences)",
        step: |_| Ok(Step::Differentiate(Differentiate::default())),
    },
    StepFlag {
        name: "normalise",
        value: Some("BY"),
        help: "Each run by its own peak or std, or only demean",
        step: norm,
    },
    StepFlag {
        name: "whiten",
        value: Some("LOW,HIGH"),
        help: "Equal amplitude at all frequencies of the band, Hz",
        step: |text| {
            let (low, high) = pair(text)?;
            Ok(Step::Whiten(Whiten { low, high, bins: 1, taper: 0.1 }))
        },
    },
    StepFlag {
        name: "sta-lta",
        value: Some("SHORT,LONG"),
        help: "Recursive short-term over long-term average, seconds",
        step: |text| {
            let ((short, long), method) = (pair(text)?, StaLtaMethod::Recursive);
            Ok(Step::StaLta(StaLta { short, long, method, ratio: 0.8, quiet: 0.8 }))
        },
    },
    StepFlag {
        name: "rotate-rt",
        value: Some("BACK_AZIMUTH"),
        help: "North and east to radial and transverse, degrees",
        step: |text| {
            let back_azimuth = Some(number(text)?);
            Ok(Step::RotateNeRt(RotateNeRt { back_azimuth, source: None }))
        },
    },
    StepFlag {
        name: "step",
        value: Some("SETTINGS"),
        help: "Any step as in a file, on one line: 'kind = \"taper\", shape = \"cosine\"'",
        step: any,
    },
];

/// `--steps FILE`, or flags in the order given.
#[derive(Debug, Default)]
pub struct StepFlags {
    file: Option<PathBuf>,
    /// Name of the flag and its text.
    flags: Vec<(&'static str, String)>,
}

impl StepFlags {
    /// The steps asked for; at least one.
    pub fn pipeline(&self) -> Result<Pipeline> {
        if let Some(file) = &self.file {
            return read_steps(file);
        }
        if self.flags.is_empty() {
            let text = "no steps: give --steps FILE, or flags such as --bandpass 1,20";
            return Err(Error::usage(text));
        }
        let mut steps = Vec::new();
        for (number, (name, text)) in (1..).zip(&self.flags) {
            let Some(flag) = FLAGS.iter().find(|flag| flag.name == *name) else { continue };
            let step = (flag.step)(text);
            steps.push(step.map_err(|e| Error::usage(format!("step {number} (--{name}): {e}")))?);
        }
        Pipeline::new(steps)
    }
}

/// Reads a file of steps.
///
/// # Errors
/// `Usage`, naming the file and the number of the step at fault.
pub fn read_steps(file: &Path) -> Result<Pipeline> {
    let text = std::fs::read_to_string(file).map_err(Error::io(file))?;
    Pipeline::from_toml(&text).map_err(|e| Error::usage(format!("{}: {e}", file.display())))
}

/// Reads a file of steps for a forecaster, which must not see what comes later.
///
/// # Errors
/// What is wrong, as text for clap: also a step that looks ahead, by name.
pub fn causal_steps(file: &str) -> std::result::Result<Pipeline, String> {
    let causal = || {
        let pipeline = read_steps(Path::new(file))?;
        pipeline.require_causal()?;
        if pipeline.components().is_empty() {
            return Ok(pipeline);
        }
        let text = "components cannot be rotated on the way to features; let temblor process do it";
        Err(Error::usage(text))
    };
    causal().map_err(|e: Error| e.to_string())
}

impl clap::Args for StepFlags {
    fn augment_args(command: Command) -> Command {
        let mut command = command.next_help_heading("Steps, done in the order given").arg(
            Arg::new("steps")
                .long("steps")
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("Steps as [[step]] tables of a TOML file, instead of the flags below"),
        );
        for flag in FLAGS {
            let arg = Arg::new(flag.name)
                .long(flag.name)
                .help(flag.help)
                .action(ArgAction::Append)
                .conflicts_with("steps");
            command = command.arg(match flag.value {
                Some(value) => arg.value_name(value).allow_negative_numbers(true),
                None => arg.num_args(0).default_missing_value(""),
            });
        }
        command.next_help_heading(None::<&str>)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for StepFlags {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Self, clap::Error> {
        let mut placed: Vec<(usize, &'static str, String)> = Vec::new();
        for flag in FLAGS {
            let places = matches.indices_of(flag.name).into_iter().flatten();
            let texts = matches.get_many::<String>(flag.name).into_iter().flatten();
            placed.extend(places.zip(texts).map(|(at, text)| (at, flag.name, text.clone())));
        }
        placed.sort_by_key(|(at, _, _)| *at);
        let flags = placed.into_iter().map(|(_, name, text)| (name, text)).collect();
        Ok(Self { file: matches.get_one::<PathBuf>("steps").cloned(), flags })
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        steps: StepFlags,
    }

    fn pipeline(arguments: &[&str]) -> Result<Pipeline> {
        let arguments = [&["program"][..], arguments].concat();
        Program::try_parse_from(arguments).unwrap().steps.pipeline()
    }

    #[test]
    fn flags_are_done_in_the_order_given_and_may_repeat() {
        let found = pipeline(&[
            "--decimate",
            "4",
            "--demean",
            "--step",
            "kind = 'taper', fraction = 0.1",
            "--decimate",
            "2",
            "--sosfiltfilt",
            ",5",
        ]);
        let found = found.unwrap();
        let kinds: Vec<&str> = found.steps.iter().map(Step::kind).collect();
        assert_eq!(kinds, ["decimate", "demean", "taper", "decimate", "sosfiltfilt"]);
        assert!(matches!(found.steps[3], Step::Decimate(Decimate { factor: 2, .. })));
    }

    #[test]
    fn bad_flags_name_the_step() {
        for arguments in [
            &["--demean", "--bandpass", "1"][..],
            &["--demean", "--decimate", "0"],
            &["--demean", "--taper", "0.9"],
            &["--demean", "--step", "kind = 'sharpen'"],
            &["--demean", "--highpass", "-1"],
            &["--demean", "--normalise", "loudness"],
        ] {
            let line = pipeline(arguments).unwrap_err().to_string();
            assert!(line.starts_with("step 2 ("), "{line}");
        }
        assert!(pipeline(&[]).is_err());
    }
}
