//! From the UTF-8 of a merge back to the bytes of a file.

use crate::model::Encoding;

/// Turns portions of a content into portions of the file.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    encoding: Option<Encoding>,
    /// The beginning of a character whose end has not come yet.
    carry: Vec<u8>,
}

/// The content holds a character that the encoding does not have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign;

impl Decoder {
    pub(super) fn new(encoding: Option<Encoding>) -> Self {
        Self { encoding, carry: Vec::new() }
    }

    /// Appends the bytes that this portion stands for.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Foreign> {
        let Some(encoding) = self.encoding else {
            out.extend_from_slice(bytes);
            return Ok(());
        };
        self.carry.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.carry) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(Foreign),
        };
        let rest = self.carry.split_off(whole);
        let text =
            String::from_utf8(std::mem::replace(&mut self.carry, rest)).map_err(|_| Foreign)?;
        encode(&text, encoding, out)
    }

    /// Whether no character was left half.
    pub(super) fn is_complete(&self) -> bool {
        self.carry.is_empty()
    }
}

fn encode(text: &str, encoding: Encoding, out: &mut Vec<u8>) -> Result<(), Foreign> {
    match encoding {
        Encoding::Latin1 => {
            for c in text.chars() {
                out.push(u8::try_from(u32::from(c)).map_err(|_| Foreign)?);
            }
        }
        Encoding::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
        Encoding::Utf16Be => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str, encoding: Encoding, portion: usize) -> Result<Vec<u8>, Foreign> {
        let mut decoder = Decoder::new(Some(encoding));
        let mut out = Vec::new();
        for bytes in text.as_bytes().chunks(portion) {
            decoder.push(bytes, &mut out)?;
        }
        assert!(decoder.is_complete());
        Ok(out)
    }

    #[test]
    fn characters_come_back_in_portions_of_any_size() {
        for portion in 1..5 {
            assert_eq!(decode("aü\u{ff}", Encoding::Latin1, portion).unwrap(), b"a\xfc\xff");
            assert_eq!(
                decode("\u{feff}a🧾", Encoding::Utf16Le, portion).unwrap(),
                b"\xff\xfea\0\x3e\xd8\xfe\xdd"
            );
            assert_eq!(decode("\u{feff}é", Encoding::Utf16Be, portion).unwrap(), b"\xfe\xff\0\xe9");
            assert_eq!(decode("€", Encoding::Latin1, portion), Err(Foreign));
        }
    }
}
