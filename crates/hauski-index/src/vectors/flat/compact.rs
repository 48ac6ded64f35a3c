//! Sealing and compaction: live rows move into new segments, and what held dead ones is removed.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use roaring::RoaringTreemap;

use super::active::Active;
use super::log::Log;
use super::manifest::{Listed, Manifest, sync_dir};
use super::segment::{Segment, SegmentBuilder};
use super::{FlatStore, Live, Sealed, Writer, size_of_dir};
use crate::vectors::quantize::{Coded, stride};
use crate::vectors::rows::Rows;
use crate::vectors::{Compaction, VectorError};
use crate::{Attributes, ChunkId};

/// A segment is rewritten while sealing when more than one row in this many is dead.
const DEAD_SHARE: usize = 5;
/// Folder of damaged files.
pub(super) const QUARANTINE: &str = "quarantine";

/// A live row on its way into a new segment.
struct Moving<'a> {
    id: ChunkId,
    seq: u64,
    attributes: &'a Attributes,
    codes: &'a [i8],
    coded: Coded,
    from: Source,
}

/// Where its vector stands at full precision.
enum Source {
    Log(u64),
    Segment(Arc<Segment>, usize),
}

impl FlatStore {
    /// Turns the log into a segment; segments with many dead rows and small ones are rewritten with it.
    pub(super) fn seal(&self, writer: &mut Writer) -> Result<(), VectorError> {
        let small = self.options.seal_rows / 2;
        self.rewrite(writer, |it| {
            let rows = it.segment.rows();
            rows < small || it.dead.count() * DEAD_SHARE > rows
        })
        .map(|_| ())
    }

    /// Rewrites everything that holds a dead row, and removes what lies in quarantine.
    pub(super) fn compact_all(&self, writer: &mut Writer) -> Result<Compaction, VectorError> {
        let size = || size_of_dir(&self.dir).map_err(VectorError::io("read", &self.dir));
        let before = size()?;
        let dead = {
            let live = self.live();
            live.active.dead() > 0 || live.segments.iter().any(|it| it.dead.count() > 0)
        };
        let mut done = Compaction::default();
        if dead {
            let small = self.options.seal_rows / 4;
            let chosen = |it: &Sealed| it.dead.count() > 0 || it.segment.rows() < small;
            done = self.rewrite(writer, chosen)?;
        }
        // The truth puts the vectors in again; until then they count as lost, and their bytes may be anyone's.
        let quarantine = self.dir.join(QUARANTINE);
        match std::fs::remove_dir_all(&quarantine) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(VectorError::io("remove", &quarantine)(error));
            }
            _ => sync_dir(&self.dir).map_err(VectorError::io("sync", &self.dir))?,
        }
        done.bytes_changed = size()? as i64 - before as i64;
        Ok(done)
    }

    /// Moves the log and chosen segments into new segments, and begins a new log. After an error all is as before.
    fn rewrite(
        &self,
        writer: &mut Writer,
        chosen: impl Fn(&Sealed) -> bool,
    ) -> Result<Compaction, VectorError> {
        let live = self.live();
        let (old, mut segments): (Vec<Sealed>, Vec<Sealed>) =
            live.segments.iter().cloned().partition(chosen);
        let removed = live.active.dead() + old.iter().map(|it| it.dead.count()).sum::<usize>();
        let mut names = Vec::new();
        let result = self.move_rows(writer, &live, &old, &mut names).and_then(|new| {
            segments.extend(new);
            let path = self.file(&format!("log-{}", writer.next));
            writer.next += 1;
            names.push(path.clone());
            Log::create(&path, self.options.dims)
        });
        drop(live);
        let log = match result {
            Ok(log) => log,
            Err(error) => {
                // The list does not name them, so the next opening removes what cannot be removed now.
                names.iter().for_each(|name| drop(std::fs::remove_file(name)));
                return Err(error);
            }
        };
        let old_log = std::mem::replace(&mut writer.log, log);
        let old_base = std::mem::replace(&mut writer.base, self.watermark.load(Ordering::Acquire));
        if let Err(error) = self.manifest(writer, &segments).write(&self.dir) {
            // Whether the new list holds is unknown when its folder could not be synced: both sets of files stay.
            writer.log = old_log;
            writer.base = old_base;
            writer.broken = Some(format!("cannot switch the list of files: {error}"));
            return Err(error);
        }
        let active = Active::new(writer.log.file.clone());
        *self.live_mut() = Live { segments, active };
        self.grow();
        let files = old.iter().map(|it| self.file(&it.name)).chain([old_log.path.clone()]);
        let rewritten = files.map(|path| remove(&path)).count();
        Ok(Compaction {
            files_rewritten: rewritten,
            vectors_removed: removed as u64,
            bytes_changed: 0,
        })
    }

    /// Writes new segments with the live rows of the log and of old segments.
    fn move_rows(
        &self,
        writer: &mut Writer,
        live: &Live,
        old: &[Sealed],
        names: &mut Vec<std::path::PathBuf>,
    ) -> Result<Vec<Sealed>, VectorError> {
        let attributes = old.iter().map(|it| it.segment.attributes());
        let attributes: Vec<Vec<Attributes>> =
            attributes.collect::<io::Result<_>>().map_err(VectorError::io("read", &self.dir))?;
        let mut moving: Vec<Moving<'_>> = Vec::new();
        for (row, codes) in live.active.sorted() {
            moving.push(Moving {
                id: row.id,
                seq: row.seq,
                attributes: &row.attributes,
                codes,
                coded: row.coded,
                from: Source::Log(row.at),
            });
        }
        let stride = stride(self.options.dims);
        for (sealed, attributes) in old.iter().zip(&attributes) {
            let segment = &sealed.segment;
            for row in (0..segment.rows()).filter(|&row| !sealed.dead.contains(row)) {
                moving.push(Moving {
                    id: ChunkId(segment.ids()[row]),
                    seq: segment.seqs()[row],
                    attributes: &attributes[row],
                    codes: &segment.codes()[row * stride..][..stride],
                    coded: Coded { scale: segment.scales()[row], error: segment.errors()[row] },
                    from: Source::Segment(segment.clone(), row),
                });
            }
        }
        moving.sort_unstable_by_key(|row| row.id);
        let mut new = Vec::new();
        for rows in moving.chunks(self.options.seal_rows) {
            let name = format!("seg-{}", writer.next);
            writer.next += 1;
            names.push(self.file(&name));
            new.push(self.write_segment(name, rows, live)?);
        }
        Ok(new)
    }

    fn write_segment(
        &self,
        name: String,
        rows: &[Moving<'_>],
        live: &Live,
    ) -> Result<Sealed, VectorError> {
        let mut builder = SegmentBuilder::default();
        for row in rows {
            builder.push((row.id, row.seq), row.attributes, row.codes, row.coded);
        }
        let mut read = |at: usize, bytes: &mut [u8]| match &rows[at].from {
            Source::Log(at) => live.active.log.read_exact_at(bytes, *at),
            Source::Segment(segment, row) => segment.read_exact(*row, bytes),
        };
        let has_exact = |row: &Moving<'_>| match &row.from {
            Source::Log(_) => true,
            Source::Segment(segment, _) => segment.has_exact(),
        };
        let keep = self.options.keep_exact && rows.iter().all(has_exact);
        let path = self.file(&name);
        builder.write(&path, &self.options, if keep { Some(&mut read) } else { None })?;
        let segment = Segment::open(&path, &self.options).map_err(|what| {
            let source = io::Error::new(io::ErrorKind::InvalidData, what);
            VectorError::Io { action: "read back", path, source }
        })?;
        Ok(Sealed::new(name, segment))
    }

    /// The list of files as it is now, with given segments.
    pub(super) fn manifest(&self, writer: &Writer, segments: &[Sealed]) -> Manifest {
        let listed = |it: &Sealed| Listed {
            name: it.name.clone(),
            rows: it.segment.rows(),
            dead: it.dead.iter().map(|row| row as u32).collect(),
            ids: (*it.ids).clone(),
        };
        let log = writer.log.path.file_name().unwrap_or_default();
        Manifest {
            dims: self.options.dims,
            model: self.options.model.clone(),
            revision: self.options.revision.clone(),
            next: writer.next,
            watermark: writer.base,
            log: log.to_string_lossy().into_owned(),
            segments: segments.iter().map(listed).collect(),
            tombstones: writer.tombstones.clone(),
            lost: writer.lost.clone(),
        }
    }

    /// Compares all checksums of sealed segments and sets damaged ones aside.
    pub(super) fn check_segments(&self) -> Result<(), VectorError> {
        let segments = self.live().segments.clone();
        for sealed in segments {
            let Err(what) = sealed.segment.check_all() else { continue };
            let mut writer = self.writer();
            writer.usable()?;
            let mut kept = self.live().segments.clone();
            let Some(at) = kept.iter().position(|it| it.name == sealed.name) else { continue };
            let damaged = kept.remove(at);
            let dead = &damaged.dead;
            let ids = damaged.segment.ids().iter().enumerate();
            writer.lost.extend(ids.filter(|(row, _)| !dead.contains(*row)).map(|(_, &id)| id));
            self.manifest(&writer, &kept).write(&self.dir)?;
            self.live_mut().segments = kept;
            set_aside(&self.dir, &damaged.name)?;
            let mut damage = self.damage.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            damage.files.push((self.file(&damaged.name), what));
        }
        Ok(())
    }
}

impl Sealed {
    /// A segment of which every row counts.
    pub(super) fn new(name: String, segment: Segment) -> Self {
        let dead = Arc::new(Rows::none(segment.rows()));
        let ids: RoaringTreemap = segment.ids().iter().copied().collect();
        let graph = Arc::default();
        Self { name, segment: Arc::new(segment), dead, ids: Arc::new(ids), graph }
    }
}

/// Moves a damaged file into quarantine, if it is there at all.
pub(super) fn set_aside(dir: &Path, name: &str) -> Result<(), VectorError> {
    let quarantine = dir.join(QUARANTINE);
    std::fs::create_dir_all(&quarantine).map_err(VectorError::io("make", &quarantine))?;
    let from = dir.join(name);
    match std::fs::rename(&from, quarantine.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(VectorError::io("set aside", &from)(error))
        }
        _ => Ok(()),
    }
}

/// Removes a file that no list names any more; the next opening tries again.
fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "cannot remove an old file of vectors");
    }
}
