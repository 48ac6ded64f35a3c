//! The append log in front of the sealed segments: every change, framed and checked, ended by a commit.
//!
//! A frame is the length and the CRC-32 of what follows. What stands behind the last whole commit never happened.

use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::map::bytes;
use crate::vectors::VectorError;
use crate::{Attributes, ChunkId};

const MAGIC: &[u8; 8] = b"HKVLOG01";
const HEADER: u64 = 16;
const FRAME: usize = 8;
const PUT: u8 = 1;
const DELETE: u8 = 2;
const COMMIT: u8 = 3;
/// What is written in one call at most, as far as frames allow.
const WRITE_BYTES: usize = 4 << 20;

/// A log that is written to.
pub(super) struct Log {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    dims: usize,
    /// Where the next frame goes; the file ends here.
    end: u64,
    buffer: Vec<u8>,
    /// Frames behind the last rotation, commits not counted.
    pub(super) changes: usize,
}

/// A change read back, or about to be written.
pub(super) enum Change<'a> {
    /// A vector of length one.
    Put { id: ChunkId, seq: u64, attributes: &'a Attributes, unit: &'a [f32] },
    /// A deletion.
    Delete { id: ChunkId, seq: u64 },
}

/// What replaying gives to the store. Positions are those of the vector in the file.
pub(super) enum Replayed {
    Put { id: ChunkId, seq: u64, attributes: Attributes, unit: Vec<f32>, at: u64 },
    Delete { id: ChunkId, seq: u64 },
    Commit { watermark: u64 },
}

impl Log {
    /// A new log; nothing of that name may be there.
    pub(super) fn create(path: &Path, dims: usize) -> Result<Self, VectorError> {
        let make = || -> io::Result<File> {
            let mut options = File::options();
            let mut file = options.read(true).write(true).create_new(true).open(path)?;
            let mut header = MAGIC.to_vec();
            header.extend((dims as u32).to_le_bytes());
            header.extend(crc32fast::hash(&header).to_le_bytes());
            file.write_all(&header)?;
            file.sync_all()?;
            Ok(file)
        };
        let file = Arc::new(make().map_err(VectorError::io("write", path))?);
        let path = path.to_owned();
        Ok(Self { path, file, dims, end: HEADER, buffer: Vec::new(), changes: 0 })
    }

    /// Whether a log was begun and never written to.
    pub(super) fn is_empty(path: &Path) -> bool {
        path.metadata().is_ok_and(|found| found.len() <= HEADER)
    }

    /// Opens a log and reads its header. Before anything is written, it must be [replayed](Self::replay).
    pub(super) fn open(path: &Path, dims: usize) -> io::Result<Self> {
        let file = File::options().read(true).write(true).open(path)?;
        let mut header = [0; HEADER as usize];
        let whole = read_whole(&mut &file, &mut header)?;
        let (said, crc) = header.split_at(12);
        if !whole
            || said[..8] != *MAGIC
            || said[8..] != (dims as u32).to_le_bytes()
            || crc != crc32fast::hash(said).to_le_bytes()
        {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not a log of this store"));
        }
        let (path, file) = (path.to_owned(), Arc::new(file));
        Ok(Self { path, file, dims, end: HEADER, buffer: Vec::new(), changes: 0 })
    }

    /// Reads all changes and cuts the file behind its last commit. Returns how many bytes that cost.
    ///
    /// Changes come in groups, each ended by its commit, and only whole groups.
    pub(super) fn replay(&mut self, mut each: impl FnMut(Vec<Replayed>)) -> io::Result<u64> {
        let len = self.file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 20, &*self.file);
        reader.seek(SeekFrom::Start(HEADER))?;
        let mut at = HEADER;
        self.end = at;
        let mut group = Vec::new();
        let mut payload = Vec::new();
        let mut frame = [0; FRAME];
        while read_whole(&mut reader, &mut frame)? {
            let size = u64::from(u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]));
            // A file that was made longer before a crash ends in zeros, whose checksum is right.
            if size == 0 || at + FRAME as u64 + size > len {
                break;
            }
            payload.resize(size as usize, 0);
            if !read_whole(&mut reader, &mut payload)?
                || crc32fast::hash(&payload).to_le_bytes() != frame[4..]
            {
                break;
            }
            at += FRAME as u64 + size;
            let Some(change) = decode(&payload, self.dims, at) else { break };
            let committed = matches!(change, Replayed::Commit { .. });
            group.push(change);
            if committed {
                self.changes += group.len() - 1;
                each(std::mem::take(&mut group));
                self.end = at;
            }
        }
        let torn = len - self.end;
        if torn > 0 {
            self.file.set_len(self.end)?;
            self.file.sync_all()?;
        }
        Ok(torn)
    }

    /// Writes changes and their commit. Returns where each vector stands. After an error the file is as before, or
    /// the error is [`VectorError::Broken`].
    pub(super) fn append(
        &mut self,
        changes: &[Change<'_>],
        watermark: u64,
    ) -> Result<Vec<u64>, VectorError> {
        let start = self.end;
        let written = self.write(changes, watermark);
        self.buffer.clear();
        if written.is_ok() {
            self.changes += changes.len();
            return written.map_err(VectorError::io("write", &self.path));
        }
        self.end = start;
        match self.file.set_len(start) {
            Ok(()) => written.map_err(VectorError::io("write", &self.path)),
            Err(error) => Err(VectorError::Broken(format!("cannot cut the log: {error}"))),
        }
    }

    fn write(&mut self, changes: &[Change<'_>], watermark: u64) -> io::Result<Vec<u64>> {
        let mut places = Vec::with_capacity(changes.len());
        for change in changes {
            match change {
                Change::Put { id, seq, attributes, unit } => {
                    self.frame(|payload| encode_put(payload, *id, *seq, attributes, unit));
                    places.push(self.end + self.buffer.len() as u64 - (self.dims * 4) as u64);
                }
                Change::Delete { id, seq } => {
                    self.frame(|payload| {
                        payload.push(DELETE);
                        payload.extend(seq.to_le_bytes());
                        payload.extend(id.0.to_le_bytes());
                    });
                    places.push(0);
                }
            }
            if self.buffer.len() >= WRITE_BYTES {
                self.write_out()?;
            }
        }
        self.frame(|payload| {
            payload.push(COMMIT);
            payload.extend(watermark.to_le_bytes());
        });
        self.write_out()?;
        Ok(places)
    }

    fn frame(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.buffer.len();
        self.buffer.extend([0; FRAME]);
        fill(&mut self.buffer);
        let (frame, payload) = self.buffer[start..].split_at_mut(FRAME);
        frame[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        frame[4..].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    }

    fn write_out(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.end)?;
        self.end += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}

/// Whether the buffer could be filled; the end of the file is no error.
fn read_whole(reader: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn encode_put(payload: &mut Vec<u8>, id: ChunkId, seq: u64, of: &Attributes, unit: &[f32]) {
    payload.push(PUT);
    payload.extend(seq.to_le_bytes());
    payload.extend(id.0.to_le_bytes());
    payload.extend(of.collection.to_le_bytes());
    payload.extend(of.at_ms.to_le_bytes());
    payload.push(u8::from(of.expires_at_ms.is_some()));
    payload.extend(of.expires_at_ms.unwrap_or_default().to_le_bytes());
    payload.extend((of.tags.len() as u32).to_le_bytes());
    of.tags.iter().for_each(|tag| payload.extend(tag.to_le_bytes()));
    payload.extend(bytes(unit));
}

/// `end` is where the frame ends in the file.
fn decode(payload: &[u8], dims: usize, end: u64) -> Option<Replayed> {
    let mut rest = payload;
    let mut take = |count: usize| -> Option<&[u8]> {
        let (head, tail) = rest.split_at_checked(count)?;
        rest = tail;
        Some(head)
    };
    let long = |bytes: &[u8]| -> Option<u64> { Some(u64::from_le_bytes(bytes.try_into().ok()?)) };
    let short = |bytes: &[u8]| -> Option<u32> { Some(u32::from_le_bytes(bytes.try_into().ok()?)) };
    match take(1)?[0] {
        PUT => {
            let seq = long(take(8)?)?;
            let id = ChunkId(long(take(8)?)?);
            let collection = short(take(4)?)?;
            let at_ms = long(take(8)?)? as i64;
            let expires = take(1)?[0] == 1;
            let expires_at_ms = Some(long(take(8)?)? as i64).filter(|_| expires);
            let count = short(take(4)?)? as usize;
            let tags = take(count.checked_mul(4)?)?.as_chunks::<4>().0;
            let tags = tags.iter().map(|tag| u32::from_le_bytes(*tag)).collect();
            let vector = take(dims * 4)?.as_chunks::<4>().0;
            let unit = vector.iter().map(|value| f32::from_le_bytes(*value)).collect();
            let attributes = Attributes { collection, tags, at_ms, expires_at_ms };
            let at = end - (dims * 4) as u64;
            rest.is_empty().then_some(Replayed::Put { id, seq, attributes, unit, at })
        }
        DELETE => {
            let seq = long(take(8)?)?;
            let id = ChunkId(long(take(8)?)?);
            rest.is_empty().then_some(Replayed::Delete { id, seq })
        }
        COMMIT => Some(Replayed::Commit { watermark: long(take(8)?)? }),
        _ => None,
    }
}
