//! Opening a store: list, segments, log; what is damaged is set aside and said.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};

use roaring::RoaringTreemap;

use super::active::Active;
use super::compact::{QUARANTINE, set_aside};
use super::log::{Log, Replayed};
use super::manifest::{Listed, Manifest};
use super::segment::Segment;
use super::{FlatStore, Live, Sealed, Writer};
use crate::vectors::hnsw::Grower;
use crate::vectors::kernel::Level;
use crate::vectors::rows::Rows;
use crate::vectors::{Damage, Engine, VectorError, VectorOptions};

const LIST: &str = "MANIFEST";
const LOCK: &str = "LOCK";

impl FlatStore {
    /// See [`crate::vectors::open`].
    pub(in crate::vectors) fn open(
        dir: &Path,
        options: &VectorOptions,
    ) -> Result<Self, VectorError> {
        std::fs::create_dir_all(dir).map_err(VectorError::io("make", dir))?;
        let lock = lock(dir)?;
        let mut damage = Damage::default();
        let mut manifest = match Manifest::read(dir) {
            Ok(Some(manifest)) => manifest,
            Ok(None) => begin(dir, options, &mut damage, "the list of files is missing")?,
            Err(what) => {
                set_aside(dir, LIST)?;
                begin(dir, options, &mut damage, &what)?
            }
        };
        let said =
            |dims, model: &str, revision: &str| format!("{model} {revision} ({dims} numbers)");
        let found = said(manifest.dims, &manifest.model, &manifest.revision);
        let asked = said(options.dims, &options.model, &options.revision);
        if found != asked {
            return Err(VectorError::OtherModel { dir: dir.to_owned(), found, asked });
        }
        remove_unlisted(dir, &manifest)?;
        let begun = damage.files.len();
        let mut segments = Vec::new();
        for listed in std::mem::take(&mut manifest.segments) {
            match open_segment(dir, &listed, options) {
                Ok(sealed) => segments.push(sealed),
                Err(what) => {
                    manifest.lost |= live_ids(&listed);
                    damage.files.push((dir.join(&listed.name), what));
                    set_aside(dir, &listed.name)?;
                }
            }
        }
        let log = open_log(dir, &mut manifest, &mut damage)?;
        let level = Level::best();
        let mut store = Self {
            dir: dir.to_owned(),
            options: options.clone(),
            level,
            live: RwLock::new(Live { segments, active: Active::new(log.file.clone()) }),
            watermark: AtomicU64::new(manifest.watermark),
            writer: Mutex::new(Writer {
                log,
                tombstones: manifest.tombstones,
                lost: manifest.lost,
                next: manifest.next,
                base: manifest.watermark,
                broken: None,
            }),
            damage: Mutex::new(damage),
            grower: if options.engine == Engine::Flat { None } else { Grower::start(level) },
            _lock: lock,
        };
        let changed = store.replay()? > begun;
        if changed {
            store.manifest(&store.writer(), &store.live().segments).write(dir)?;
        }
        store.grow();
        Ok(store)
    }

    /// Puts what the log holds into memory. Returns how many files are damaged.
    fn replay(&mut self) -> Result<usize, VectorError> {
        fn whole<T>(result: Result<T, std::sync::PoisonError<T>>) -> T {
            result.unwrap_or_else(std::sync::PoisonError::into_inner)
        }
        let live = whole(self.live.get_mut());
        let writer = whole(self.writer.get_mut());
        let watermark = self.watermark.get_mut();
        let Writer { log, tombstones, lost, .. } = writer;
        let torn = log.replay(|group| {
            for change in group {
                match change {
                    Replayed::Put { id, seq, attributes, unit, at } => {
                        live.bury(id);
                        live.active.put((id, seq), attributes, &unit, at);
                        tombstones.remove(&id.0);
                        lost.remove(id.0);
                    }
                    Replayed::Delete { id, seq } => {
                        live.bury(id);
                        live.active.remove(id);
                        let known = tombstones.entry(id.0).or_insert(seq);
                        *known = seq.max(*known);
                        lost.remove(id.0);
                    }
                    Replayed::Commit { watermark: followed } => {
                        *watermark = followed.max(*watermark);
                    }
                }
            }
        });
        let damage = whole(self.damage.get_mut());
        damage.torn_bytes = torn.map_err(VectorError::io("read", &log.path))?;
        Ok(damage.files.len())
    }
}

/// A lock that ends when this goes, even while a child that was just started still holds a copy of the descriptor.
pub(super) struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing alone ends it as well, only later.
        let _ = self.0.unlock();
    }
}

fn lock(dir: &Path) -> Result<Held, VectorError> {
    let path = dir.join(LOCK);
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(VectorError::io("write", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(Held(file)),
        Err(TryLockError::WouldBlock) => Err(VectorError::Busy { dir: dir.to_owned() }),
        Err(TryLockError::Error(error)) => Err(VectorError::io("lock", &path)(error)),
    }
}

/// A list for an empty folder. Files that no list names any more are set aside: nobody knows which of their rows count.
fn begin(
    dir: &Path,
    options: &VectorOptions,
    damage: &mut Damage,
    what: &str,
) -> Result<Manifest, VectorError> {
    let mut next = 1;
    for name in names(dir)? {
        let Some(number) = number(&name) else { continue };
        next = next.max(number + 1);
        let path = dir.join(&name);
        if name.starts_with("log-") && Log::is_empty(&path) {
            // Begun by an opening that ended before it could list it.
            std::fs::remove_file(&path).map_err(VectorError::io("remove", &path))?;
            continue;
        }
        set_aside(dir, &name)?;
        damage.files.push((path, what.to_owned()));
        damage.everything = true;
    }
    let log = format!("log-{next}");
    let VectorOptions { dims, model, revision, .. } = options.clone();
    let manifest = Manifest { dims, model, revision, next: next + 1, log, ..Manifest::default() };
    let path = dir.join(&manifest.log);
    drop(Log::create(&path, options.dims)?);
    manifest.write(dir)?;
    Ok(manifest)
}

fn open_segment(dir: &Path, listed: &Listed, options: &VectorOptions) -> Result<Sealed, String> {
    let segment = Segment::open(&dir.join(&listed.name), options)?;
    if segment.rows() != listed.rows || segment.rows() as u64 != listed.ids.len() {
        return Err(format!("{} rows and not {}", segment.rows(), listed.rows));
    }
    let mut dead = Rows::none(segment.rows());
    for row in &listed.dead {
        if row as usize >= segment.rows() {
            return Err(format!("no row {row}, which is dead"));
        }
        dead.insert(row as usize);
    }
    let ids = Arc::new(listed.ids.clone());
    let (name, segment, dead) = (listed.name.clone(), Arc::new(segment), Arc::new(dead));
    Ok(Sealed { name, segment, dead, ids, graph: Arc::default() })
}

/// Rows are in the order of their ids, so the n-th id is that of the n-th row.
fn live_ids(listed: &Listed) -> RoaringTreemap {
    let dead = listed.dead.iter().filter_map(|row| listed.ids.select(u64::from(row)));
    &listed.ids - dead.collect::<RoaringTreemap>()
}

/// The log, or a new one where it is missing or not a log; what it held is behind the watermark then.
fn open_log(dir: &Path, manifest: &mut Manifest, damage: &mut Damage) -> Result<Log, VectorError> {
    let path = dir.join(&manifest.log);
    let error = match Log::open(&path, manifest.dims) {
        Ok(log) => return Ok(log),
        Err(error) => error,
    };
    if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) {
        return Err(VectorError::io("read", &path)(error));
    }
    damage.files.push((path, error.to_string()));
    set_aside(dir, &manifest.log)?;
    manifest.log = format!("log-{}", manifest.next);
    manifest.next += 1;
    Log::create(&dir.join(&manifest.log), manifest.dims)
}

/// Removes what a crash left between writing files and listing them.
fn remove_unlisted(dir: &Path, manifest: &Manifest) -> Result<(), VectorError> {
    let mut listed: HashSet<&str> = manifest.segments.iter().map(|it| it.name.as_str()).collect();
    listed.insert(&manifest.log);
    for name in names(dir)? {
        let ours = number(&name).is_some() || name.ends_with(".tmp");
        if ours && !listed.contains(name.as_str()) {
            let path = dir.join(&name);
            std::fs::remove_file(&path).map_err(VectorError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Names of the files in a folder.
fn names(dir: &Path) -> Result<Vec<String>, VectorError> {
    let entries = std::fs::read_dir(dir).map_err(VectorError::io("read", dir))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names: io::Result<Vec<String>> = names.collect();
    let mut names = names.map_err(VectorError::io("read", dir))?;
    names.retain(|name| name != QUARANTINE);
    names.sort_unstable();
    Ok(names)
}

/// The number of a log or segment.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix("seg-").or_else(|| name.strip_prefix("log-"))?.parse().ok()
}
