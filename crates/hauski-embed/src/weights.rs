//! Reads tensors out of a safetensors file, one at a time, as 32-bit floats.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

/// The longest list of tensors that is read.
const MAX_HEADER_BYTES: u64 = 16 << 20;

/// What is wrong with a file of weights.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// How numbers are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Number {
    F32,
    F16,
    BF16,
}

impl Number {
    fn bytes(self) -> u64 {
        if self == Self::F32 { 4 } else { 2 }
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Tensor {
    dtype: Number,
    shape: Vec<usize>,
    data_offsets: (u64, u64),
}

/// An open file of weights. What is read from it stays in memory only where it is kept.
#[derive(Debug)]
pub(crate) struct Weights {
    path: PathBuf,
    file: File,
    /// Where the data begins.
    data: u64,
    tensors: BTreeMap<String, Tensor>,
    /// What stands before all names, `bert.` or nothing.
    prefix: &'static str,
}

impl Weights {
    /// Opens a file and reads its list of tensors.
    pub(crate) fn open(path: &Path) -> Result<Self, WeightsError> {
        let read = |source| WeightsError::Read { path: path.to_owned(), source };
        let invalid = |what: String| WeightsError::Invalid { path: path.to_owned(), what };
        let file = File::open(path).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        let mut length = [0; 8];
        file.read_exact_at(&mut length, 0).map_err(read)?;
        let length = u64::from_le_bytes(length);
        if length > MAX_HEADER_BYTES || length + 8 > size {
            return Err(invalid("it does not begin as a safetensors file".to_owned()));
        }
        let mut header = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut header, 8).map_err(read)?;
        let entries: BTreeMap<String, &RawValue> = serde_json::from_slice(&header)
            .map_err(|error| invalid(format!("its list of tensors: {error}")))?;
        let data = 8 + length;
        let mut tensors = BTreeMap::new();
        for (name, entry) in entries {
            // Other numbers, such as the positions of older files, are not asked for.
            let Ok(tensor) = serde_json::from_str::<Tensor>(entry.get()) else { continue };
            let (from, to) = tensor.data_offsets;
            let count = tensor.shape.iter().try_fold(1_u64, |all, n| all.checked_mul(*n as u64));
            let bytes = count.and_then(|count| count.checked_mul(tensor.dtype.bytes()));
            if from > to
                || bytes != Some(to - from)
                || to.checked_add(data).is_none_or(|end| end > size)
            {
                return Err(invalid(format!("the tensor {name:?} does not fit into the file")));
            }
            tensors.insert(name, tensor);
        }
        let prefixes = ["", "bert.", "roberta.", "model."];
        let word = |prefix: &&str| tensors.contains_key(&format!("{prefix}{WORDS}"));
        let prefix = prefixes.into_iter().find(word);
        let prefix = prefix.ok_or_else(|| invalid(format!("there is no tensor {WORDS:?}")))?;
        Ok(Self { path: path.to_owned(), file, data, tensors, prefix })
    }

    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&Tensor, WeightsError> {
        let invalid = |what: String| WeightsError::Invalid { path: self.path.clone(), what };
        let tensor = self.tensors.get(&format!("{}{name}", self.prefix));
        let tensor = tensor.ok_or_else(|| invalid(format!("there is no tensor {name:?}")))?;
        if tensor.shape != shape {
            let has = &tensor.shape;
            return Err(invalid(format!(
                "the tensor {name:?} has the shape {has:?}, not {shape:?}"
            )));
        }
        Ok(tensor)
    }

    /// A whole tensor, row by row.
    pub(crate) fn read(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let tensor = self.tensor(name, shape)?;
        let mut numbers = vec![0.0; shape.iter().product()];
        self.numbers(tensor.dtype, tensor.data_offsets.0, &mut numbers)?;
        if numbers.iter().all(|number| number.is_finite()) {
            return Ok(numbers);
        }
        let what = format!("the tensor {name:?} holds numbers that are none");
        Err(WeightsError::Invalid { path: self.path.clone(), what })
    }

    /// A table of which rows are read when they are needed: the words of a language, of which a text has few.
    pub(crate) fn table(
        self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Table, WeightsError> {
        let tensor = self.tensor(name, &[rows, columns])?;
        let (number, from) = (tensor.dtype, tensor.data_offsets.0);
        Ok(Table { weights: self, number, from, rows, columns })
    }

    fn numbers(&self, number: Number, from: u64, into: &mut [f32]) -> Result<(), WeightsError> {
        let mut bytes = vec![0; into.len() * usize::try_from(number.bytes()).unwrap_or(4)];
        let read = self.file.read_exact_at(&mut bytes, self.data + from);
        read.map_err(|source| WeightsError::Read { path: self.path.clone(), source })?;
        match number {
            Number::F32 => {
                for (into, four) in into.iter_mut().zip(bytes.as_chunks().0) {
                    *into = f32::from_le_bytes(*four);
                }
            }
            Number::F16 | Number::BF16 => {
                for (into, two) in into.iter_mut().zip(bytes.as_chunks().0) {
                    let bits = u16::from_le_bytes(*two);
                    *into = if number == Number::F16 { half(bits) } else { wide(bits) };
                }
            }
        }
        Ok(())
    }
}

/// The table of words.
pub(crate) const WORDS: &str = "embeddings.word_embeddings.weight";

/// A table whose rows stay on the disk.
#[derive(Debug)]
pub(crate) struct Table {
    weights: Weights,
    number: Number,
    from: u64,
    rows: usize,
    columns: usize,
}

impl Table {
    /// Reads one row; `None` where the table has no such row.
    pub(crate) fn row(&self, row: u32, into: &mut [f32]) -> Option<Result<(), WeightsError>> {
        let row = row as usize;
        if row >= self.rows || into.len() != self.columns {
            return None;
        }
        let bytes = (row * self.columns) as u64 * self.number.bytes();
        Some(self.weights.numbers(self.number, self.from + bytes, into))
    }
}

/// A number of the format bfloat16.
fn wide(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// A number of the IEEE format binary16.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10) & 0x1f;
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal numbers are multiples of 2^-24.
        0 => {
            let small = fraction as f32 / 16_777_216.0;
            if sign == 0 { small } else { -small }
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_numbers_become_long_ones() {
        assert_eq!(
            [half(0x3c00), half(0xc000), half(0x0001), half(0x7bff)],
            [1.0, -2.0, 5.960_464_5e-8, 65504.0]
        );
        assert!(half(0x7e00).is_nan() && half(0x7c00).is_infinite());
        assert_eq!([wide(0x3f80), wide(0xc000)], [1.0, -2.0]);
    }
}
