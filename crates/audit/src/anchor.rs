//! Copies of checkpoints in other folders: what shows that the end of a log was cut off or the whole of it
//! replaced.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::checkpoint::Checkpoint;
use crate::key::VerifierKey;
use crate::note::Note;
use crate::scan;
use crate::segment;

/// Where copies go, and when.
#[derive(Debug)]
pub(crate) struct Anchors {
    folders: Vec<PathBuf>,
    after: Duration,
    /// Names the files: the log's identity.
    log: String,
    first_key: VerifierKey,
    /// The newest checkpoint that no anchor has.
    waiting: Option<String>,
    copied_at: Option<Instant>,
    failures: u64,
}

/// The file of copies in an anchor folder.
pub(crate) fn notes_file(folder: &Path, log: &str) -> PathBuf {
    folder.join(format!("{log}.notes"))
}

/// The file in an anchor folder that names a key of the log.
pub(crate) fn key_file(folder: &Path, log: &str) -> PathBuf {
    folder.join(format!("{log}.key"))
}

impl Anchors {
    pub(crate) fn new(
        folders: Vec<PathBuf>,
        after: Duration,
        log: &str,
        first_key: VerifierKey,
    ) -> Self {
        let log = log.to_owned();
        Self { folders, after, log, first_key, waiting: None, copied_at: None, failures: 0 }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.failures
    }

    /// Takes new checkpoints, each followed by an empty line; copies the last of them if it is time.
    pub(crate) fn offer(&mut self, notes: &str) {
        if self.folders.is_empty() {
            return;
        }
        let last = notes.trim_end_matches('\n').rsplit("\n\n");
        // A note is a text and its signatures, with an empty line between.
        let parts: Vec<&str> = last.take(2).collect();
        if let [signatures, text] = parts[..] {
            self.waiting = Some(format!("{text}\n\n{signatures}\n\n"));
        }
        if self.copied_at.is_none_or(|at| at.elapsed() >= self.after) {
            self.flush();
        }
    }

    /// Copies the newest checkpoint now.
    pub(crate) fn flush(&mut self) {
        let Some(note) = self.waiting.take() else { return };
        self.copied_at = Some(Instant::now());
        for folder in &self.folders {
            if copy(folder, &self.log, &self.first_key, &note).is_err() {
                self.failures += 1;
            }
        }
    }
}

fn copy(folder: &Path, log: &str, key: &VerifierKey, note: &str) -> io::Result<()> {
    let key_file = key_file(folder, log);
    if !key_file.exists() {
        fs::write(key_file, format!("{key}\n"))?;
    }
    let mut file = OpenOptions::new().append(true).create(true).open(notes_file(folder, log))?;
    file.write_all(note.as_bytes())?;
    file.sync_data()
}

/// Bytes of one file of copies that are read at most.
const MAX_COPIES_BYTES: u64 = 64 << 20;

/// The copies in one file, as they were found.
#[derive(Debug)]
pub(crate) struct Copies {
    path: PathBuf,
    checkpoints: Vec<(String, Checkpoint)>,
    key: Option<VerifierKey>,
    fault: Option<&'static str>,
}

impl Copies {
    /// Reads a file of copies, or all of them in a folder.
    pub(crate) fn read(path: &Path) -> io::Result<Vec<Self>> {
        if !path.is_dir() {
            return Ok(vec![Self::read_file(path)?]);
        }
        let mut copies = Vec::new();
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "notes") {
                copies.push(Self::read_file(&path)?);
            }
        }
        if copies.is_empty() {
            return Err(io::Error::other("it holds no copies of checkpoints (*.notes)"));
        }
        copies.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(copies)
    }

    fn read_file(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        segment::open_plain(path)?.take(MAX_COPIES_BYTES).read_to_end(&mut bytes)?;
        let mut copies =
            Self { path: path.to_owned(), checkpoints: Vec::new(), key: None, fault: None };
        if let Ok(key) = fs::read_to_string(path.with_extension("key")) {
            copies.key = key.trim_end().parse().ok();
            if copies.key.is_none() {
                copies.fault = Some("the file beside it holds no key");
            }
        }
        let mut rest = &bytes[..];
        // What a crash left half written at the end says nothing.
        while let Some(len) = scan::note_len(rest) {
            let text = std::str::from_utf8(&rest[..len]).unwrap_or_default();
            match Note::parse(text).and_then(|note| Checkpoint::parse(note.text)) {
                Some(checkpoint) => copies.checkpoints.push((text.to_owned(), checkpoint)),
                None => copies.fault = Some("it holds something that is no checkpoint"),
            }
            rest = &rest[len + 1..];
        }
        copies.checkpoints.sort_by_key(|(_, checkpoint)| checkpoint.size);
        Ok(copies)
    }

    pub(crate) fn sizes(&self) -> impl Iterator<Item = u64> {
        self.checkpoints.iter().map(|(_, checkpoint)| checkpoint.size)
    }

    pub(crate) fn checkpoints(&self) -> &[(String, Checkpoint)] {
        &self.checkpoints
    }

    pub(crate) fn key(&self) -> Option<&VerifierKey> {
        self.key.as_ref()
    }

    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault
    }

    pub(crate) fn file(&self) -> String {
        self.path.display().to_string()
    }
}
