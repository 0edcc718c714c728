//! All trainable parameters of a model as one flat tensor, so that an optimiser step is a
//! handful of operations and not a handful per parameter.

use std::ops::Range;

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::model::Model;

/// Parameters start at multiples of this many numbers (64 bytes), as separate tensors would.
const ALIGNMENT: usize = 16;

/// A parameter and its place in the flat tensor.
struct Place {
    name: String,
    tensor: Tensor,
    range: Range<usize>,
}

/// The parameters of a model, laid into one flat tensor that they are views of from now on.
pub struct Parameters {
    /// Every number, with zeros between parameters.
    pub flat: Tensor,
    places: Vec<Place>,
    buffers: Vec<(String, Tensor)>,
    gaps: Vec<Option<Tensor>>,
}

impl Parameters {
    /// Lays `model`'s trainable parameters, ordered by name, into one tensor.
    pub fn gather(model: &Model) -> Result<Self> {
        let mut variables: Vec<(String, Tensor)> =
            model.parameters.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        let (trainable, buffers): (Vec<_>, Vec<_>) =
            variables.into_iter().partition(|(_, t)| t.requires_grad());
        if trainable.is_empty() {
            return Err(Error::usage("the model has no trainable parameter"));
        }
        let _guard = tch::no_grad_guard();
        let mut places = Vec::with_capacity(trainable.len());
        let mut end = 0usize;
        for (name, tensor) in trainable {
            let count = tensor.numel();
            places.push(Place { name, tensor, range: end..end + count });
            end = (end + count).next_multiple_of(ALIGNMENT);
        }
        let device = model.parameters.device();
        let flat = Tensor::f_zeros([end as i64], (Kind::Float, device))?;
        let mut gaps = Vec::with_capacity(places.len());
        for (i, place) in places.iter_mut().enumerate() {
            let view = narrow(&flat, &place.range)?.f_view(&place.tensor.size()[..])?;
            view.shallow_clone().f_copy_(&place.tensor)?;
            place.tensor.f_set_data(&view)?;
            let next = (place.range.end).next_multiple_of(ALIGNMENT);
            let gap = next - place.range.end;
            debug_assert!(i == 0 || place.range.start % ALIGNMENT == 0);
            gaps.push(match gap {
                0 => None,
                n => Some(Tensor::f_zeros([n as i64], (Kind::Float, device))?),
            });
        }
        Ok(Self { flat, places, buffers, gaps })
    }

    /// The gradient of the scalar `loss`, laid out as [`Self::flat`]; zero for parameters that
    /// the loss does not depend on.
    pub fn gradient(&self, loss: &Tensor) -> Result<Tensor> {
        let inputs: Vec<&Tensor> = self.places.iter().map(|p| &p.tensor).collect();
        let gradients = Tensor::f_run_backward(&[loss], &inputs, false, false)?;
        let _guard = tch::no_grad_guard();
        let mut pieces = Vec::with_capacity(2 * gradients.len());
        for ((place, gradient), gap) in self.places.iter().zip(gradients).zip(&self.gaps) {
            pieces.push(if gradient.defined() {
                gradient.f_reshape([-1])?
            } else {
                Tensor::f_zeros([place.range.len() as i64], (Kind::Float, self.flat.device()))?
            });
            pieces.extend(gap.as_ref().map(Tensor::shallow_clone));
        }
        Ok(Tensor::f_cat(&pieces, 0)?)
    }

    /// 1 where weight decay acts if biases and normalisation are spared, else 0: parameters of
    /// one axis are biases, gains and offsets.
    pub fn decayed(&self) -> Result<Tensor> {
        let mask = self.flat.f_zeros_like()?;
        for place in self.places.iter().filter(|p| p.tensor.dim() > 1) {
            let _ = narrow(&mask, &place.range)?.f_fill_(1.0)?;
        }
        Ok(mask)
    }

    /// Cuts a tensor laid out as [`Self::flat`] into the parameters' shapes, by name.
    pub fn split(&self, flat: &Tensor) -> Result<Vec<(String, Tensor)>> {
        let cut = |p: &Place| -> Result<(String, Tensor)> {
            Ok((p.name.clone(), narrow(flat, &p.range)?.f_view(&p.tensor.size()[..])?))
        };
        self.places.iter().map(cut).collect()
    }

    /// Names and shapes of the parameters.
    pub fn shapes(&self) -> Vec<(&str, Vec<i64>)> {
        self.places.iter().map(|p| (p.name.as_str(), p.tensor.size())).collect()
    }

    /// What the network keeps beside its parameters (running means and variances), by name.
    pub fn buffers(&self) -> &[(String, Tensor)] {
        &self.buffers
    }

    /// A copy of parameters and buffers as they are.
    pub fn snapshot(&self) -> Result<Snapshot> {
        let buffers = self.buffers.iter().map(|(_, t)| t.f_detach_copy());
        let buffers = buffers.collect::<std::result::Result<_, _>>()?;
        Ok(Snapshot { flat: self.flat.f_detach_copy()?, buffers })
    }

    /// Puts a copy back.
    pub fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        let _guard = tch::no_grad_guard();
        self.flat.f_copy_(&snapshot.flat)?;
        for ((_, buffer), saved) in self.buffers.iter_mut().zip(&snapshot.buffers) {
            buffer.f_copy_(saved)?;
        }
        Ok(())
    }
}

/// Parameters and buffers at one moment.
pub struct Snapshot {
    /// As [`Parameters::flat`].
    pub flat: Tensor,
    /// As [`Parameters::buffers`].
    pub buffers: Vec<Tensor>,
}

fn narrow(flat: &Tensor, range: &Range<usize>) -> Result<Tensor> {
    Ok(flat.f_narrow(0, range.start as i64, range.len() as i64)?)
}
