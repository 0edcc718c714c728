//! Weights in files: safetensors, by name.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor};

use super::Model;
use crate::error::{Error, Result};
use crate::output::write_atomically;
use crate::read::NamedTensor;

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

    /// The numbers of all parameters and buffers, sorted by name.
    pub fn named_numbers(&self) -> Result<Vec<NamedTensor>> {
        let named = self.named_tensors().into_iter().map(|(name, tensor)| {
            let shape = tensor.size().iter().map(|&n| n as usize).collect();
            Ok(NamedTensor { name, shape, values: numbers(&tensor)? })
        });
        named.collect()
    }

    /// Writes all parameters and buffers as float32, atomically. The same weights give the same
    /// bytes.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = Vec::new();
        for NamedTensor { name, shape, values } in self.named_numbers()? {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
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
        self.load_named(path, read_safetensors(path)?)
    }

    /// Takes over `tensors`; `path` is for messages.
    ///
    /// # Errors
    /// Names missing or left over (batch-norm counters aside); a shape that differs. Nothing is
    /// changed then.
    pub fn load_named(&mut self, path: &Path, tensors: Vec<NamedTensor>) -> Result<()> {
        let wanted = self.named_tensors();
        let mut there: BTreeMap<String, NamedTensor> = tensors
            .into_iter()
            .filter(|tensor| !tensor.name.ends_with(COUNTER))
            .map(|tensor| (tensor.name.clone(), tensor))
            .collect();
        let missing = listed(wanted.keys().filter(|name| !there.contains_key(*name)));
        let surplus = listed(there.keys().filter(|name| !wanted.contains_key(*name)));
        if !missing.is_empty() || !surplus.is_empty() {
            return Err(Error::input(
                path,
                format!("weights of another network: missing [{missing}], left over [{surplus}]"),
            ));
        }
        let mut loaded = Vec::new();
        for (name, tensor) in wanted {
            let Some(stored) = there.remove(&name) else { continue };
            let shape: Vec<i64> = stored.shape.iter().map(|&n| n as i64).collect();
            if shape != tensor.size() {
                let problem = format!("'{name}' is {shape:?}, the network has {:?}", tensor.size());
                return Err(Error::input(path, problem));
            }
            loaded.push((Tensor::f_from_slice(&stored.values)?.f_view(&shape[..])?, tensor));
        }
        let _guard = tch::no_grad_guard();
        for (stored, mut tensor) in loaded {
            tensor.f_copy_(&stored)?;
        }
        Ok(())
    }
}

/// The tensors of a safetensors file.
///
/// # Errors
/// Not such a file; tensors of another type than float32, counters aside.
pub fn read_safetensors(path: &Path) -> Result<Vec<NamedTensor>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|e| Error::input(path, format!("not a safetensors file of weights: {e}")))?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter().filter(|(name, _)| !name.ends_with(COUNTER)) {
        if view.dtype() != Dtype::F32 {
            let problem = format!("'{name}' is {:?}, expected F32", view.dtype());
            return Err(Error::input(path, problem));
        }
        let values = view.data().chunks_exact(4).filter_map(|b| b.first_chunk().copied());
        tensors.push(NamedTensor {
            name: name.to_string(),
            shape: view.shape().to_vec(),
            values: values.map(f32::from_le_bytes).collect(),
        });
    }
    Ok(tensors)
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn numbers(tensor: &Tensor) -> Result<Vec<f32>> {
    let flat = tensor.detach().to_device(tch::Device::Cpu).to_kind(Kind::Float).contiguous();
    let mut values = vec![0f32; flat.numel()];
    flat.f_copy_data(&mut values, flat.numel())?;
    Ok(values)
}
