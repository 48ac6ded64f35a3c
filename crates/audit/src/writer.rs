//! The writer's thread: batches to the disk, checkpoints over them, the next segment, the next key.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::mem;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use contracts::hauski::audit::Outcome;
use serde_json::Value;

use crate::anchor::Anchors;
use crate::checkpoint::Checkpoint;
use crate::key::SigningKey;
use crate::line::{Chain, Rendered, Stamp};
use crate::log::{AppendError, Options, SharedStatus, Status, Written};
use crate::merkle::{self, Hash};
use crate::note;
use crate::queue::{Item, Queue, Ticket};
use crate::recover::Held;
use crate::segment::{self, SegmentPath};

/// A step of the wall clock backwards from which a line tells of it, microseconds.
const CLOCK_STEP_US: i64 = 1_000_000;

/// Why nothing is written or signed any more.
const NOT_OURS: &str = "its file was moved, replaced or changed by another program";

/// Everything that a failed batch takes back.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) chain: Chain,
    /// Lines that a checkpoint covers, written or pending.
    pub(crate) signed: u64,
    /// The last checkpoint, written or pending; empty before the first.
    pub(crate) last_note: String,
    /// Hash of it, or of the origin.
    pub(crate) note_prev: Hash,
}

/// The file that a writer appends to.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    file: File,
    /// What is known to be on the disk.
    len: u64,
    /// Something may stand behind `len` that must go first.
    dirty: bool,
}

pub(crate) struct Writer {
    pub(crate) folder: PathBuf,
    pub(crate) options: Options,
    pub(crate) opened: Instant,
    /// Held as long as the writer lives.
    pub(crate) _lock: Held,
    pub(crate) segment: SegmentPath,
    pub(crate) lines: Tail,
    pub(crate) notes: Tail,
    pub(crate) key: SigningKey,
    pub(crate) state: State,
    /// Checkpoints that are signed but not on the disk.
    pub(crate) pending: String,
    pub(crate) unsigned_since: Option<Instant>,
    pub(crate) anchors: Anchors,
    /// Events that could not be written.
    pub(crate) lost: u64,
    pub(crate) status: SharedStatus,
}

impl Tail {
    /// Opens a file for appending, new or old.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, len, dirty: true })
    }

    /// Appends and syncs; on failure nothing of it stays.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.len)?;
            self.file.seek(SeekFrom::Start(self.len))?;
        } else if self.file.metadata()?.len() != self.len {
            return Err(io::Error::other(NOT_OURS));
        }
        self.dirty = true;
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // If this fails too, the next append begins with it.
            if self.file.set_len(self.len).and_then(|()| self.file.sync_data()).is_ok() {
                self.dirty = self.file.seek(SeekFrom::Start(self.len)).is_err();
            }
            return Err(error);
        }
        self.len += bytes.len() as u64;
        self.dirty = false;
        Ok(())
    }

    /// Whether the path still names the file that is written, and nobody else wrote to it.
    fn is_in_place(&self) -> bool {
        let (Ok(named), Ok(held)) = (fs::symlink_metadata(&self.path), self.file.metadata()) else {
            return false;
        };
        (named.dev(), named.ino()) == (held.dev(), held.ino())
            && (self.dirty || held.len() == self.len)
    }
}

impl Writer {
    /// Works until the queue is closed; then closes the log.
    pub(crate) fn run(&mut self, queue: &Queue) -> Result<(), AppendError> {
        loop {
            let deadline = self.unsigned_since.map(|since| since + self.options.checkpoint_after);
            let taken = queue.take(self.options.window, deadline);
            self.lost += queue.take_refused();
            self.work(taken.items);
            if self.unsigned_since.is_some_and(|at| at.elapsed() >= self.options.checkpoint_after) {
                // A failure stands in the status, and is tried again when the time has passed once more.
                let _ = self.checkpoint();
                if self.unsigned_since.is_some() {
                    self.unsigned_since = Some(Instant::now());
                }
            }
            self.publish();
            if taken.closed {
                return self.finish();
            }
        }
    }

    fn work(&mut self, items: Vec<Item>) {
        let mut events = Vec::with_capacity(items.len());
        for item in items {
            match item {
                Item::Event { event, stamp, ticket } => {
                    events.push((event, stamp, ticket));
                }
                Item::RotateKey { ticket } => {
                    self.write(mem::take(&mut events));
                    let answer = self.rotate_key();
                    ticket.answer(answer);
                }
                Item::Checkpoint { ticket } => {
                    self.write(mem::take(&mut events));
                    let answer = self.checkpoint();
                    ticket.answer(answer);
                }
            }
        }
        self.write(events);
    }

    /// Writes a batch with one sync and answers everybody in it.
    fn write(&mut self, events: Vec<(Rendered, Stamp, Ticket)>) {
        if events.is_empty() {
            return;
        }
        let before = (self.state.clone(), self.pending.len());
        let mut out = Vec::with_capacity(events.len() * 320);
        self.say_what_was_lost(&mut out);
        let mut answers = Vec::with_capacity(events.len());
        for (event, stamp, ticket) in events {
            self.say_clock_steps(stamp, &mut out);
            answers.push((Written { seq: self.state.chain.range.size() }, ticket));
            self.push(&event, stamp, &mut out);
        }
        // A line in a file that nobody will find is not written.
        let in_place =
            if self.lines.is_in_place() { Ok(()) } else { Err(io::Error::other(NOT_OURS)) };
        match in_place.and_then(|()| self.lines.append(&out)) {
            Ok(()) => {
                self.lost = 0;
                self.set_failure(None);
                answers.into_iter().for_each(|(written, ticket)| ticket.answer(Ok(written)));
                self.unsigned_since.get_or_insert_with(Instant::now);
                if !self.pending.is_empty() {
                    // What cannot be written now stays pending.
                    let _ = self.write_notes();
                }
                if self.lines.len >= self.options.segment_bytes {
                    // A segment that cannot be followed goes on growing until it can.
                    let _ = self.next_segment();
                }
            }
            Err(error) => {
                self.state = before.0;
                self.pending.truncate(before.1);
                // Also whoever waited and was told may have nothing left to say it with.
                self.lost += answers.len() as u64;
                let answer = AppendError::from(&error);
                self.count_failures(answers.len() as u64);
                self.set_failure(Some(&error));
                answers.into_iter().for_each(|(_, ticket)| ticket.answer(Err(answer.clone())));
            }
        }
    }

    fn push(&mut self, event: &Rendered, stamp: Stamp, out: &mut Vec<u8>) {
        self.state.chain.push(event, stamp, out);
        if self.state.chain.range.size() - self.state.signed >= self.options.checkpoint_lines {
            self.sign();
        }
    }

    fn say_what_was_lost(&mut self, out: &mut Vec<u8>) {
        if self.lost > 0 {
            let data = [("events".to_owned(), self.lost.into())].into();
            let event = own("log.lost", "", Outcome::Failed, &data);
            self.push(&event, Stamp::now(self.opened), out);
        }
    }

    fn say_clock_steps(&mut self, stamp: Stamp, out: &mut Vec<u8>) {
        let back_us = self.state.chain.wall_us.saturating_sub(stamp.wall_us);
        if back_us >= CLOCK_STEP_US {
            let data = [("back_us".to_owned(), back_us.into())].into();
            // Only at such a line may the time of a log go back; smaller steps are waited out.
            self.state.chain.wall_us = stamp.wall_us;
            self.push(&own("log.clock", "", Outcome::Ok, &data), stamp, out);
        }
    }

    /// Signs all lines, written or about to be.
    fn sign(&mut self) {
        let checkpoint = Checkpoint {
            origin: self.key.verifier().name().to_owned(),
            size: self.state.chain.range.size(),
            root: self.state.chain.range.root(),
            prev: self.state.note_prev,
        };
        let note = checkpoint.sign(&self.key);
        self.state.signed = checkpoint.size;
        self.state.note_prev = merkle::leaf_hash(note.as_bytes());
        self.pending.push_str(&note);
        self.pending.push('\n');
        self.state.last_note = note;
    }

    fn checkpoint(&mut self) -> Result<Written, AppendError> {
        if !self.lines.is_in_place() || self.notes.len > 0 && !self.notes.is_in_place() {
            let error = io::Error::other(NOT_OURS);
            self.set_failure(Some(&error));
            return Err(AppendError::from(&error));
        }
        if self.state.chain.range.size() > self.state.signed {
            self.sign();
        }
        self.write_notes()?;
        Ok(Written { seq: self.state.signed })
    }

    fn write_notes(&mut self) -> Result<(), AppendError> {
        if !self.pending.is_empty() {
            if let Err(error) = self.notes.append(self.pending.as_bytes()) {
                self.set_failure(Some(&error));
                return Err(AppendError::from(&error));
            }
            self.anchors.offer(&self.pending);
            self.pending.clear();
        }
        let all = self.state.signed == self.state.chain.range.size();
        self.unsigned_since = if all { None } else { Some(Instant::now()) };
        Ok(())
    }

    /// Begins a segment with a line that carries the last checkpoint of this one.
    fn next_segment(&mut self) -> Result<(), AppendError> {
        self.checkpoint()?;
        let next = SegmentPath::new(&self.folder, self.segment.number + 1);
        let before = self.state.clone();
        let event = own("log.segment", "", Outcome::Ok, &header(&next, &self.key, &self.state));
        let mut out = Vec::new();
        self.state.chain.push(&event, Stamp::now(self.opened), &mut out);
        let opened = create(&self.folder, &next, &out)
            .and_then(|()| Ok((Tail::open(&next.lines)?, Tail::open(&next.notes)?)));
        match opened {
            Ok((lines, notes)) => {
                (self.segment, self.lines, self.notes) = (next, lines, notes);
                self.anchors.flush();
                self.unsigned_since.get_or_insert_with(Instant::now);
                Ok(())
            }
            Err(error) => {
                self.state = before;
                // Half a segment would be taken for tampering.
                let _ = fs::remove_file(&next.lines);
                self.set_failure(Some(&error));
                Err(AppendError::from(&error))
            }
        }
    }

    fn rotate_key(&mut self) -> Result<Written, AppendError> {
        self.checkpoint()?;
        let failed = |error: io::Error| AppendError::from(&error);
        let next = SigningKey::generate(self.key.verifier().name()).map_err(failed)?;
        let path = self.folder.join("key.next");
        next.write(&path).and_then(|()| segment::sync_folder(&self.folder)).map_err(failed)?;
        let seq = self.state.chain.range.size();
        let text = rotation_text(self.key.verifier().name(), seq, &next.verifier().to_string());
        let signed = note::sign(&text, &[&self.key, &next]);
        let event = own("log.key", "", Outcome::Ok, &[("note".to_owned(), signed.into())].into());
        let before = self.state.clone();
        let mut out = Vec::new();
        self.state.chain.push(&event, Stamp::now(self.opened), &mut out);
        if let Err(error) = self.lines.append(&out) {
            self.state = before;
            return Err(failed(error));
        }
        self.key = next;
        fs::rename(&path, self.folder.join("key"))
            .and_then(|()| segment::sync_folder(&self.folder))
            .map_err(failed)?;
        self.checkpoint()?;
        Ok(Written { seq })
    }

    fn finish(&mut self) -> Result<(), AppendError> {
        let mut out = Vec::new();
        let before = self.state.clone();
        self.say_what_was_lost(&mut out);
        let event = own("log.close", "", Outcome::Ok, &BTreeMap::new());
        self.state.chain.push(&event, Stamp::now(self.opened), &mut out);
        if let Err(error) = self.lines.append(&out) {
            self.state = before;
            return Err(AppendError::from(&error));
        }
        self.checkpoint()?;
        self.anchors.flush();
        self.publish();
        Ok(())
    }

    /// Appends a line of the log's own, at once.
    pub(crate) fn append_own(
        &mut self,
        action: &str,
        data: &BTreeMap<String, Value>,
    ) -> io::Result<()> {
        let before = self.state.clone();
        let mut out = Vec::new();
        self.state.chain.push(
            &own(action, "", Outcome::Ok, data),
            Stamp::now(self.opened),
            &mut out,
        );
        self.lines.append(&out).inspect_err(|_| self.state = before)?;
        self.unsigned_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    pub(crate) fn status(&self) -> SharedStatus {
        self.publish();
        Arc::clone(&self.status)
    }

    fn publish(&self) {
        let mut status = self.lock_status();
        status.lines = self.state.chain.range.size();
        if self.pending.is_empty() {
            status.signed = self.state.signed;
        }
        status.segment = self.segment.number;
        status.anchor_failures = self.anchors.failures();
        let key = self.key.verifier().to_string();
        if status.key != key {
            status.key = key;
            status.log.clone_from(&self.state.chain.log);
        }
    }

    fn count_failures(&self, count: u64) {
        self.lock_status().failed += count;
    }

    fn set_failure(&self, error: Option<&io::Error>) {
        self.lock_status().failure = error.map(ToString::to_string);
    }

    fn lock_status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) fn new_status() -> SharedStatus {
    Arc::new(Mutex::new(Status::default()))
}

/// A line of the log itself.
pub(crate) fn own(
    action: &str,
    target: &str,
    outcome: Outcome,
    data: &BTreeMap<String, Value>,
) -> Rendered {
    Rendered::new(action, "system", target, outcome, data)
}

/// What both keys sign when one follows the other.
pub(crate) fn rotation_text(origin: &str, seq: u64, next: &str) -> String {
    format!("hauski audit key\n{origin}\n{seq}\n{next}\n")
}

/// What the first line of a segment carries, so that the segment can be verified and continued alone.
fn header(segment: &SegmentPath, key: &SigningKey, state: &State) -> BTreeMap<String, Value> {
    let peaks: Vec<Value> =
        state.chain.range.peaks().iter().map(|peak| merkle::hex(peak).into()).collect();
    [
        ("checkpoint".to_owned(), state.last_note.clone().into()),
        ("key".to_owned(), key.verifier().to_string().into()),
        ("peaks".to_owned(), peaks.into()),
        ("segment".to_owned(), segment.number.into()),
    ]
    .into()
}

/// Puts a segment with its first line in place, whole or not at all.
pub(crate) fn create(folder: &Path, segment: &SegmentPath, line: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(folder)?;
    file.write_all(line)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&segment.lines)?;
    segment::sync_folder(folder)
}
