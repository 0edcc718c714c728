//! Parts of a network that do not learn.

use glob::Pattern;
use tch::Tensor;

use super::Model;
use super::network::{Input, Mode, Network};
use crate::error::{Error, Result};

impl Model {
    /// Keeps parameters whose names match one of `patterns` (`down_branch.*`) as they are; their
    /// number comes back. A batch normalisation whose gains are kept keeps its running statistics
    /// too.
    ///
    /// # Errors
    /// A pattern that is none or matches no name; patterns that leave nothing to learn.
    pub fn freeze(&mut self, patterns: &[String]) -> Result<usize> {
        let names: Vec<(String, Tensor)> = self.named_tensors().into_iter().collect();
        let mut frozen = 0;
        for text in patterns {
            let pattern = Pattern::new(text)
                .map_err(|e| Error::usage(format!("freeze: '{text}' is no pattern: {e}")))?;
            let mut found = false;
            for (_, tensor) in names.iter().filter(|(name, _)| pattern.matches(name)) {
                found = true;
                if tensor.requires_grad() {
                    frozen += tensor.numel();
                    let _ = tensor.shallow_clone().set_requires_grad(false);
                }
            }
            if !found {
                let names: Vec<&str> =
                    names.iter().filter_map(|(name, _)| name.split('.').next()).collect();
                let mut parts = names;
                parts.dedup();
                return Err(Error::usage(format!(
                    "freeze: no parameter is called '{text}'; names begin with {}",
                    parts.join(", ")
                )));
            }
        }
        if frozen > 0 && names.iter().all(|(_, tensor)| !tensor.requires_grad()) {
            return Err(Error::usage("freeze: nothing is left to learn"));
        }
        Ok(frozen)
    }

    /// The network with batch normalisation that uses its running statistics in training too, and
    /// leaves them alone; dropout acts as ever.
    pub fn with_frozen_statistics(self) -> Self {
        let network = Box::new(FrozenStatistics(self.network));
        Self { parameters: self.parameters, network }
    }
}

/// A network in which nothing but dropout is different in training.
struct FrozenStatistics(Box<dyn Network>);

impl Network for FrozenStatistics {
    fn forward(&self, input: &Input<'_>, mode: Mode<'_>) -> Tensor {
        self.0.forward(input, quiet(mode))
    }

    fn forward_observed(
        &self,
        input: &Input<'_>,
        mode: Mode<'_>,
        observe: &mut dyn FnMut(&str, &Tensor),
    ) -> Tensor {
        self.0.forward_observed(input, quiet(mode), observe)
    }
}

fn quiet(mode: Mode<'_>) -> Mode<'_> {
    match mode {
        Mode::Train(dropout) => Mode::Sample(dropout),
        other => other,
    }
}
