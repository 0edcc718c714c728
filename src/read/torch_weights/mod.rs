//! PyTorch's files of weights: a zip archive of a pickle, which says what there is, and of the
//! numbers. Read as data; see [`pickle`].

mod pickle;
mod write;

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use super::expansion::{Account, Layer, Packing};
use super::source::{Place, Source};
use super::zip::{self, Member};
use crate::error::{Error, Result};
use pickle::{NumberType, TensorView, Value};

pub use write::write_state_dict;

/// A longer description is no file of weights.
const LONGEST_PICKLE: u64 = 16 << 20;

/// Numbers in all tensors of a file.
const MOST_NUMBERS: usize = 1 << 28;

/// A tensor by name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// As `state_dict` calls it: `inc.weight`.
    pub name: String,
    /// Length of each axis; empty for a single number.
    pub shape: Vec<usize>,
    /// The numbers, the last axis fastest.
    pub values: Vec<f32>,
}

/// Reads a state dict as `torch.save` writes it since version 1.6, also one under the key
/// `state_dict`, and also compressed with gzip. Names lose a beginning `model.` that all share.
///
/// # Errors
/// [`Error::Input`]: not such a file; a pickle that names or does anything a state dict has no need
/// of; tensors that reach beyond their numbers; more than 2²⁸ numbers.
pub fn read_state_dict(path: &Path) -> Result<Vec<NamedTensor>> {
    let file = File::open(path)?;
    let fault = |problem: String| Error::input(path, problem);
    let root = file.root().ok_or_else(|| fault("an archive without data.pkl".into()))?.to_string();
    if let Ok(order) = file.bytes(&format!("{root}byteorder"), 16)
        && order != b"little"
    {
        return Err(fault("numbers in big-endian order; save it again on a usual machine".into()));
    }
    let value =
        pickle::read(&file.bytes(&format!("{root}data.pkl"), LONGEST_PICKLE)?).map_err(&fault)?;
    let views = named_views(&value).map_err(&fault)?;
    let mut storages: HashMap<Rc<str>, Vec<u8>> = HashMap::new();
    let (mut tensors, mut numbers) = (Vec::with_capacity(views.len()), 0usize);
    for (name, view) in views {
        let named = |problem: String| fault(format!("'{name}': {problem}"));
        let count = count(view).filter(|count| numbers.saturating_add(*count) <= MOST_NUMBERS);
        numbers += count.ok_or_else(|| {
            named(format!("shape {:?} within more than {MOST_NUMBERS} numbers", view.shape))
        })?;
        let key = view.storage.key.clone();
        if !storages.contains_key(&key) {
            let most = (view.storage.count * view.storage.numbers.width()) as u64;
            let bytes = file.bytes(&format!("{root}data/{key}"), most)?;
            storages.insert(key.clone(), bytes);
        }
        let bytes = storages.get(&key).map_or(&[][..], Vec::as_slice);
        tensors.push(NamedTensor {
            name: name.to_string(),
            shape: view.shape.clone(),
            values: gather(view, bytes).map_err(named)?,
        });
    }
    let shared = tensors.iter().all(|tensor| tensor.name.starts_with("model."));
    if shared {
        tensors.iter_mut().for_each(|tensor| tensor.name = tensor.name.split_off(6));
    }
    Ok(tensors)
}

/// An archive, open.
struct File {
    place: Place,
    source: Source,
    members: Vec<Member>,
}

impl File {
    fn open(path: &Path) -> Result<Self> {
        let on_disk = Source::file(path);
        let head = on_disk.place().head(path, 16)?;
        let place = match Packing::of(&head) {
            Some(packing) => {
                let length = std::fs::metadata(path).map_err(Error::io(path))?.len();
                let account = Account::new(length);
                Place::layer(Layer::new(on_disk.place().clone(), path, packing, &account))
            }
            None => on_disk.place().clone(),
        };
        let source = Source::new(path.to_path_buf(), place.clone());
        let head = place.head(path, 16)?;
        if !zip::is_zip(&head) {
            return Err(Error::input(
                path,
                "not a file of torch.save since version 1.6 (a zip archive); load it in PyTorch \
                 and save its state_dict again",
            ));
        }
        let contents = zip::list(&mut source.open()?);
        if let Some(problem) = contents.broken {
            return Err(Error::input(path, problem));
        }
        Ok(Self { place, source, members: contents.members })
    }

    /// The folder of the archive that holds `data.pkl`, with its slash.
    fn root(&self) -> Option<&str> {
        self.members.iter().find_map(|member| {
            let root = member.name.strip_suffix("data.pkl")?;
            root.ends_with('/').then_some(root)
        })
    }

    /// The bytes of a member that is stored and no longer than `most`.
    fn bytes(&self, name: &str, most: u64) -> Result<Vec<u8>> {
        let path = self.source.path();
        let member = self.members.iter().find(|member| member.name == name);
        let member = member
            .ok_or_else(|| Error::input(path, format!("the archive lacks its member {name:?}")))?;
        if member.packing.is_some() {
            return Err(Error::input(path, format!("member {name:?} is compressed")));
        }
        Source::new(path.to_path_buf(), self.place.part(member.start, member.length)).bytes(most)
    }
}

/// Names and tensors of a state dict; other entries are left out.
fn named_views(value: &Value) -> Result<Vec<(&str, &TensorView)>, String> {
    let Value::Dictionary(entries) = value else {
        return Err("holds no state dict; save model.state_dict()".into());
    };
    let under_key = entries.iter().find_map(|(key, value)| match (key, value) {
        (Value::Text(key), Value::Dictionary(_)) if &**key == "state_dict" => Some(value),
        _ => None,
    });
    if let Some(inner @ Value::Dictionary(_)) = under_key {
        let Value::Dictionary(entries) = inner else { return Ok(Vec::new()) };
        return tensors_of(entries);
    }
    tensors_of(entries)
}

fn tensors_of(entries: &[(Value, Value)]) -> Result<Vec<(&str, &TensorView)>, String> {
    let named: Vec<(&str, &TensorView)> = entries
        .iter()
        .filter_map(|(key, value)| match (key, value) {
            (Value::Text(name), Value::Tensor(view)) => Some((&**name, view)),
            _ => None,
        })
        .collect();
    let mut names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("holds '{}' twice", pair[0])),
        None if named.is_empty() => Err("holds no tensor".into()),
        None => Ok(named),
    }
}

/// Numbers in the tensor, if its axes do not overlap and the product is sane.
fn count(view: &TensorView) -> Option<usize> {
    let repeated = view.shape.iter().zip(&view.strides).any(|(&n, &step)| n > 1 && step == 0);
    let count = view.shape.iter().try_fold(1usize, |product, &n| product.checked_mul(n))?;
    (!repeated && count <= MOST_NUMBERS && view.storage.count <= MOST_NUMBERS).then_some(count)
}

/// The numbers of a tensor in the order of its axes.
fn gather(view: &TensorView, bytes: &[u8]) -> Result<Vec<f32>, String> {
    let TensorView { storage, offset, shape, strides } = view;
    let there = bytes.len() / storage.numbers.width();
    if there < storage.count {
        return Err(format!("{there} numbers in a storage of {}", storage.count));
    }
    if shape.contains(&0) {
        return Ok(Vec::new());
    }
    let reach = shape
        .iter()
        .zip(strides)
        .try_fold(*offset, |at, (&n, &step)| at.checked_add((n - 1).checked_mul(step)?));
    if reach.is_none_or(|last| last >= storage.count) {
        return Err(format!(
            "shape {shape:?} with strides {strides:?} from number {offset} on reaches beyond a \
             storage of {}",
            storage.count
        ));
    }
    let mut index = vec![0usize; shape.len()];
    let mut values = Vec::new();
    loop {
        let at = offset + index.iter().zip(strides).map(|(i, step)| i * step).sum::<usize>();
        values.push(number(storage.numbers, bytes, at));
        let Some(axis) = (0..shape.len()).rev().find(|&axis| index[axis] + 1 < shape[axis]) else {
            return Ok(values);
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}

/// Number `at`; 0 beyond the end.
fn number(numbers: NumberType, bytes: &[u8], at: usize) -> f32 {
    let bytes = bytes.get(at * numbers.width()..).unwrap_or_default();
    let zeros = || [0u8; 8];
    let eight = || bytes.first_chunk::<8>().copied().unwrap_or(zeros());
    let four = || bytes.first_chunk::<4>().copied().unwrap_or_default();
    let two = || bytes.first_chunk::<2>().copied().unwrap_or_default();
    match numbers {
        NumberType::F64 => f64::from_le_bytes(eight()) as f32,
        NumberType::F32 => f32::from_le_bytes(four()),
        NumberType::F16 => half(u16::from_le_bytes(two())),
        NumberType::BF16 => f32::from_bits(u32::from(u16::from_le_bytes(two())) << 16),
        NumberType::I64 => i64::from_le_bytes(eight()) as f32,
        NumberType::I32 => i32::from_le_bytes(four()) as f32,
        NumberType::Bool => f32::from(u8::from(bytes.first().is_some_and(|&b| b != 0))),
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10) & 31, f32::from(bits & 0x3FF));
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Vec<NamedTensor> {
        let tensor = |name: &str, shape: &[usize]| NamedTensor {
            name: name.into(),
            shape: shape.to_vec(),
            values: (0..shape.iter().product()).map(|i: usize| i as f32 * 0.25 - 3.0).collect(),
        };
        vec![tensor("inc.weight", &[4, 3, 7]), tensor("inc.bias", &[4]), tensor("one", &[])]
    }

    #[test]
    fn what_is_written_comes_back_and_damage_is_refused_or_harmless() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pt.v1");
        write_state_dict(&path, &tensors()).unwrap();
        assert_eq!(read_state_dict(&path).unwrap(), tensors());
        let good = std::fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(3) {
            for flip in [0xFF, 0x01, 0x80] {
                let mut bytes = good.clone();
                bytes[at] ^= flip;
                std::fs::write(&path, &bytes).unwrap();
                // Bytes of numbers, names and checksums may differ; nothing may fail otherwise.
                let _ = read_state_dict(&path);
            }
        }
        for end in (0..good.len()).step_by(7) {
            std::fs::write(&path, &good[..end]).unwrap();
            assert!(read_state_dict(&path).is_err());
        }
        std::fs::write(&path, b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.").unwrap();
        let message = read_state_dict(&path).unwrap_err().to_string();
        assert!(message.contains("torch.save since version 1.6"), "{message}");
    }

    #[test]
    fn small_floats_are_read() {
        assert_eq!([half(0x3C00), half(0xC000), half(0x0001)], [1.0, -2.0, 2f32.powi(-24)]);
        assert!(half(0x7C00).is_infinite() && half(0x7E00).is_nan());
    }

    #[test]
    fn offsets_strides_and_shared_numbers_are_honoured() {
        let bytes: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
        let storage = pickle::Storage { numbers: NumberType::F32, key: "0".into(), count: 12 };
        let view = |offset, shape: &[usize], strides: &[usize]| TensorView {
            storage: storage.clone(),
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        };
        let transposed = view(1, &[2, 3], &[1, 4]);
        assert_eq!(gather(&transposed, &bytes).unwrap(), [1.0, 5.0, 9.0, 2.0, 6.0, 10.0]);
        assert!(gather(&view(4, &[2, 3], &[1, 4]), &bytes).is_err());
        assert!(gather(&view(usize::MAX, &[2], &[2]), &bytes).is_err());
        assert!(gather(&view(0, &[2], &[1]), &bytes[..40]).is_err());
        assert_eq!(count(&view(0, &[1 << 20], &[0])), None);
        assert_eq!(count(&view(0, &[1 << 40, 1 << 40], &[1, 1])), None);
    }
}
