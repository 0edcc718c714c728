//! What a network must know of its examples, and checks of settings against it.

use crate::data::{ExampleSpec, Layout};
use crate::error::{Error, Result};

/// Sizes of one example, taken apart by layout.
#[derive(Clone, Debug)]
pub struct Axes {
    /// What the axes mean.
    pub layout: Layout,
    /// Sizes of the values.
    pub values: Vec<i64>,
    /// Width of the further features; 0 for none.
    pub features: i64,
}

impl Axes {
    /// Checks that the number of axes fits the layout.
    pub fn of(example: &ExampleSpec) -> Result<Self> {
        let expected = match example.layout {
            Layout::Series | Layout::Waveform => 2,
            Layout::Image => 3,
        };
        if example.values.len() != expected {
            return Err(Error::usage(format!(
                "examples have values of shape {}, expected {}",
                with_batch(&example.values),
                example.layout.axes()
            )));
        }
        let values = example.values.iter().map(|&n| n as i64).collect();
        Ok(Self { layout: example.layout, values, features: example.features as i64 })
    }

    /// Numbers in the values of one example.
    pub fn numbers(&self) -> i64 {
        self.values.iter().product()
    }

    /// Steps and channels of a sequence; images are refused in the name of `kind`.
    pub fn sequence(&self, kind: &str) -> Result<Sequence> {
        let (steps, channels) = match (self.layout, self.values.as_slice()) {
            (Layout::Series, &[steps, channels]) | (Layout::Waveform, &[channels, steps]) => {
                (steps, channels)
            }
            _ => {
                return Err(Error::usage(format!(
                    "{kind} reads sequences (N, time, channel) or (N, channel, time); the \
                     examples are images {}",
                    self.shape()
                )));
            }
        };
        if steps == 0 || channels == 0 {
            return Err(Error::usage(format!(
                "{kind} needs at least one step and one channel; the examples are {} along {}",
                self.shape(),
                self.layout.axes()
            )));
        }
        Ok(Sequence { steps, channels, time_last: self.layout == Layout::Waveform })
    }

    /// The shape with its batch axis, for messages: `(N, 60, 3)`.
    pub fn shape(&self) -> String {
        let values: Vec<usize> = self.values.iter().map(|&n| n as usize).collect();
        with_batch(&values)
    }
}

/// A sequence input.
#[derive(Clone, Copy, Debug)]
pub struct Sequence {
    /// Length of the time axis.
    pub steps: i64,
    /// Channels at each step.
    pub channels: i64,
    /// Whether time is the last axis (`[N, C, T]`).
    pub time_last: bool,
}

impl Sequence {
    /// The values as `[N, T, C]`.
    pub fn steps_first(&self, values: &tch::Tensor) -> tch::Tensor {
        if self.time_last { values.transpose(1, 2) } else { values.shallow_clone() }
    }

    /// The values as `[N, C, T]`.
    pub fn channels_first(&self, values: &tch::Tensor) -> tch::Tensor {
        if self.time_last { values.shallow_clone() } else { values.transpose(1, 2) }
    }
}

/// `(N, 60, 3)`.
pub fn with_batch(shape: &[usize]) -> String {
    let mut text = String::from("(N");
    for length in shape {
        text += &format!(", {length}");
    }
    text + ")"
}

/// A probability below 1.
pub fn check_fraction(name: &str, value: f64) -> Result<()> {
    if (0.0..1.0).contains(&value) {
        Ok(())
    } else {
        Err(Error::usage(format!("{name} = {value}: expected at least 0 and below 1")))
    }
}

/// At least 1, and small enough that sizes made of it stay in range.
pub fn check_positive(name: &str, value: usize) -> Result<()> {
    if (1..=1 << 20).contains(&value) {
        Ok(())
    } else {
        Err(Error::usage(format!("{name} = {value}: expected 1 to {}", 1 << 20)))
    }
}
