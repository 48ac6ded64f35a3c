//! A log as the files that somebody with a text editor, and with or without its key, finds.

use std::fs;
use std::path::{Path, PathBuf};

use audit::{Durability, Event, Log, Options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

/// Lines and checkpoints of every segment, to be changed and written back.
pub(crate) struct Files {
    pub(crate) folder: PathBuf,
    pub(crate) segments: Vec<Vec<Vec<u8>>>,
    pub(crate) notes: Vec<Vec<String>>,
}

/// A log, its anchor, and the key file that it had before its key was replaced.
pub(crate) struct Sealed {
    pub(crate) folder: TempDir,
    pub(crate) anchor: TempDir,
    pub(crate) old_key: String,
}

pub(crate) fn options(anchor: Option<&Path>) -> Options {
    Options {
        segment_bytes: 4096,
        checkpoint_lines: 5,
        anchors: anchor.map(Path::to_owned).into_iter().collect(),
        anchor_after: std::time::Duration::ZERO,
        ..Options::default()
    }
}

pub(crate) fn write(log: &Log, count: u64) {
    for n in 0..count {
        let event = Event::new("key:k1", "request.finish", "POST /v1/embeddings").with("n", n);
        log.append(event, Durability::Durable).wait().unwrap();
    }
}

impl Sealed {
    /// Five segments or so, closed, with a key that was replaced in the middle.
    pub(crate) fn new() -> Self {
        let (folder, anchor) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let log = Log::open(folder.path(), options(Some(anchor.path()))).unwrap();
        write(&log, 27);
        let old_key = fs::read_to_string(folder.path().join("key")).unwrap();
        log.rotate_key().wait().unwrap();
        write(&log, 30);
        log.close().unwrap();
        Self { folder, anchor, old_key }
    }

    pub(crate) fn copy(&self) -> TempDir {
        copy(self.folder.path())
    }
}

pub(crate) fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap().flatten() {
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

pub(crate) fn lines_file(folder: &Path, segment: usize) -> PathBuf {
    folder.join(format!("segment-{:08}.jsonl", segment + 1))
}

pub(crate) fn notes_file(folder: &Path, segment: usize) -> PathBuf {
    folder.join(format!("segment-{:08}.notes", segment + 1))
}

impl Files {
    pub(crate) fn read(folder: &Path) -> Self {
        let (mut segments, mut notes) = (Vec::new(), Vec::new());
        for at in 0.. {
            let Ok(lines) = fs::read(lines_file(folder, at)) else { break };
            let mut lines: Vec<Vec<u8>> =
                lines.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            lines.pop();
            segments.push(lines);
            let text = fs::read_to_string(notes_file(folder, at)).unwrap_or_default();
            let parts: Vec<&str> = text.split("\n\n").collect();
            notes.push(
                parts.chunks_exact(2).map(|pair| format!("{}\n\n{}\n", pair[0], pair[1])).collect(),
            );
        }
        Self { folder: folder.to_owned(), segments, notes }
    }

    pub(crate) fn write(&self) {
        for (at, (lines, notes)) in self.segments.iter().zip(&self.notes).enumerate() {
            let mut bytes = lines.join(&b'\n');
            bytes.push(b'\n');
            fs::write(lines_file(&self.folder, at), bytes).unwrap();
            let text: String = notes.iter().map(|note| format!("{note}\n")).collect();
            fs::write(notes_file(&self.folder, at), text).unwrap();
        }
    }

    /// The segment of a line and its place there.
    pub(crate) fn place(&self, seq: usize) -> (usize, usize) {
        let mut rest = seq;
        for (at, lines) in self.segments.iter().enumerate() {
            if rest < lines.len() {
                return (at, rest);
            }
            rest -= lines.len();
        }
        panic!("no line {seq}");
    }

    pub(crate) fn line(&mut self, seq: usize) -> &mut Vec<u8> {
        let (segment, at) = self.place(seq);
        &mut self.segments[segment][at]
    }

    pub(crate) fn replace(&mut self, seq: usize, old: &str, new: &str) {
        let line = String::from_utf8(self.line(seq).clone()).unwrap();
        assert!(line.contains(old), "{line}");
        *self.line(seq) = line.replacen(old, new, 1).into_bytes();
    }

    pub(crate) fn count(&self) -> usize {
        self.segments.iter().map(Vec::len).sum()
    }

    /// Makes every `prev` and `seq` fit again from a line on, up to the end of the log: what somebody without
    /// the key can do.
    pub(crate) fn chain_from(&mut self, seq: usize) {
        for at in seq..self.count() {
            let prev = (at > 0).then(|| hex(&leaf(self.line(at - 1))));
            let text = String::from_utf8(self.line(at).clone()).unwrap();
            let text = with_member(&text, "\"seq\":", &at.to_string());
            *self.line(at) = match prev {
                Some(prev) => with_member(&text, "\"prev\":", &format!("\"{prev}\"")),
                None => text,
            }
            .into_bytes();
        }
    }
}

/// The text with another value behind the last mention of a name.
fn with_member(text: &str, name: &str, value: &str) -> String {
    let start = text.rfind(name).unwrap() + name.len();
    let end = start + text[start..].find([',', '}']).unwrap();
    format!("{}{value}{}", &text[..start], &text[end..])
}

pub(crate) fn leaf(line: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update([0]).chain_update(line).finalize().into()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Signs the text of a note with a key file's content.
pub(crate) fn sign(text: &str, key_file: &str) -> String {
    let rest = key_file.trim_end().strip_prefix("PRIVATE+KEY+").unwrap();
    let mut parts = rest.splitn(3, '+');
    let (name, id, seed) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
    let seed: [u8; 32] = STANDARD.decode(seed).unwrap()[1..].try_into().unwrap();
    let mut bytes: Vec<u8> =
        (0..4).map(|at| u8::from_str_radix(&id[at * 2..at * 2 + 2], 16).unwrap()).collect();
    bytes.extend(SigningKey::from_bytes(&seed).sign(text.as_bytes()).to_bytes());
    format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(bytes))
}
