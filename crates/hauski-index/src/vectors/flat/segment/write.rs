//! Writes a sealed segment: under another name first, then on the disk, then under its own.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::NEVER;
use super::header::{Header, PAGE, Part, Place};
use crate::vectors::flat::lists::ListsBuilder;
use crate::vectors::flat::map::bytes;
use crate::vectors::quantize::{Coded, Signs};
use crate::vectors::{VectorError, VectorOptions};
use crate::{Attributes, ChunkId};

/// Reads the vector of the n-th row at full precision.
pub(in crate::vectors::flat) type ReadExact<'a> =
    &'a mut dyn FnMut(usize, &mut [u8]) -> io::Result<()>;

/// Rows that become a segment, ascending by id.
#[derive(Default)]
pub(in crate::vectors::flat) struct SegmentBuilder {
    ids: Vec<u64>,
    seqs: Vec<u64>,
    at: Vec<i64>,
    expires: Vec<i64>,
    lists: ListsBuilder,
    codes: Vec<i8>,
    scales: Vec<f32>,
    errors: Vec<f32>,
}

impl SegmentBuilder {
    /// Adds the next row; its id is higher than all before.
    pub(in crate::vectors::flat) fn push(
        &mut self,
        (id, seq): (ChunkId, u64),
        attributes: &Attributes,
        codes: &[i8],
        coded: Coded,
    ) {
        self.lists.push(self.ids.len() as u32, attributes);
        self.ids.push(id.0);
        self.seqs.push(seq);
        self.at.push(attributes.at_ms);
        self.expires.push(attributes.expires_at_ms.unwrap_or(NEVER));
        self.codes.extend_from_slice(codes);
        self.scales.push(coded.scale);
        self.errors.push(coded.error);
    }

    /// Writes the segment. When this returns, file and content are on the disk; the name is so after the folder is
    /// synced.
    pub(in crate::vectors::flat) fn write(
        &self,
        path: &Path,
        options: &VectorOptions,
        exact: Option<ReadExact<'_>>,
    ) -> Result<(), VectorError> {
        let temporary = path.with_extension("tmp");
        let written = self.write_to(&temporary, options, exact);
        let done = written.and_then(|()| std::fs::rename(&temporary, path));
        done.map_err(|error| {
            // The next opening removes what stays here.
            let _ = std::fs::remove_file(&temporary);
            VectorError::io("write", path)(error)
        })
    }

    fn write_to(
        &self,
        path: &Path,
        options: &VectorOptions,
        exact: Option<ReadExact<'_>>,
    ) -> io::Result<()> {
        let signs = Signs::new(options.dims, &self.codes, &self.scales);
        let mut header = Header {
            model: options.model.clone(),
            revision: options.revision.clone(),
            dims: options.dims,
            rows: self.ids.len(),
            stretch_step_bits: signs.stretch_step.to_bits(),
            offset_step_bits: signs.offset_step.to_bits(),
            earliest_ms: self.at.iter().copied().min().unwrap_or_default(),
            latest_ms: self.at.iter().copied().max().unwrap_or_default(),
            first_expiry_ms: self.expires.iter().copied().min().unwrap_or(NEVER),
            parts: Vec::new(),
        };
        let lists = self.lists.write(self.ids.len());
        let mut out = Out { file: BufWriter::with_capacity(1 << 20, File::create(path)?), at: 0 };
        out.pad_to(header.room())?;
        for part in Part::ALL {
            let place = match part {
                Part::Mean => out.section(bytes(&signs.mean)),
                Part::Ids => out.section(bytes(&self.ids)),
                Part::Seqs => out.section(bytes(&self.seqs)),
                Part::At => out.section(bytes(&self.at)),
                Part::Expires => out.section(bytes(&self.expires)),
                Part::Stretch => out.section(bytes(&signs.stretch)),
                Part::Offset => out.section(bytes(&signs.offset)),
                Part::Scales => out.section(bytes(&self.scales)),
                Part::Errors => out.section(bytes(&self.errors)),
                Part::Lists => out.section(&lists),
                Part::Signs => out.section(bytes(&signs.words)),
                Part::Codes => out.section(bytes(&self.codes)),
                Part::Exact => break,
            };
            header.parts.push(place?);
        }
        header.parts.push(self.exact(&mut out, options.dims, exact)?);
        let mut file = out.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let pages = header.write()?;
        if pages.len() as u64 > header.room() {
            return Err(io::Error::other("the header does not fit in front of the sections"));
        }
        file.write_all(&pages)?;
        file.sync_all()
    }

    fn exact(&self, out: &mut Out, dims: usize, exact: Option<ReadExact<'_>>) -> io::Result<Place> {
        out.pad_to(out.at.next_multiple_of(PAGE))?;
        let offset = out.at;
        let mut hash = blake3::Hasher::new();
        let mut vector = vec![0; dims * 4];
        if let Some(read) = exact {
            for row in 0..self.ids.len() {
                read(row, &mut vector)?;
                hash.update(&vector);
                out.file.write_all(&vector)?;
                out.at += vector.len() as u64;
            }
        }
        Ok(Place { offset, bytes: out.at - offset, blake3: hash.finalize().to_hex().to_string() })
    }
}

struct Out {
    file: BufWriter<File>,
    at: u64,
}

impl Out {
    fn pad_to(&mut self, end: u64) -> io::Result<()> {
        let gap = end.saturating_sub(self.at) as usize;
        self.file.write_all(&vec![0; gap])?;
        self.at += gap as u64;
        Ok(())
    }

    fn section(&mut self, bytes: &[u8]) -> io::Result<Place> {
        self.pad_to(self.at.next_multiple_of(PAGE))?;
        let offset = self.at;
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        let blake3 = blake3::hash(bytes).to_hex().to_string();
        Ok(Place { offset, bytes: bytes.len() as u64, blake3 })
    }
}
