//! The part of pickle protocol 2 (PEP 307) that PyTorch's state dicts are written in, read as
//! data: names of classes are compared with a list, nothing is imported and nothing is called.

use std::rc::Rc;

/// More objects than any network has are a broken or a malicious file.
const MOST_OBJECTS: usize = 1 << 20;

/// Objects inside each other.
const DEEPEST: usize = 32;

/// What a pickle may hold here.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// `None`, or an object of no interest.
    Nothing,
    Flag(bool),
    Integer(i64),
    Text(Rc<str>),
    Tuple(Rc<[Value]>),
    /// A dictionary of either kind, in the order of its entries.
    Dictionary(Rc<Vec<(Value, Value)>>),
    Class(Class),
    Storage(Storage),
    Tensor(TensorView),
}

/// The classes and functions that may be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    OrderedDict,
    RebuildTensor,
    Storage(NumberType),
}

/// What numbers a storage is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NumberType {
    F64,
    F32,
    F16,
    BF16,
    I64,
    I32,
    Bool,
}

impl NumberType {
    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Bool => 1,
        }
    }
}

/// A piece of memory in a member of its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Storage {
    pub numbers: NumberType,
    /// Its member is `data/KEY`.
    pub key: Rc<str>,
    pub count: usize,
}

/// A tensor over a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TensorView {
    pub storage: Storage,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

fn class_named(module: &str, name: &str) -> Result<Class, String> {
    let storage = |numbers| Ok(Class::Storage(numbers));
    match (module, name) {
        ("collections", "OrderedDict") => Ok(Class::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2") => Ok(Class::RebuildTensor),
        ("torch", "DoubleStorage") => storage(NumberType::F64),
        ("torch", "FloatStorage") => storage(NumberType::F32),
        ("torch", "HalfStorage") => storage(NumberType::F16),
        ("torch", "BFloat16Storage") => storage(NumberType::BF16),
        ("torch", "LongStorage") => storage(NumberType::I64),
        ("torch", "IntStorage") => storage(NumberType::I32),
        ("torch", "BoolStorage") => storage(NumberType::Bool),
        _ => {
            let name: String = format!("{module}.{name}").chars().take(80).collect();
            Err(format!("names {name:?}, which has no place in a file of weights"))
        }
    }
}

/// The object a pickle describes.
///
/// # Errors
/// The byte at which something else than a state dict begins.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    let mut machine =
        Machine { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: Vec::new() };
    loop {
        let at = machine.at;
        match machine.step() {
            Ok(Some(value)) => return Ok(value),
            Ok(None) => {}
            Err(problem) => return Err(format!("data.pkl, byte {at}: {problem}")),
        }
        if machine.stack.len() + machine.marks.len() + machine.memo.len() > MOST_OBJECTS {
            return Err(format!("data.pkl, byte {at}: more than {MOST_OBJECTS} objects"));
        }
    }
}

/// An object with how many others it is nested in at most.
type Object = (Value, usize);

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Object>,
    marks: Vec<usize>,
    memo: Vec<Option<Object>>,
}

impl Machine<'_> {
    /// One instruction; the result at the last.
    fn step(&mut self) -> Result<Option<Value>, String> {
        let code = self.take(1)?[0];
        match code {
            // PROTO
            0x80 => {
                let version = self.take(1)?[0];
                if version != 2 {
                    return Err(format!("protocol {version}, expected 2"));
                }
            }
            b'.' => return self.pop().map(|(value, _)| Some(value)),
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                let class = class_named(&module, &name)?;
                self.push(Value::Class(class), 0);
            }
            b'q' => {
                let index = self.take(1)?[0] as usize;
                self.remember(index)?;
            }
            b'r' => {
                let index = self.length()?;
                self.remember(index)?;
            }
            b'h' => {
                let index = self.take(1)?[0] as usize;
                self.recall(index)?;
            }
            b'j' => {
                let index = self.length()?;
                self.recall(index)?;
            }
            b'(' => self.marks.push(self.stack.len()),
            b')' => self.push(Value::Tuple(Rc::new([])), 0),
            b't' => {
                let items = self.since_mark()?;
                self.push_tuple(items)?;
            }
            0x85..=0x87 => {
                let items = self.pop_last(usize::from(code - 0x84))?;
                self.push_tuple(items)?;
            }
            b'}' => self.push(Value::Dictionary(Rc::default()), 0),
            b's' => {
                let items = self.pop_last(2)?;
                self.set(items)?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(items)?;
            }
            b'X' => {
                let length = self.length()?;
                let text = std::str::from_utf8(self.take(length)?).map_err(|e| e.to_string())?;
                let text = Value::Text(text.into());
                self.push(text, 0);
            }
            b'J' => {
                let word = self.word()?;
                self.push(Value::Integer(i64::from(word as i32)), 0);
            }
            b'K' => {
                let byte = self.take(1)?[0];
                self.push(Value::Integer(i64::from(byte)), 0);
            }
            b'M' => {
                let low = self.take(2)?;
                let value = i64::from(u16::from_le_bytes([low[0], low[1]]));
                self.push(Value::Integer(value), 0);
            }
            // LONG1
            0x8a => self.long()?,
            0x88 | 0x89 => self.push(Value::Flag(code == 0x88), 0),
            b'N' => self.push(Value::Nothing, 0),
            b'Q' => {
                let storage = storage(&self.pop()?.0)?;
                self.push(Value::Storage(storage), 0);
            }
            b'R' => self.reduce()?,
            // The state of an OrderedDict: its `_metadata`.
            b'b' => {
                self.pop()?;
                match self.stack.last() {
                    Some((Value::Dictionary(_), _)) => {}
                    _ => return Err("a state for something that is no dictionary".into()),
                }
            }
            _ => {
                return Err(format!(
                    "instruction {code:#04x} has no place in a file of weights; it is not followed"
                ));
            }
        }
        Ok(None)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(count).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or("ends too early")?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn word(&mut self) -> Result<u32, String> {
        let word = self.take(4)?;
        Ok(u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    }

    fn length(&mut self) -> Result<usize, String> {
        Ok(self.word()? as usize)
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().take(256).position(|&b| b == b'\n').ok_or("a name without end")?;
        let line = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.at += end + 1;
        Ok(line)
    }

    fn long(&mut self) -> Result<(), String> {
        let count = self.take(1)?[0] as usize;
        let bytes = self.take(count)?;
        if count > 8 {
            return Err(format!("an integer of {count} bytes"));
        }
        let negative = bytes.last().is_some_and(|&b| b & 0x80 != 0);
        let mut whole = if negative { [0xFF; 8] } else { [0; 8] };
        whole[..count].copy_from_slice(bytes);
        self.push(Value::Integer(i64::from_le_bytes(whole)), 0);
        Ok(())
    }

    fn push(&mut self, value: Value, depth: usize) {
        self.stack.push((value, depth));
    }

    fn pop(&mut self) -> Result<Object, String> {
        let lowest = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= lowest {
            return Err("nothing left to take".into());
        }
        self.stack.pop().ok_or_else(|| "nothing left to take".into())
    }

    fn pop_last(&mut self, count: usize) -> Result<Vec<Object>, String> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        Ok(items)
    }

    fn since_mark(&mut self) -> Result<Vec<Object>, String> {
        let mark = self.marks.pop().ok_or("no beginning of the list")?;
        Ok(self.stack.split_off(mark.min(self.stack.len())))
    }

    fn push_tuple(&mut self, items: Vec<Object>) -> Result<(), String> {
        let depth = deeper(&items)?;
        let values: Vec<Value> = items.into_iter().map(|(value, _)| value).collect();
        self.push(Value::Tuple(values.into()), depth);
        Ok(())
    }

    /// Adds keys and values in turn to the dictionary on top.
    fn set(&mut self, items: Vec<Object>) -> Result<(), String> {
        let depth = deeper(&items)?;
        if !items.len().is_multiple_of(2) {
            return Err("a key without a value".into());
        }
        let Some((Value::Dictionary(entries), so_far)) = self.stack.last_mut() else {
            return Err("entries for something that is no dictionary".into());
        };
        *so_far = depth.max(*so_far);
        // A remembered dictionary keeps the entries it had; those of state dicts have none then.
        let entries = Rc::make_mut(entries);
        let mut items = items.into_iter();
        while let (Some((key, _)), Some((value, _))) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Ok(())
    }

    fn remember(&mut self, index: usize) -> Result<(), String> {
        if index >= MOST_OBJECTS {
            return Err(format!("remembers an object as number {index}"));
        }
        if self.memo.len() <= index {
            self.memo.resize(index + 1, None);
        }
        let top = self.stack.last().ok_or("nothing to remember")?;
        self.memo[index] = match &top.0 {
            // Filled later; see `set`.
            Value::Dictionary(_) => Some((Value::Nothing, 0)),
            _ => Some(top.clone()),
        };
        Ok(())
    }

    fn recall(&mut self, index: usize) -> Result<(), String> {
        let object = self.memo.get(index).cloned().flatten();
        let object = object.ok_or_else(|| format!("recalls object {index}, which is not there"))?;
        self.stack.push(object);
        Ok(())
    }

    fn reduce(&mut self) -> Result<(), String> {
        let (arguments, _) = self.pop()?;
        let (class, _) = self.pop()?;
        let Value::Tuple(arguments) = arguments else {
            return Err("a call without a tuple of arguments".into());
        };
        let made = match class {
            Value::Class(Class::OrderedDict) if arguments.is_empty() => {
                Value::Dictionary(Rc::default())
            }
            Value::Class(Class::RebuildTensor) => Value::Tensor(tensor(&arguments)?),
            _ => return Err("a call of something that is neither tensor nor dictionary".into()),
        };
        self.push(made, 0);
        Ok(())
    }
}

fn deeper(items: &[Object]) -> Result<usize, String> {
    let depth = items.iter().map(|(_, depth)| depth + 1).max().unwrap_or(0);
    if depth > DEEPEST { Err(format!("objects nested deeper than {DEEPEST}")) } else { Ok(depth) }
}

/// `("storage", class, key, location, count)`; the location is where the numbers lay in training.
fn storage(value: &Value) -> Result<Storage, String> {
    if let Value::Tuple(parts) = value
        && let [Value::Text(tag), Value::Class(Class::Storage(numbers)), Value::Text(key), _, count] =
            &parts[..]
        && &**tag == "storage"
    {
        let (numbers, key, count) = (*numbers, key.clone(), size(count)?);
        return Ok(Storage { numbers, key, count });
    }
    Err("a reference that is no storage of numbers".into())
}

/// `(storage, offset, shape, strides, requires_grad, hooks)`.
fn tensor(arguments: &[Value]) -> Result<TensorView, String> {
    let [Value::Storage(storage), offset, Value::Tuple(shape), Value::Tuple(strides), ..] =
        arguments
    else {
        return Err("a tensor without storage, offset, shape and strides".into());
    };
    let sizes = |values: &[Value]| values.iter().map(size).collect::<Result<Vec<usize>, String>>();
    let (shape, strides) = (sizes(shape)?, sizes(strides)?);
    if shape.len() != strides.len() || shape.len() > 8 {
        return Err(format!("a tensor with shape {shape:?} and strides {strides:?}"));
    }
    Ok(TensorView { storage: storage.clone(), offset: size(offset)?, shape, strides })
}

/// A size from 0 to 2³².
fn size(value: &Value) -> Result<usize, String> {
    match value {
        &Value::Integer(n) if (0..=1 << 32).contains(&n) => Ok(n as usize),
        other => Err(format!("expected a size, found {other:?}").chars().take(120).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poisoned_pickles_are_refused_and_not_followed() {
        // os.system("true"), as `pickle.dumps` writes it.
        let system = b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.";
        let problem = read(system).unwrap_err();
        assert!(problem.contains("posix.system") && problem.contains("byte 2"), "{problem}");
        for poison in [
            &b"\x80\x02cbuiltins\neval\n."[..],
            b"\x80\x02ctorch\nload\n.",
            b"\x80\x02(iposix\nsystem\n.",
            b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.",
            b"\x80\x02ccollections\nOrderedDict\n(K\x01tR.",
            b"\x80\x02R.",
            b"\x80\x02(((.",
            b"\x80\x02r\xff\xff\xff\xff.",
            b"\x80\x02h\x07.",
            b"",
        ] {
            assert!(read(poison).is_err(), "{poison:?}");
        }
        let mut nested = b"\x80\x02)".to_vec();
        nested.extend([0x85; 1000]);
        nested.push(b'.');
        assert!(read(&nested).unwrap_err().contains("nested"));
    }

    #[test]
    fn dictionaries_of_tensors_are_read() {
        let text = |s: &str| [&b"X"[..], &(s.len() as u32).to_le_bytes(), s.as_bytes()].concat();
        let mut bytes = b"\x80\x02ccollections\nOrderedDict\n)Rq\x00(".to_vec();
        bytes.extend(text("w"));
        bytes.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
        bytes.extend(text("storage"));
        bytes.extend(b"ctorch\nFloatStorage\n");
        bytes.extend(text("0"));
        bytes.extend(text("cuda:0"));
        bytes.extend(b"K\x06tQK\x01K\x02\x85K\x03\x85\x89ccollections\nOrderedDict\n)RtRu}b.");
        let Value::Dictionary(entries) = read(&bytes).unwrap() else { panic!("a dictionary") };
        let [(Value::Text(name), Value::Tensor(tensor))] = &entries[..] else { panic!("one") };
        assert_eq!((&**name, tensor.offset), ("w", 1));
        assert_eq!((&tensor.shape[..], &tensor.strides[..]), (&[2][..], &[3][..]));
        assert_eq!((tensor.storage.numbers, tensor.storage.count), (NumberType::F32, 6));
        for end in 0..bytes.len() {
            assert!(read(&bytes[..end]).is_err());
        }
    }
}
