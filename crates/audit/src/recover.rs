//! Opening a log for writing: a new one is begun, an old one continued; what a crash left half written is
//! moved aside and a line tells of it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use contracts::hauski::audit::Finding;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::anchor::Anchors;
use crate::checkpoint;
use crate::key::SigningKey;
use crate::line::{Chain, Stamp};
use crate::log::{OpenError, Options};
use crate::merkle;
use crate::scan::{self, Scan, origin};
use crate::segment::{self, SegmentPath};
use crate::writer::{self, State, Tail, Writer, own};

/// Opens a folder, which nobody else may be writing.
pub(crate) fn open(folder: &Path, options: Options, opened: Instant) -> Result<Writer, OpenError> {
    let failed = |what, path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Io { what, path, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed("cannot make the folder", folder))?;
    let lock = lock(folder)?;
    let segments = segment::list(folder).map_err(failed("cannot read the folder", folder))?;
    let mut writer = match segments.last() {
        None => begin(folder, options, opened, lock)?,
        Some(last) => go_on(folder, last, options, opened, lock)?,
    };
    writer
        .append_own("log.open", &BTreeMap::new())
        .map_err(failed("cannot write", &writer.segment.lines))?;
    Ok(writer)
}

/// Whether somebody writes the log in a folder.
pub(crate) fn is_being_written(folder: &Path) -> bool {
    File::open(folder.join("lock"))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// A lock that ends when this goes, even while a child that was just started still holds a copy of the descriptor.
#[derive(Debug)]
pub(crate) struct Held(File);

impl Drop for Held {
    fn drop(&mut self) {
        // Closing alone ends it as well, only later.
        let _ = self.0.unlock();
    }
}

fn lock(folder: &Path) -> Result<Held, OpenError> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| OpenError::Io { what: "cannot open", path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(Held(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Busy(folder.to_owned())),
        Err(TryLockError::Error(source)) => {
            Err(OpenError::Io { what: "cannot lock", path, source })
        }
    }
}

fn begin(
    folder: &Path,
    options: Options,
    opened: Instant,
    lock: Held,
) -> Result<Writer, OpenError> {
    let key_path = folder.join("key");
    // The key gets its name only after the first segment, so it cannot be there without one.
    if key_path.exists() {
        return Err(tampered("segment-missing", 0, "segment-00000001.jsonl", "no segment is left"));
    }
    let log = uuid::Uuid::new_v4().to_string();
    let begin = || -> io::Result<(SigningKey, SegmentPath, Chain)> {
        let key = SigningKey::generate(&origin(&log))?;
        let waiting = folder.join("key.next");
        key.write(&waiting)?;
        let segment = SegmentPath::new(folder, 1);
        let mut chain = Chain::new(&log);
        let data: BTreeMap<String, Value> = [
            ("key".to_owned(), key.verifier().to_string().into()),
            ("segment".to_owned(), 1.into()),
        ]
        .into();
        let mut line = Vec::new();
        let created = own("log.create", "", contracts::hauski::audit::Outcome::Ok, &data);
        chain.push(&created, Stamp::now(opened), &mut line);
        writer::create(folder, &segment, &line)?;
        fs::rename(waiting, &key_path)?;
        segment::sync_folder(folder)?;
        Ok((key, segment, chain))
    };
    let (key, segment, chain) = begin().map_err(|source| OpenError::Io {
        what: "cannot begin the audit log in",
        path: folder.to_owned(),
        source,
    })?;
    let state = State {
        chain,
        signed: 0,
        last_note: String::new(),
        note_prev: checkpoint::first_prev(key.verifier().name()),
    };
    assemble(folder, options, opened, lock, segment, key, state)
}

fn go_on(
    folder: &Path,
    segment: &SegmentPath,
    options: Options,
    opened: Instant,
    lock: Held,
) -> Result<Writer, OpenError> {
    let mut scan = scan::scan(segment, &[]).map_err(|source| OpenError::Io {
        what: "cannot read",
        path: segment.lines.clone(),
        source,
    })?;
    if let Some(finding) = scan.finding.take() {
        return Err(OpenError::Tampered(Box::new(finding)));
    }
    let Some(end) = scan.end.take() else {
        return Err(tampered("segment-empty", 0, &segment.name(), "it holds no line"));
    };
    let key = settle_key(folder, &end.key.to_string())?;
    let state = State {
        chain: Chain {
            log: end.log,
            prev: end.prev,
            range: end.range,
            wall_us: scan.wall_us,
            mono_us: 0,
        },
        signed: end.signed,
        last_note: end.last_note,
        note_prev: end.note_prev,
    };
    let unsigned = state.chain.range.size() - state.signed;
    let saved = save_torn(segment, &scan).map_err(|source| OpenError::Io {
        what: "cannot move aside the torn end of",
        path: segment.lines.clone(),
        source,
    })?;
    let mut writer = assemble(folder, options, opened, lock, segment.clone(), key, state)?;
    if !scan.closed || saved.is_some() {
        let mut data: BTreeMap<String, Value> = saved.unwrap_or_default();
        data.insert("unsigned_lines".to_owned(), unsigned.into());
        writer.append_own("log.recover", &data).map_err(|source| OpenError::Io {
            what: "cannot write",
            path: segment.lines.clone(),
            source,
        })?;
    }
    Ok(writer)
}

/// The key that the log says signs it; after a crash while it was being replaced, that may be the next one.
fn settle_key(folder: &Path, expected: &str) -> Result<SigningKey, OpenError> {
    let (path, next) = (folder.join("key"), folder.join("key.next"));
    let read = |path: &PathBuf| {
        SigningKey::read(path).map_err(|source| OpenError::Io {
            what: "cannot use the key",
            path: path.clone(),
            source,
        })
    };
    let is_it = |key: &SigningKey| key.verifier().to_string() == expected;
    if next.exists() {
        // A next key that is not whole cannot be the one that a line names.
        match SigningKey::read(&next) {
            Ok(key) if is_it(&key) => {
                fs::rename(&next, &path).map_err(|source| OpenError::Io {
                    what: "cannot put in place",
                    path: next,
                    source,
                })?;
                return Ok(key);
            }
            _ => {
                fs::remove_file(&next).map_err(|source| OpenError::Io {
                    what: "cannot remove",
                    path: next,
                    source,
                })?;
            }
        }
    }
    let key = read(&path)?;
    if is_it(&key) {
        Ok(key)
    } else {
        Err(tampered("foreign-key", 0, "key", "it is not the key that signs this log"))
    }
}

/// Cuts off what is half written, and keeps it in a file of its own.
fn save_torn(segment: &SegmentPath, scan: &Scan) -> io::Result<Option<BTreeMap<String, Value>>> {
    let mut said = BTreeMap::new();
    let parts = [
        ("lines", &segment.lines, scan.lines_len, scan.torn.lines_bytes),
        ("notes", &segment.notes, scan.notes_len, scan.torn.notes_bytes),
    ];
    for (part, path, len, torn) in parts {
        if torn == 0 {
            continue;
        }
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        file.seek(SeekFrom::Start(len))?;
        // Zeros of a power cut may be many; a megabyte of them tells enough.
        let mut bytes = Vec::new();
        (&mut file).take(1 << 20).read_to_end(&mut bytes)?;
        let mut aside = path.clone().into_os_string();
        aside.push(format!(".torn-at-{len}"));
        fs::write(&aside, &bytes)?;
        file.set_len(len)?;
        file.sync_all()?;
        let digest: [u8; 32] = Sha256::digest(&bytes).into();
        said.insert(format!("torn_{part}_bytes"), torn.into());
        said.insert(format!("torn_{part}_sha256"), merkle::hex(&digest).into());
    }
    Ok((!said.is_empty()).then_some(said))
}

fn assemble(
    folder: &Path,
    options: Options,
    opened: Instant,
    lock: Held,
    segment: SegmentPath,
    key: SigningKey,
    state: State,
) -> Result<Writer, OpenError> {
    let open = |path: &PathBuf| {
        Tail::open(path).map_err(|source| OpenError::Io {
            what: "cannot open",
            path: path.clone(),
            source,
        })
    };
    let anchors = Anchors::new(
        options.anchors.clone(),
        options.anchor_after,
        &state.chain.log,
        key.verifier().clone(),
    );
    Ok(Writer {
        folder: folder.to_owned(),
        opened,
        _lock: lock,
        lines: open(&segment.lines)?,
        notes: open(&segment.notes)?,
        segment,
        key,
        unsigned_since: (state.chain.range.size() > state.signed).then_some(opened),
        state,
        pending: String::new(),
        anchors,
        lost: 0,
        status: writer::new_status(),
        options,
    })
}

fn tampered(kind: &str, seq: u64, file: &str, detail: &str) -> OpenError {
    OpenError::Tampered(Box::new(Finding {
        kind: kind.to_owned(),
        seq,
        file: file.to_owned(),
        detail: detail.to_owned(),
    }))
}
