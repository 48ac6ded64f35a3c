//! The list of live files, with everything that is known of their rows but not in them. One file, switched at once.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use roaring::{RoaringBitmap, RoaringTreemap};
use serde::{Deserialize, Serialize};

use crate::vectors::VectorError;

const MAGIC: &[u8; 8] = b"HKVMAN01";
const NAME: &str = "MANIFEST";
const HASH: usize = 32;

/// What a store consists of.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    pub(super) dims: usize,
    pub(super) model: String,
    pub(super) revision: String,
    /// Number of the next file; names are never used twice.
    pub(super) next: u64,
    /// Everything up to here is in the segments; the log goes on from here.
    pub(super) watermark: u64,
    /// Name of the log.
    pub(super) log: String,
    pub(super) segments: Vec<Listed>,
    /// Deleted ids and the change that deleted them.
    pub(super) tombstones: HashMap<u64, u64>,
    /// Ids whose vectors were damaged and did not come back yet.
    pub(super) lost: RoaringTreemap,
}

/// A segment in the list.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) rows: usize,
    /// Rows that were deleted or replaced, as of the last rotation of the log.
    pub(super) dead: RoaringBitmap,
    /// Ids of all rows: should the file be damaged, these have to come back.
    pub(super) ids: RoaringTreemap,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    dims: usize,
    model: String,
    revision: String,
    next: u64,
    watermark: u64,
    log: String,
    segments: Vec<TextSegment>,
    tombstones: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextSegment {
    name: String,
    rows: usize,
}

impl Manifest {
    /// Reads it; `None` when there is none, an error text when it is damaged.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, String> {
        let bytes = match std::fs::read(dir.join(NAME)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let (body, hash) =
            bytes.split_at_checked(bytes.len().wrapping_sub(HASH)).ok_or("it is too short")?;
        if blake3::hash(body).as_bytes() != hash {
            return Err("its checksum is wrong".into());
        }
        Self::parse(body).map(Some).map_err(|error| error.to_string())
    }

    fn parse(body: &[u8]) -> io::Result<Self> {
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "it is cut short");
        let rest = body.strip_prefix(MAGIC).ok_or_else(bad)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(bad)?;
        let (text, mut rest) =
            rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(bad)?;
        let text: Text = serde_json::from_slice(text)?;
        let mut segments = Vec::with_capacity(text.segments.len());
        for segment in text.segments {
            let dead = RoaringBitmap::deserialize_from(&mut rest)?;
            let ids = RoaringTreemap::deserialize_from(&mut rest)?;
            segments.push(Listed { name: segment.name, rows: segment.rows, dead, ids });
        }
        let lost = RoaringTreemap::deserialize_from(&mut rest)?;
        let (pairs, []) = rest.as_chunks::<16>() else { return Err(bad()) };
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, &b| sum << 8 | u64::from(b));
        let tombstones: HashMap<u64, u64> =
            pairs.iter().map(|pair| (number(&pair[..8]), number(&pair[8..]))).collect();
        if tombstones.len() != text.tombstones {
            return Err(bad());
        }
        let Text { dims, model, revision, next, watermark, log, .. } = text;
        Ok(Self { dims, model, revision, next, watermark, log, segments, tombstones, lost })
    }

    /// Switches to this list. When it returns, the switch survives a loss of power; when it fails, the old list holds.
    pub(super) fn write(&self, dir: &Path) -> Result<(), VectorError> {
        let path = dir.join(NAME);
        let write = || -> io::Result<()> {
            let bytes = self.bytes()?;
            let temporary = dir.join("MANIFEST.tmp");
            let mut file = File::create(&temporary)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            std::fs::rename(&temporary, &path)?;
            sync_dir(dir)
        };
        write().map_err(VectorError::io("write", &path))
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let segments = self.segments.iter();
        let text = serde_json::to_vec(&Text {
            dims: self.dims,
            model: self.model.clone(),
            revision: self.revision.clone(),
            next: self.next,
            watermark: self.watermark,
            log: self.log.clone(),
            segments: segments
                .map(|it| TextSegment { name: it.name.clone(), rows: it.rows })
                .collect(),
            tombstones: self.tombstones.len(),
        })?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text);
        for segment in &self.segments {
            segment.dead.serialize_into(&mut bytes)?;
            segment.ids.serialize_into(&mut bytes)?;
        }
        self.lost.serialize_into(&mut bytes)?;
        let mut tombstones: Vec<(&u64, &u64)> = self.tombstones.iter().collect();
        tombstones.sort_unstable();
        for (id, seq) in tombstones {
            bytes.extend(id.to_le_bytes());
            bytes.extend(seq.to_le_bytes());
        }
        let hash = blake3::hash(&bytes);
        bytes.extend(hash.as_bytes());
        Ok(bytes)
    }
}

/// Makes names in a folder survive a loss of power.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
