//! A sealed segment: rows sorted by id in one file that is never changed again.

mod header;
mod write;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use self::header::{Header, Part};
pub(super) use self::write::SegmentBuilder;
use super::lists::Lists;
use super::map::Map;
use crate::vectors::VectorOptions;
use crate::vectors::hnsw::CodedRows;
use crate::vectors::kernel::{BLOCK, Best, Level, Scan};
use crate::vectors::quantize::{Planes, Query, stride, words};
use crate::vectors::rows::Rows;
use crate::{Attributes, ChunkId, Filter};

/// A segment that is open.
pub(super) struct Segment {
    file: File,
    map: Map,
    header: Header,
}

impl Segment {
    /// Opens a segment and checks everything but its large sections. The error says what is wrong with it.
    pub(super) fn open(path: &Path, options: &VectorOptions) -> Result<Self, String> {
        let (file, header) = header::open(path)?;
        if (header.dims, &header.model, &header.revision)
            != (options.dims, &options.model, &options.revision)
        {
            return Err(format!("vectors of {} {}", header.model, header.revision));
        }
        let mapped = usize::try_from(header.part(Part::Exact).offset).map_err(|_| "too large")?;
        let map = Map::new(&file, mapped).map_err(|error| error.to_string())?;
        let segment = Self { file, map, header };
        segment.check_sizes()?;
        segment.check(Part::checked_at_open)?;
        if !segment.ids().is_sorted_by(|left, right| left < right) {
            return Err("the ids are not in order".into());
        }
        Ok(segment)
    }

    fn check_sizes(&self) -> Result<(), String> {
        let (rows, dims) = (self.header.rows, self.header.dims);
        let padded = rows.next_multiple_of(BLOCK);
        for part in Part::ALL {
            let expected = match part {
                Part::Mean => dims * 4,
                Part::Ids | Part::Seqs | Part::At | Part::Expires => rows * 8,
                Part::Stretch | Part::Offset => padded * 2,
                Part::Scales | Part::Errors => rows * 4,
                Part::Signs => padded * words(dims) * 8,
                Part::Codes => rows * stride(dims),
                Part::Exact if self.has_exact() => rows * dims * 4,
                Part::Exact | Part::Lists => continue,
            };
            let place = self.header.part(part);
            if place.bytes != expected as u64 || !place.offset.is_multiple_of(8) {
                return Err(format!("section {part:?} has {} bytes", place.bytes));
            }
        }
        Ok(())
    }

    /// Compares the checksums of chosen sections.
    fn check(&self, chosen: impl Fn(Part) -> bool) -> Result<(), String> {
        for part in Part::ALL.into_iter().filter(|&part| chosen(part)) {
            let place = self.header.part(part);
            let mut hash = blake3::Hasher::new();
            if part == Part::Exact {
                let mut buffer = vec![0; 1 << 20];
                let (mut at, end) = (place.offset, place.offset + place.bytes);
                while at < end {
                    let size = (end - at).min(buffer.len() as u64) as usize;
                    let read = self.file.read_exact_at(&mut buffer[..size], at);
                    read.map_err(|error| format!("section {part:?}: {error}"))?;
                    hash.update(&buffer[..size]);
                    at += size as u64;
                }
            } else {
                let bytes = self.map.slice::<u8>(place.range());
                hash.update(bytes.ok_or_else(|| format!("section {part:?} is not there"))?);
            }
            if hash.finalize().to_hex().as_str() != place.blake3 {
                return Err(format!("the checksum of section {part:?} is wrong"));
            }
        }
        Ok(())
    }

    /// Compares all checksums.
    pub(super) fn check_all(&self) -> Result<(), String> {
        self.check(|_| true)
    }

    pub(super) fn rows(&self) -> usize {
        self.header.rows
    }

    /// Whether vectors are there at full precision.
    pub(super) fn has_exact(&self) -> bool {
        self.header.part(Part::Exact).bytes > 0
    }

    /// Ascending.
    pub(super) fn ids(&self) -> &[u64] {
        self.map.slice(self.header.part(Part::Ids).range()).unwrap_or_default()
    }

    pub(super) fn seqs(&self) -> &[u64] {
        self.map.slice(self.header.part(Part::Seqs).range()).unwrap_or_default()
    }

    pub(super) fn scales(&self) -> &[f32] {
        self.map.slice(self.header.part(Part::Scales).range()).unwrap_or_default()
    }

    pub(super) fn errors(&self) -> &[f32] {
        self.map.slice(self.header.part(Part::Errors).range()).unwrap_or_default()
    }

    /// Rows of bytes, [`stride`] apart.
    pub(super) fn codes(&self) -> &[i8] {
        self.map.slice(self.header.part(Part::Codes).range()).unwrap_or_default()
    }

    fn times(&self, part: Part) -> &[i64] {
        self.map.slice(self.header.part(part).range()).unwrap_or_default()
    }

    fn lists(&self) -> Lists<'_> {
        let bytes = self.map.slice(self.header.part(Part::Lists).range()).unwrap_or_default();
        Lists::new(bytes, self.header.rows)
    }

    /// The row of an id, dead or alive.
    pub(super) fn find(&self, id: ChunkId) -> Option<usize> {
        self.ids().binary_search(&id.0).ok()
    }

    /// Rows that are alive and that a filter admits.
    pub(super) fn admitted(&self, filter: &Filter, dead: &Rows) -> io::Result<Rows> {
        let mut rows = Rows::all(self.header.rows);
        rows.drop_all(dead.words().iter().copied());
        let bad = |_| io::Error::new(io::ErrorKind::InvalidData, "the lists of tags are damaged");
        self.lists().narrow(&mut rows, filter).map_err(bad)?;
        if filter.from_ms.is_some_and(|from| from > self.header.earliest_ms)
            || filter.until_ms.is_some_and(|until| until <= self.header.latest_ms)
        {
            let from = filter.from_ms.unwrap_or(i64::MIN);
            let until = filter.until_ms;
            let within = |at: i64| at >= from && until.is_none_or(|until| at < until);
            rows.keep(words_of(self.times(Part::At), within));
        }
        if let Some(now) = filter.alive_at_ms.filter(|&now| now >= self.header.first_expiry_ms) {
            rows.keep(words_of(self.times(Part::Expires), |end| end > now || end == NEVER));
        }
        Ok(rows)
    }

    /// Attributes of all rows.
    pub(super) fn attributes(&self) -> io::Result<Vec<Attributes>> {
        let bad = |_| io::Error::new(io::ErrorKind::InvalidData, "the lists of tags are damaged");
        let mut all = self.lists().attributes().map_err(bad)?;
        let times = self.times(Part::At).iter().zip(self.times(Part::Expires));
        for (attributes, (&at, &end)) in all.iter_mut().zip(times) {
            attributes.at_ms = at;
            attributes.expires_at_ms = Some(end).filter(|&end| end != NEVER);
        }
        Ok(all)
    }

    /// Offers the estimates of all admitted rows.
    pub(super) fn scan(
        &self,
        level: Level,
        query: &Query,
        (number, admitted): (u32, &Rows),
        best: &mut Best,
    ) {
        let place = |part| self.header.part(part).range();
        let mean: &[f32] = self.map.slice(place(Part::Mean)).unwrap_or_default();
        let planes = Planes::new(&query.unit, mean);
        let job = Scan {
            segment: number,
            admitted: admitted.words(),
            signs: self.map.slice(place(Part::Signs)).unwrap_or_default(),
            stretch: self.map.slice(place(Part::Stretch)).unwrap_or_default(),
            offset: self.map.slice(place(Part::Offset)).unwrap_or_default(),
            planes: &planes.planes,
            planes_sum: planes.sum,
            base: planes.base,
            stretch_step: f32::from_bits(self.header.stretch_step_bits) * planes.step,
            offset_step: f32::from_bits(self.header.offset_step_bits),
        };
        level.scan(&job, best);
    }

    /// Reads the vector of a row at full precision.
    pub(super) fn read_exact(&self, row: usize, bytes: &mut [u8]) -> io::Result<()> {
        let at = self.header.part(Part::Exact).offset + (row * bytes.len()) as u64;
        self.file.read_exact_at(bytes, at)
    }

    /// Bytes that a scan over everything touches: signs and their factors.
    pub(super) fn hot_bytes(&self) -> u64 {
        [Part::Stretch, Part::Offset, Part::Signs]
            .iter()
            .map(|&part| self.header.part(part).bytes)
            .sum()
    }

    /// Bytes that are mapped.
    pub(super) fn mapped_bytes(&self) -> u64 {
        self.header.part(Part::Exact).offset
    }
}

impl CodedRows for Segment {
    fn count(&self) -> usize {
        self.rows()
    }

    fn row(&self, row: u32) -> (&[i8], f32) {
        let stride = stride(self.header.dims);
        let at = row as usize;
        (&self.codes()[at * stride..][..stride], self.scales()[at])
    }
}

/// In place of an end for rows that have none.
const NEVER: i64 = i64::MAX;

/// A bit for each time that passes.
fn words_of<'a>(
    times: &'a [i64],
    passes: impl Fn(i64) -> bool + 'a,
) -> impl Iterator<Item = u64> + 'a {
    times.chunks(64).map(move |chunk| {
        chunk.iter().enumerate().fold(0, |word, (at, &time)| word | u64::from(passes(time)) << at)
    })
}
