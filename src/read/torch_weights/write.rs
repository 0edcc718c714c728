//! State dicts written as `torch.save` writes them, for `torch.load(…, weights_only=True)`.

use std::path::Path;

use super::NamedTensor;
use crate::error::{Error, Result};
use crate::output::write_atomically;

/// Names end with this where PyTorch expects an integer.
const COUNTER: &str = "num_batches_tracked";

/// Numbers of a member begin at multiples of this, as PyTorch maps them.
const ALIGNMENT: usize = 64;

/// Writes tensors as a state dict, atomically: float32, and int64 for batch-norm counters. The
/// same tensors give the same bytes.
pub fn write_state_dict(path: &Path, tensors: &[NamedTensor]) -> Result<()> {
    let root = "archive";
    let mut zip = Zip::default();
    zip.add(&format!("{root}/data.pkl"), &pickle(tensors));
    zip.add(&format!("{root}/byteorder"), b"little");
    for (number, tensor) in tensors.iter().enumerate() {
        let bytes: Vec<u8> = match is_counter(tensor) {
            true => tensor.values.iter().flat_map(|&v| (v as i64).to_le_bytes()).collect(),
            false => tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        zip.add(&format!("{root}/data/{number}"), &bytes);
    }
    zip.add(&format!("{root}/version"), b"3\n");
    let bytes = zip.finish().ok_or_else(|| {
        Error::data(format!("{}: weights beyond 4 GiB are not written", path.display()))
    })?;
    write_atomically(path, &bytes)
}

fn is_counter(tensor: &NamedTensor) -> bool {
    tensor.name.ends_with(COUNTER)
}

/// Pickle protocol 2, with no memo: nothing is shared.
fn pickle(tensors: &[NamedTensor]) -> Vec<u8> {
    let mut bytes = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (number, tensor) in tensors.iter().enumerate() {
        text(&mut bytes, &tensor.name);
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        text(&mut bytes, "storage");
        let class = if is_counter(tensor) { "LongStorage" } else { "FloatStorage" };
        bytes.extend(format!("ctorch\n{class}\n").bytes());
        text(&mut bytes, &number.to_string());
        text(&mut bytes, "cpu");
        integer(&mut bytes, tensor.values.len());
        bytes.extend(b"tQK\x00(");
        tensor.shape.iter().for_each(|&n| integer(&mut bytes, n));
        bytes.extend(b"t(");
        let mut stride: usize = tensor.shape.iter().product();
        for &n in &tensor.shape {
            stride /= n.max(1);
            integer(&mut bytes, stride);
        }
        bytes.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
    }
    bytes.extend(b"u.");
    bytes
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(b'X');
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.bytes());
}

fn integer(bytes: &mut Vec<u8>, value: usize) {
    match i32::try_from(value) {
        Ok(small) => {
            bytes.push(b'J');
            bytes.extend(small.to_le_bytes());
        }
        Err(_) => {
            bytes.extend([0x8a, 8]);
            bytes.extend((value as i64).to_le_bytes());
        }
    }
}

/// An archive of stored members (APPNOTE 6.3.10).
#[derive(Default)]
struct Zip {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    members: u16,
}

impl Zip {
    fn add(&mut self, name: &str, body: &[u8]) {
        let offset = self.bytes.len();
        let mut checksum = flate2::Crc::new();
        checksum.update(body);
        // Version, flags, method, time and date (1980-01-01), checksum, sizes.
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 33, 0];
        fields.extend(checksum.sum().to_le_bytes());
        fields.extend((body.len() as u32).to_le_bytes());
        fields.extend((body.len() as u32).to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        // An extra field of zeros brings the body to its place.
        let header = offset + 30 + name.len();
        let extra = (header + 4).next_multiple_of(ALIGNMENT) - header;
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&fields);
        self.bytes.extend((extra as u16).to_le_bytes());
        self.bytes.extend(name.bytes());
        self.bytes.extend(b"FB");
        self.bytes.extend((extra as u16 - 4).to_le_bytes());
        self.bytes.resize(header + extra, b'Z');
        self.bytes.extend(body);
        self.directory.extend(b"PK\x01\x02\x14\0");
        self.directory.extend(&fields);
        self.directory.extend([0; 12]);
        self.directory.extend((offset as u32).to_le_bytes());
        self.directory.extend(name.bytes());
        self.members = self.members.saturating_add(1);
    }

    /// The whole archive; `None` beyond what its fields can say.
    fn finish(mut self) -> Option<Vec<u8>> {
        let offset = u32::try_from(self.bytes.len()).ok()?;
        let size = u32::try_from(self.directory.len()).ok()?;
        if self.members == u16::MAX {
            return None;
        }
        self.bytes.append(&mut self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend(self.members.to_le_bytes());
        self.bytes.extend(self.members.to_le_bytes());
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0; 2]);
        Some(self.bytes)
    }
}
