//! The embedded store: an append log, sealed segments that are scanned, and a list of what is alive.
//!
//! One writer at a time holds [`Writer`]; searches read [`Live`], which is locked for writing only while a finished change
//! is put into memory, never while a file is written or synced.

mod active;
mod compact;
mod lists;
mod log;
mod manifest;
mod map;
mod open;
mod pool;
mod search;
mod segment;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use roaring::RoaringTreemap;

use self::active::Active;
use self::log::Log;
use self::pool::Pool;
use self::search::{View, Wanted};
use self::segment::Segment;
use super::hnsw::{Grower, Slot};
use super::kernel::Level;
use super::quantize::Query;
use super::rows::Rows;
use super::unit::unit;
use super::{
    Compaction, Damage, Engine, Mode, Scored, VectorError, VectorOptions, VectorRecord,
    VectorStats, VectorStore,
};
use crate::{ChunkId, Filter};

/// From so many rows on, `auto` has graphs built …
const ROWS_FOR_GRAPHS: usize = 2_000_000;
/// … over segments of at least so many: a smaller one is scanned sooner than its graph is walked.
const ROWS_OF_GRAPH: usize = 262_144;

/// A store of vectors in one folder.
pub(super) struct FlatStore {
    dir: PathBuf,
    options: VectorOptions,
    level: Level,
    live: RwLock<Live>,
    writer: Mutex<Writer>,
    watermark: AtomicU64,
    damage: Mutex<Damage>,
    /// Builds graphs, unless the engine is the scan alone.
    grower: Option<Grower>,
    /// Held as long as the store is open.
    _lock: open::Held,
}

/// What searches see.
struct Live {
    segments: Vec<Sealed>,
    active: Active,
}

/// A segment and which of its rows count no more.
#[derive(Clone)]
struct Sealed {
    name: String,
    segment: Arc<Segment>,
    dead: Arc<Rows>,
    /// Ids of all rows, dead ones too.
    ids: Arc<RoaringTreemap>,
    graph: Arc<Slot>,
}

/// What only writing needs.
struct Writer {
    log: Log,
    tombstones: HashMap<u64, u64>,
    lost: RoaringTreemap,
    /// Number of the next file.
    next: u64,
    /// The watermark when the log began.
    base: u64,
    /// Why nothing can be written any more.
    broken: Option<String>,
}

impl FlatStore {
    /// A panic in another thread leaves whole values behind: every change is put in by single steps that do not fail.
    fn live(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn live_mut(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Has the graphs built that the engine wants: all of them, or where they are quicker than a scan.
    fn grow(&self) {
        let Some(grower) = &self.grower else { return };
        let live = self.live();
        let rows: usize = live.segments.iter().map(|it| it.segment.rows()).sum();
        let all = self.options.engine == Engine::Hnsw;
        for it in &live.segments {
            if all || rows >= ROWS_FOR_GRAPHS && it.segment.rows() >= ROWS_OF_GRAPH {
                grower.ask(it.segment.clone(), &it.graph);
            }
        }
    }
}

impl VectorStore for FlatStore {
    fn upsert(&self, records: &[VectorRecord], seq: u64) -> Result<(), VectorError> {
        self.put(records, seq)
    }

    fn delete(&self, ids: &[ChunkId], seq: u64) -> Result<(), VectorError> {
        self.take_out(ids, seq)
    }

    fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: &Filter,
        mode: Mode,
    ) -> Result<Vec<Scored>, VectorError> {
        let query = Query::new(unit(query, self.options.dims, || "the query".into())?);
        if k == 0 {
            return Ok(Vec::new());
        }
        let live = self.live();
        let all: usize = live.segments.iter().map(|it| it.segment.rows()).sum();
        let k = k.min(all + live.active.live());
        let always_graphs = self.options.engine == Engine::Hnsw;
        let wanted = Wanted { query, k, filter, mode, level: self.level, always_graphs };
        let mut pool = Pool::new(k, self.options.dims, mode == Mode::Exact);
        let view = View::take(&live, &wanted, &mut pool);
        drop(live);
        view.search(&wanted, pool).map_err(VectorError::io("read", &self.dir))
    }

    fn watermark(&self) -> u64 {
        self.watermark.load(Ordering::Acquire)
    }

    fn flush(&self) -> Result<(), VectorError> {
        let file = {
            let writer = self.writer();
            writer.usable()?;
            writer.log.file.clone()
        };
        file.sync_data().map_err(|error| {
            // The system may have dropped what it could not write; only reading it again tells.
            self.writer().broken = Some(format!("cannot sync the log: {error}"));
            VectorError::io("sync", &self.dir)(error)
        })
    }

    fn compact(&self) -> Result<Compaction, VectorError> {
        let mut writer = self.writer();
        writer.usable()?;
        self.compact_all(&mut writer)
    }

    fn stats(&self) -> Result<VectorStats, VectorError> {
        let tombstones = self.writer().tombstones.len() as u64;
        let disk_bytes = size_of_dir(&self.dir).map_err(VectorError::io("read", &self.dir))?;
        let live = self.live();
        let mut stats = VectorStats {
            live: live.active.live() as u64,
            dead: live.active.dead() as u64,
            tombstones,
            segments: live.segments.len(),
            graphs: live.segments.iter().filter(|it| it.graph.graph().is_some()).count(),
            disk_bytes,
            hot_bytes: live.active.bytes(),
            resident_bytes: live.active.bytes() + tombstones * 24,
            watermark: self.watermark(),
            kernel: self.level.name(),
        };
        for sealed in &live.segments {
            let dead = sealed.dead.count() as u64;
            stats.dead += dead;
            stats.live += sealed.segment.rows() as u64 - dead;
            stats.hot_bytes += sealed.segment.hot_bytes() + sealed.dead.words().len() as u64 * 8;
            stats.resident_bytes +=
                sealed.segment.mapped_bytes() + sealed.dead.words().len() as u64 * 8;
        }
        Ok(stats)
    }

    fn damage(&self) -> Damage {
        let lost = self.writer().lost.iter().map(ChunkId).collect();
        let damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Damage { lost, ..damage }
    }

    fn verify(&self) -> Result<Damage, VectorError> {
        self.check_segments()?;
        Ok(self.damage())
    }
}

impl Writer {
    fn usable(&self) -> Result<(), VectorError> {
        match &self.broken {
            None => Ok(()),
            Some(reason) => Err(VectorError::Broken(reason.clone())),
        }
    }
}

/// Bytes of all files in a folder, one level of folders included.
fn size_of_dir(dir: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        match entry.metadata() {
            Ok(found) if found.is_dir() => sum += size_of_dir(&entry.path())?,
            Ok(found) => sum += found.len(),
            // A writer beside us has just replaced it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}
