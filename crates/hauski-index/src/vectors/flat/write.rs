//! Changes: checked first, then in the log, then visible.

use std::sync::atomic::Ordering;

use super::log::Change;
use super::{FlatStore, Live, Writer};
use crate::vectors::unit::unit;
use crate::vectors::{VectorError, VectorRecord};
use crate::{Attributes, ChunkId};

impl FlatStore {
    /// See [`crate::vectors::VectorStore::upsert`].
    pub(super) fn put(&self, records: &[VectorRecord], seq: u64) -> Result<(), VectorError> {
        let mut units = Vec::with_capacity(records.len());
        for record in records {
            let what = || format!("the vector of passage {}", record.id.0);
            units.push(unit(&record.vector, self.options.dims, what)?);
        }
        let attributes: Vec<Attributes> =
            records.iter().map(|it| ordered(&it.attributes)).collect();
        let mut writer = self.writer();
        writer.usable()?;
        let mut changes = Vec::with_capacity(records.len());
        {
            let live = self.live();
            for (at, record) in records.iter().enumerate() {
                let deleted = writer.tombstones.get(&record.id.0).is_some_and(|&it| it >= seq);
                if !deleted && live.seq(record.id).is_none_or(|known| known <= seq) {
                    changes.push(at);
                }
            }
        }
        let put = |&at: &usize| Change::Put {
            id: records[at].id,
            seq,
            attributes: &attributes[at],
            unit: &units[at],
        };
        let frames: Vec<Change<'_>> = changes.iter().map(put).collect();
        let places = self.log(&mut writer, &frames, seq)?;
        {
            let mut live = self.live_mut();
            for (&at, place) in changes.iter().zip(places) {
                let id = records[at].id;
                live.bury(id);
                live.active.put((id, seq), attributes[at].clone(), &units[at], place);
            }
        }
        for &at in &changes {
            writer.tombstones.remove(&records[at].id.0);
            writer.lost.remove(records[at].id.0);
        }
        self.follow(&mut writer, seq);
        Ok(())
    }

    /// See [`crate::vectors::VectorStore::delete`].
    pub(super) fn take_out(&self, ids: &[ChunkId], seq: u64) -> Result<(), VectorError> {
        let mut writer = self.writer();
        writer.usable()?;
        let mut gone = Vec::with_capacity(ids.len());
        {
            let live = self.live();
            for &id in ids {
                let known = live.seq(id);
                let remembered = writer.tombstones.get(&id.0).is_some_and(|&it| it >= seq);
                if known.is_none_or(|known| known <= seq) && (known.is_some() || !remembered) {
                    gone.push(id);
                }
            }
        }
        let frames: Vec<Change<'_>> = gone.iter().map(|&id| Change::Delete { id, seq }).collect();
        self.log(&mut writer, &frames, seq)?;
        {
            let mut live = self.live_mut();
            for &id in &gone {
                live.bury(id);
                live.active.remove(id);
            }
        }
        for id in gone {
            writer.remember(id, seq);
        }
        self.follow(&mut writer, seq);
        Ok(())
    }

    /// Writes changes to the log, unless there is nothing to say.
    fn log(
        &self,
        writer: &mut Writer,
        changes: &[Change<'_>],
        seq: u64,
    ) -> Result<Vec<u64>, VectorError> {
        let followed = self.watermark.load(Ordering::Acquire);
        if changes.is_empty() && seq <= followed {
            return Ok(Vec::new());
        }
        let written = writer.log.append(changes, seq.max(followed));
        if let Err(VectorError::Broken(reason)) = &written {
            writer.broken = Some(reason.clone());
        }
        written
    }

    /// Moves the watermark, and seals the log when it is long enough.
    fn follow(&self, writer: &mut Writer, seq: u64) {
        self.watermark.fetch_max(seq, Ordering::AcqRel);
        if writer.log.changes < self.options.seal_rows {
            return;
        }
        // The change itself is done. What fails here is tried again with the next one.
        if let Err(error) = self.seal(writer) {
            tracing::warn!(dir = %self.dir.display(), %error, "cannot seal the log of vectors");
        }
    }
}

impl Writer {
    /// Notes a deletion, so that no replay undoes it.
    pub(super) fn remember(&mut self, id: ChunkId, seq: u64) {
        let known = self.tombstones.entry(id.0).or_insert(seq);
        *known = seq.max(*known);
        self.lost.remove(id.0);
    }
}

impl Live {
    /// The change that an id is known from.
    pub(super) fn seq(&self, id: ChunkId) -> Option<u64> {
        let sealed = || {
            self.segments.iter().find_map(|it| {
                let row = it.segment.find(id).filter(|&row| !it.dead.contains(row))?;
                it.segment.seqs().get(row).copied()
            })
        };
        self.active.seq(id).or_else(sealed)
    }

    /// Marks the sealed row of an id as dead, if there is one.
    pub(super) fn bury(&mut self, id: ChunkId) {
        for sealed in &mut self.segments {
            if let Some(row) = sealed.segment.find(id).filter(|&row| !sealed.dead.contains(row)) {
                std::sync::Arc::make_mut(&mut sealed.dead).insert(row);
            }
        }
    }
}

/// Attributes with tags ascending and each once, as lists and filters expect them.
fn ordered(of: &Attributes) -> Attributes {
    let mut ordered = of.clone();
    ordered.tags.sort_unstable();
    ordered.tags.dedup();
    ordered
}
