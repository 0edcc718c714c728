//! Weights in files: safetensors, by name.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor};

use super::Model;
use crate::error::{Error, Result};
use crate::output::write_atomically;

/// Counters in files of PyTorch that these networks do not keep.
const COUNTER: &str = "num_batches_tracked";

impl Model {
    /// Trainable numbers.
    pub fn parameter_count(&self) -> usize {
        self.parameters.trainable_variables().iter().map(Tensor::numel).sum()
    }

    /// All parameters and buffers sorted by name.
    pub fn named_tensors(&self) -> BTreeMap<String, Tensor> {
        self.parameters.variables().into_iter().collect()
    }

    /// Writes all parameters and buffers as float32, atomically. The same weights give the same
    /// bytes.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = Vec::new();
        for (name, tensor) in self.named_tensors() {
            let shape: Vec<usize> = tensor.size().iter().map(|&n| n as usize).collect();
            let bytes: Vec<u8> = numbers(&tensor)?.iter().flat_map(|v| v.to_le_bytes()).collect();
            tensors.push((name, shape, bytes));
        }
        let mut views = Vec::new();
        for (name, shape, bytes) in &tensors {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes)
                .map_err(|e| Error::data(format!("cannot store '{name}': {e}")))?;
            views.push((name, view));
        }
        let bytes = safetensors::serialize(views, None)
            .map_err(|e| Error::data(format!("cannot store the weights: {e}")))?;
        write_atomically(path, &bytes)
    }

    /// Reads weights written by [`Model::save`] or by PyTorch under the same names.
    ///
    /// # Errors
    /// Not a safetensors file; names missing or left over (batch-norm counters aside); a shape or
    /// number type that differs. Nothing is changed then.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let file = SafeTensors::deserialize(&bytes)
            .map_err(|e| Error::input(path, format!("not a safetensors file of weights: {e}")))?;
        let wanted = self.named_tensors();
        let there: Vec<&str> = file.names().into_iter().filter(|n| !n.ends_with(COUNTER)).collect();
        let missing = wanted.keys().map(String::as_str).filter(|n| !there.contains(n));
        let surplus = there.iter().copied().filter(|n| !wanted.contains_key(*n));
        let (missing, surplus) = (listed(missing), listed(surplus));
        if !missing.is_empty() || !surplus.is_empty() {
            return Err(Error::input(
                path,
                format!("weights of another network: missing [{missing}], left over [{surplus}]"),
            ));
        }
        let mut loaded = Vec::new();
        for (name, tensor) in wanted {
            let view =
                file.tensor(&name).map_err(|e| Error::input(path, format!("{name}: {e}")))?;
            loaded.push((read(path, &name, &view, &tensor.size())?, tensor));
        }
        let _guard = tch::no_grad_guard();
        for (stored, mut tensor) in loaded {
            tensor.f_copy_(&stored)?;
        }
        Ok(())
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.join(", ")
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    let flat = tensor.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0f32; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values)
}

fn read(path: &Path, name: &str, view: &TensorView<'_>, expected: &[i64]) -> Result<Tensor> {
    let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
    if shape != expected || view.dtype() != Dtype::F32 {
        return Err(Error::input(
            path,
            format!("'{name}' is {:?} {shape:?}, the network has F32 {expected:?}", view.dtype()),
        ));
    }
    let values: Vec<f32> =
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Ok(Tensor::from_slice(&values).view(shape.as_slice()))
}
