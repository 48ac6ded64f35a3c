//! The first pages of a sealed segment: what lies where, how large, and with which checksum.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 8] = b"HKVSEG01";
/// Magic, length of the text, checksum of the text.
const FIXED: usize = 8 + 4 + 32;
/// Sections begin at multiples of this.
pub(super) const PAGE: u64 = 4096;
/// A header is never larger.
const LONGEST: usize = 1 << 20;

/// Sections of a segment, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The mean of all rows.
    Mean,
    /// Ids, ascending.
    Ids,
    /// The change that each row is from.
    Seqs,
    /// When each source was made.
    At,
    /// When each row expires.
    Expires,
    /// See [`crate::vectors::kernel::Scan`].
    Stretch,
    Offset,
    /// What a unit of each row's codes is worth, and how far they are off.
    Scales,
    Errors,
    /// Collections and tags.
    Lists,
    /// Blocks of signs.
    Signs,
    /// Rows of bytes.
    Codes,
    /// Rows at full precision; empty when not kept. It is read, not mapped.
    Exact,
}

impl Part {
    pub(super) const ALL: [Self; 13] = [
        Self::Mean,
        Self::Ids,
        Self::Seqs,
        Self::At,
        Self::Expires,
        Self::Stretch,
        Self::Offset,
        Self::Scales,
        Self::Errors,
        Self::Lists,
        Self::Signs,
        Self::Codes,
        Self::Exact,
    ];

    /// Whether its checksum is compared each time the segment is opened. The others are large; they are compared on demand.
    pub(super) fn checked_at_open(self) -> bool {
        !matches!(self, Self::Signs | Self::Codes | Self::Exact)
    }
}

/// Where a section lies.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) blake3: String,
}

impl Place {
    pub(super) fn range(&self) -> Range<usize> {
        self.offset as usize..(self.offset + self.bytes) as usize
    }
}

/// What a segment says of itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) model: String,
    pub(super) revision: String,
    pub(super) dims: usize,
    pub(super) rows: usize,
    /// Bits of 32-bit floats, so that no digit is lost.
    pub(super) stretch_step_bits: u32,
    pub(super) offset_step_bits: u32,
    pub(super) earliest_ms: i64,
    pub(super) latest_ms: i64,
    /// The first end of a row; the largest number when none ends.
    pub(super) first_expiry_ms: i64,
    pub(super) parts: Vec<Place>,
}

impl Header {
    pub(super) fn part(&self, part: Part) -> &Place {
        static NOWHERE: Place = Place { offset: 0, bytes: 0, blake3: String::new() };
        self.parts.get(part as usize).unwrap_or(&NOWHERE)
    }

    /// The pages of the header.
    pub(super) fn write(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        let mut pages = MAGIC.to_vec();
        pages.extend((text.len() as u32).to_le_bytes());
        pages.extend(blake3::hash(&text).as_bytes());
        pages.extend(text);
        if pages.len() > LONGEST {
            return Err(io::Error::other("the header is too long"));
        }
        Ok(pages)
    }

    /// Reads and checks a header; the error is for people.
    pub(super) fn read(file: &File) -> Result<Self, String> {
        let mut fixed = [0; FIXED];
        let mut reader = file;
        reader.read_exact(&mut fixed).map_err(|error| format!("the header: {error}"))?;
        let (magic, rest) = fixed.split_at(8);
        let (length, hash) = rest.split_at(4);
        if magic != MAGIC {
            return Err("not a segment of vectors".into());
        }
        let length = length.iter().rev().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
        if length > LONGEST {
            return Err("the header is too long".into());
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).map_err(|error| format!("the header: {error}"))?;
        if blake3::hash(&text).as_bytes() != hash {
            return Err("the header's checksum is wrong".into());
        }
        serde_json::from_slice(&text).map_err(|error| format!("the header: {error}"))
    }

    /// Room for the header in front of the first section: its longest form, in whole pages.
    pub(super) fn room(&self) -> u64 {
        let names = self.model.len() + self.revision.len();
        // Every byte of a name may need six, every number at most 20.
        ((FIXED + names * 6 + 400 + Part::ALL.len() * 160) as u64).next_multiple_of(PAGE)
    }
}

/// Opens a file and compares its length.
pub(super) fn open(path: &Path) -> Result<(File, Header), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let header = Header::read(&file)?;
    let end = header.parts.iter().map(|place| place.offset.saturating_add(place.bytes)).max();
    let found = file.metadata().map_err(|error| error.to_string())?.len();
    if header.parts.len() != Part::ALL.len() || end.is_none_or(|end| end != found) {
        return Err(format!("{found} bytes long and not {}", end.unwrap_or_default()));
    }
    Ok((file, header))
}
