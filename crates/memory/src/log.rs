//! Writing a log: masked, hashed and summarised while it comes in, in bounded memory.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Write};

use redact::{LogMasker, Redactor};
use serde::{Deserialize, Serialize};

use crate::cas::{CasError, Digest, ObjectWriter};
use crate::home::HomeError;
use crate::store::Store;

/// Searchable: this much of the beginning …
const HEAD_BYTES: usize = 48 * 1024;
/// … and this much of the end.
const TAIL_BYTES: usize = 16 * 1024;
const SUMMARY_LINES: usize = 10;
const SIGNATURE_LINES: usize = 20;
/// A line is judged by its beginning.
const LINE_BYTES: usize = 400;

/// Words that mark a line as telling of a failure, lower-case.
const ERROR_WORDS: [&str; 13] = [
    "error",
    "failed",
    "failure",
    "fatal",
    "panic",
    "exception",
    "traceback",
    "not found",
    "denied",
    "undefined",
    "assert",
    "fehler",
    "fehlgeschlagen",
];

/// Writes one log into the store. Give it the raw output; it masks.
pub struct LogWriter {
    object: ObjectWriter,
    masker: LogMasker,
    ready: Vec<u8>,
    digest: LogDigest,
}

/// A complete log.
#[derive(Clone, Debug)]
pub struct StoredLog {
    /// Its name in the content-addressed store.
    pub sha256: Digest,
    /// Its size.
    pub bytes: u64,
    /// What to know without reading it.
    pub summary: LogSummary,
    /// [`failure_signature`] of it.
    pub signature: Option<String>,
    /// The words that will be searchable.
    pub(crate) searchable: Searchable,
}

/// What to know about a log without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSummary {
    /// How many lines it has.
    pub lines: u64,
    /// Its size.
    pub bytes: u64,
    /// How many secrets were masked in it.
    pub masked: u64,
    /// How many lines tell of a failure.
    pub error_lines: u64,
    /// The first of them, at most ten, each cut to 400 bytes.
    pub first_errors: Vec<String>,
    /// The last lines, at most ten, each cut to 400 bytes.
    pub last_lines: Vec<String>,
}

/// The part of a log that is searchable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Searchable {
    pub(crate) text: String,
    /// All of the text that could have been searchable.
    pub(crate) total_bytes: u64,
}

impl Store {
    /// Starts the log of a run.
    pub fn log_writer(&self) -> LogWriter {
        LogWriter {
            object: self.cas.writer(),
            masker: LogMasker::new(self.mask.clone()),
            ready: Vec::new(),
            digest: LogDigest::default(),
        }
    }
}

impl LogWriter {
    /// Completes the log and makes it durable.
    ///
    /// # Errors
    /// The disk is full or the folder cannot be written.
    pub fn finish(mut self) -> Result<StoredLog, CasError> {
        self.masker.finish(&mut self.ready);
        self.write_ready().map_err(|error| HomeError::from_io(&self.object.path(), error))?;
        let stored = self.object.finish()?;
        let (summary, signature, searchable) =
            self.digest.finish(self.masker.found(), stored.bytes);
        Ok(StoredLog { sha256: stored.digest, bytes: stored.bytes, summary, signature, searchable })
    }

    /// Bytes that are not UTF-8 are stored as they are; the summary leaves them out.
    fn write_ready(&mut self) -> io::Result<()> {
        self.object.write_all(&self.ready)?;
        for chunk in self.ready.utf8_chunks() {
            self.digest.add(chunk.valid());
        }
        self.ready.clear();
        Ok(())
    }
}

impl Write for LogWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.masker.push(buffer, &mut self.ready);
        self.write_ready()?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The text of a log without the escape sequences of terminals.
pub fn plain_text(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(0x1b, rest.as_bytes()) {
        plain.push_str(&rest[..at]);
        rest = skip_escape(&rest[at + 1..]);
    }
    plain.push_str(rest);
    plain
}

/// What follows an escape sequence (ECMA-48: CSI to its final byte, strings to BEL or ST, else one char). A
/// string that nothing ends is one line long at most.
fn skip_escape(rest: &str) -> &str {
    let end = match rest.as_bytes().first() {
        Some(b'[') => rest[1..].find(|c: char| ('\x40'..='\x7e').contains(&c)).map(|at| at + 2),
        Some(b']' | b'P' | b'X' | b'^' | b'_') => {
            rest.find(['\x07', '\x1b', '\n']).map(|at| match &rest.as_bytes()[at..] {
                [0x07, ..] => at + 1,
                [0x1b, b'\\', ..] => at + 2,
                _ => at,
            })
        }
        Some(_) => rest.chars().next().map(char::len_utf8),
        None => None,
    };
    end.and_then(|end| rest.get(end..)).unwrap_or("")
}

/// A digest of how a log fails: equal for two runs that failed the same way at another time, at
/// another place. Made of the lines that tell of a failure (of the last lines where none does), without
/// numbers, folders and case. None for an empty log.
pub fn failure_signature(log: &str) -> Option<String> {
    let mut digest = LogDigest::default();
    digest.add(log);
    digest.finish(0, 0).1
}

/// The searchable part of a log that is there already.
pub(crate) fn searchable(log: &str) -> Searchable {
    let mut digest = LogDigest::default();
    digest.add(log);
    digest.finish(0, 0).2
}

/// Whether the mask finds a secret in what the reader gives.
pub(crate) fn holds_secret(mask: &Redactor, mut content: impl io::Read) -> io::Result<bool> {
    let mut masker = LogMasker::new(mask.clone());
    let mut buffer = vec![0; 64 * 1024];
    let mut masked = Vec::new();
    loop {
        let read = content.read(&mut buffer)?;
        match read {
            0 => masker.finish(&mut masked),
            _ => masker.push(&buffer[..read], &mut masked),
        }
        masked.clear();
        if read == 0 || masker.found() > 0 {
            return Ok(masker.found() > 0);
        }
    }
}

/// Collects the summary line by line.
#[derive(Default)]
struct LogDigest {
    line: String,
    summary: LogSummary,
    last: VecDeque<String>,
    failures: BTreeSet<String>,
    head: String,
    tail: String,
    text_bytes: u64,
}

impl LogDigest {
    fn add(&mut self, text: &str) {
        let plain = plain_text(text);
        self.collect(&plain);
        for piece in plain.split_inclusive('\n') {
            let room = LINE_BYTES.saturating_sub(self.line.len());
            self.line.push_str(&piece[..piece.floor_char_boundary(room)]);
            if piece.ends_with('\n') {
                self.end_line();
            }
        }
    }

    fn collect(&mut self, plain: &str) {
        self.text_bytes += plain.len() as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        let cut = plain.floor_char_boundary(room);
        self.head.push_str(&plain[..cut]);
        self.tail.push_str(&plain[cut..]);
        if self.tail.len() > 2 * TAIL_BYTES {
            self.trim_tail();
        }
    }

    fn trim_tail(&mut self) {
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
        let cut = self.tail.ceil_char_boundary(excess);
        self.tail.drain(..cut);
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.summary.lines += 1;
        // What a progress bar overwrote is not what people saw last.
        let line = line.trim_end();
        let line = line.rsplit('\r').next().unwrap_or(line).trim_end();
        if line.is_empty() {
            return;
        }
        if tells_of_failure(line) {
            self.summary.error_lines += 1;
            if self.summary.first_errors.len() < SUMMARY_LINES {
                self.summary.first_errors.push(line.to_owned());
            }
            if self.failures.len() < SIGNATURE_LINES {
                self.failures.insert(without_accidents(line));
            }
        }
        if self.last.len() == SUMMARY_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }

    fn finish(mut self, masked: u64, bytes: u64) -> (LogSummary, Option<String>, Searchable) {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.trim_tail();
        let signature = self.signature();
        let mut summary = self.summary;
        (summary.masked, summary.bytes) = (masked, bytes);
        summary.last_lines = self.last.into();
        let text = if self.tail.is_empty() { self.head } else { self.head + "\n" + &self.tail };
        (summary, signature, Searchable { text, total_bytes: self.text_bytes })
    }

    fn signature(&self) -> Option<String> {
        let last: BTreeSet<String> = self.last.iter().map(|line| without_accidents(line)).collect();
        let lines = if self.failures.is_empty() { &last } else { &self.failures };
        if lines.is_empty() {
            return None;
        }
        let text: Vec<&str> = lines.iter().map(String::as_str).collect();
        Some(Digest::of(text.join("\n").as_bytes()).as_str().to_owned())
    }
}

fn tells_of_failure(line: &str) -> bool {
    let line = line.to_lowercase();
    ERROR_WORDS.iter().any(|word| line.contains(word))
}

/// The line without what differs between two equal failures: numbers and hashes, folders, case.
fn without_accidents(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let name = word.rsplit(['/', '\\']).next().unwrap_or(word).to_lowercase();
        let is_hash = name.len() >= 7
            && name.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
            && name.contains(|c: char| c.is_ascii_digit());
        if is_hash { "#".to_owned() } else { without_numbers(&name) }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn without_numbers(word: &str) -> String {
    let mut plain = String::with_capacity(word.len());
    for character in word.chars() {
        match character {
            digit if digit.is_ascii_digit() => {
                if !plain.ends_with('#') {
                    plain.push('#');
                }
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_failures_elsewhere_and_later_have_one_signature() {
        let first = "\x1b[31merror\x1b[0m: /home/a/x/main.rs:12: no field `y` (0.31s)\nok 3\n";
        let second = "ERROR: /tmp/9f/x/main.rs:240: no field `y` (12.5s)\nok 17\n";
        assert_eq!(failure_signature(first), failure_signature(second));
        let other = "error: /home/a/x/main.rs:12: no field `z` (0.31s)\n";
        assert_ne!(failure_signature(first), failure_signature(other));
        assert_eq!(failure_signature(""), None);
    }

    #[test]
    fn without_error_lines_the_last_lines_count() {
        assert_eq!(failure_signature("a 1\nb\n"), failure_signature("a 2\nb"));
        assert_ne!(failure_signature("a\nb\n"), failure_signature("a\nc\n"));
    }

    #[test]
    fn escape_sequences_go() {
        let text = "\x1b]0;title\x07a\x1b[1;31mb\x1b[0mc\x1b(d\x1b";
        assert_eq!(plain_text(text), "abcd");
    }

    proptest! {
        #[test]
        fn any_text_in_any_pieces_has_one_summary(pieces in prop::collection::vec("[ -~é\n\r]{0,40}", 0..20)) {
            let mut apart = LogDigest::default();
            pieces.iter().for_each(|piece| apart.add(piece));
            let mut whole = LogDigest::default();
            whole.add(&pieces.concat());
            let (apart, whole) = (apart.finish(0, 0), whole.finish(0, 0));
            prop_assert_eq!(apart.0, whole.0);
            prop_assert_eq!(apart.1, whole.1);
            prop_assert_eq!(apart.2.text, whole.2.text);
        }

        #[test]
        fn any_escape_sequence_is_survived(text in "[\x1b\\[\\];0-9a-zé\n]{0,60}") {
            plain_text(&text);
            failure_signature(&text);
        }
    }
}
