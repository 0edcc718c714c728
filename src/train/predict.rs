//! Networks at work, without gradients.

use tch::{Device, Tensor};

use super::Meter;
use crate::data::{Batch, Dataset, Loader, LoaderSettings};
use crate::error::{Error, Result};
use crate::model::{Input, Mode, Model, Task};

/// Decoded predictions of every example of `dataset`, in its order: [`Task::decode`] along the
/// batch axis, on the CPU. The batch size has no influence beyond memory and speed.
pub fn predict(
    model: &Model,
    task: &dyn Task,
    dataset: &dyn Dataset,
    batch_size: usize,
) -> Result<Tensor> {
    Ok(task.decode(&raw_outputs(model, dataset, batch_size)?).f_to_device(Device::Cpu)?)
}

/// Raw outputs `[N, K]` of every example of `dataset`, in its order, on the CPU.
pub fn raw_outputs(model: &Model, dataset: &dyn Dataset, batch_size: usize) -> Result<Tensor> {
    let _guard = tch::no_grad_guard();
    let loader = Loader::new(dataset, LoaderSettings::in_order(batch_size))?;
    let mut outputs = Vec::with_capacity(loader.batches());
    loader.for_each(0, 0, |_, batch| {
        let batch = to_device(batch, model.parameters.device())?;
        outputs.push(forward(model, &batch, Mode::Evaluate).f_to_device(Device::Cpu)?);
        Ok(())
    })?;
    Ok(Tensor::f_cat(&outputs, 0)?)
}

/// Mean loss and readings of `model` over `dataset`.
pub fn evaluate(
    model: &Model,
    task: &dyn Task,
    dataset: &dyn Dataset,
    batch_size: usize,
) -> Result<Meter> {
    let _guard = tch::no_grad_guard();
    let mut meter = Meter::default();
    let loader = Loader::new(dataset, LoaderSettings::in_order(batch_size))?;
    loader.for_each(0, 0, |_, batch| {
        let batch = to_device(batch, model.parameters.device())?;
        let output = forward(model, &batch, Mode::Evaluate);
        let loss = task.loss(&output, &batch);
        let (sum, weight) = (number(&loss.sum)?, number(&loss.weight)?);
        meter.add(sum, weight, task.readings(&output, &batch));
        Ok(())
    })?;
    if meter.loss.1 <= 0.0 {
        return Err(Error::data("no target of the validation data counts"));
    }
    Ok(meter)
}

/// The network's raw output for a batch.
pub(super) fn forward(model: &Model, batch: &Batch, mode: Mode<'_>) -> Tensor {
    let input = Input {
        values: &batch.values,
        features: batch.features.as_ref(),
        lengths: batch.lengths.as_ref(),
    };
    model.network.forward(&input, mode)
}

/// The batch on `device`; lengths stay where libtorch wants them, on the CPU.
pub(super) fn to_device(batch: Batch, device: Device) -> Result<Batch> {
    if device == Device::Cpu {
        return Ok(batch);
    }
    Ok(Batch {
        values: batch.values.f_to_device(device)?,
        features: batch.features.map(|f| f.f_to_device(device)).transpose()?,
        lengths: batch.lengths,
        target: batch.target.f_to_device(device)?,
        observed: batch.observed.f_to_device(device)?,
        weight: batch.weight.f_to_device(device)?,
        examples: batch.examples,
    })
}

/// A scalar tensor as a number.
pub(super) fn number(scalar: &Tensor) -> Result<f64> {
    Ok(scalar.f_double_value(&[])?)
}
