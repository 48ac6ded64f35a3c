//! Reads one segment from its first line to its last, with the checkpoints over it, and names the first
//! thing that is not as it was written. A segment carries in its first line all that is needed for this.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};

use contracts::hauski::audit::{Finding, Line};
use serde_json::Value;

use crate::checkpoint::{self, Checkpoint};
use crate::key::{KeyId, VerifierKey};
use crate::line::{self, Fault, MAX_LINE_BYTES};
use crate::merkle::{self, CompactRange, Hash};
use crate::note::Note;
use crate::segment::{self, SegmentPath};
use crate::writer::rotation_text;

/// Bytes of checkpoints over one segment that are read at most.
const MAX_NOTES_BYTES: u64 = 256 << 20;

/// What holds between two lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) log: String,
    pub(crate) prev: Hash,
    pub(crate) range: CompactRange,
    pub(crate) key: VerifierKey,
    /// Lines that the last checkpoint covers.
    pub(crate) signed: u64,
    pub(crate) last_note: String,
    /// Hash of it, or of the origin.
    pub(crate) note_prev: Hash,
}

/// Bytes at the end of a file that a crash left half written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Torn {
    pub(crate) lines_bytes: u64,
    pub(crate) notes_bytes: u64,
}

/// A segment that was read.
#[derive(Debug)]
pub(crate) struct Scan {
    /// What the first line continues; absent when it could not be read.
    pub(crate) start: Option<Cursor>,
    /// Where reading ended.
    pub(crate) end: Option<Cursor>,
    pub(crate) first_wall_us: i64,
    pub(crate) wall_us: i64,
    /// Whether the last line says that the log was closed.
    pub(crate) closed: bool,
    /// Length of the whole lines and whole checkpoints.
    pub(crate) lines_len: u64,
    pub(crate) notes_len: u64,
    pub(crate) torn: Torn,
    pub(crate) checkpoints: u64,
    /// Keys and the line from which on they sign.
    pub(crate) keys: Vec<(u64, VerifierKey)>,
    /// Roots at the sizes that were asked for.
    pub(crate) roots: Vec<(u64, Hash)>,
    pub(crate) finding: Option<Finding>,
    /// The key that signed a checkpoint and is none that this segment knows.
    pub(crate) foreign_signer: Option<KeyId>,
    pub(crate) notes: Vec<Finding>,
}

/// Reads a segment. `wanted` are sizes of the tree, ascending, at which its root is asked for. Fails only
/// when a file cannot be read; whatever is wrong with its content is a finding.
pub(crate) fn scan(segment: &SegmentPath, wanted: &[u64]) -> io::Result<Scan> {
    let mut scan = Scan::empty();
    // Checkpoints are written after their lines, so they are read before them.
    let notes = match read_notes(segment) {
        Ok(notes) => notes,
        Err(error) => return scan.unreadable(segment.notes_name(), &error),
    };
    let file = match segment::open_plain(&segment.lines) {
        Ok(file) => file,
        Err(error) => return scan.unreadable(segment.name(), &error),
    };
    let mut reader = Reader {
        segment,
        input: BufReader::with_capacity(256 << 10, file),
        notes: &notes,
        notes_at: 0,
        next_note: None,
        mono: 0,
        first: true,
        scan: &mut scan,
        wanted,
    };
    if let Err((kind, seq, detail)) = reader.read()? {
        let file =
            if CHECKPOINT_KINDS.contains(&kind) { segment.notes_name() } else { segment.name() };
        scan.finding = Some(Finding { kind: kind.to_owned(), seq, file, detail });
    }
    Ok(scan)
}

/// Kinds that are seen in the file of checkpoints.
const CHECKPOINT_KINDS: [&str; 8] = [
    "bad-checkpoint",
    "checkpoint-chain",
    "checkpoint-order",
    "checkpoint-signature",
    "foreign-checkpoint",
    "foreign-key",
    "retired-key",
    "tail-cut",
];

/// What `retired-key` means.
pub(crate) const RETIRED: &str = "a key that was replaced before signed it";

/// Kind, line and what was seen.
type Found = (&'static str, u64, String);

impl Scan {
    fn empty() -> Self {
        Self {
            start: None,
            end: None,
            first_wall_us: i64::MIN,
            wall_us: i64::MIN,
            closed: false,
            lines_len: 0,
            notes_len: 0,
            torn: Torn::default(),
            checkpoints: 0,
            keys: Vec::new(),
            roots: Vec::new(),
            finding: None,
            foreign_signer: None,
            notes: Vec::new(),
        }
    }

    /// A link, a device or a huge file in place of a plain one is tampering; the rest is an error.
    fn unreadable(mut self, file: String, error: &io::Error) -> io::Result<Self> {
        let link = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
        let kind = match error.kind() {
            io::ErrorKind::NotFound => "segment-missing",
            io::ErrorKind::Other | io::ErrorKind::InvalidData => "not-plain",
            _ if link => "not-plain",
            _ => return Err(io::Error::new(error.kind(), format!("cannot read {file}: {error}"))),
        };
        let detail = if link { "it is a link".to_owned() } else { error.to_string() };
        self.finding = Some(Finding { kind: kind.to_owned(), seq: 0, file, detail });
        Ok(self)
    }
}

fn read_notes(segment: &SegmentPath) -> io::Result<Vec<u8>> {
    let file = match segment::open_plain(&segment.notes) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut notes = Vec::new();
    file.take(MAX_NOTES_BYTES + 1).read_to_end(&mut notes)?;
    if notes.len() as u64 > MAX_NOTES_BYTES {
        return Err(io::Error::other(format!("it is larger than {MAX_NOTES_BYTES} bytes")));
    }
    Ok(notes)
}

struct Reader<'r> {
    segment: &'r SegmentPath,
    input: BufReader<File>,
    notes: &'r [u8],
    notes_at: usize,
    next_note: Option<(Checkpoint, &'r str)>,
    mono: u64,
    first: bool,
    scan: &'r mut Scan,
    wanted: &'r [u64],
}

/// A line as it was read.
enum Raw {
    Whole,
    /// Without a line feed at the end of the file.
    Partial,
    TooLong,
    End,
}

impl<'r> Reader<'r> {
    fn read(&mut self) -> io::Result<Result<(), Found>> {
        let mut bytes = Vec::with_capacity(1024);
        loop {
            let raw = self.next_raw(&mut bytes)?;
            let found = match raw {
                Raw::End => return Ok(self.finish()),
                Raw::Partial => return Ok(self.partial(&bytes)),
                Raw::TooLong => {
                    let detail = format!("it is longer than {MAX_LINE_BYTES} bytes");
                    return Ok(Err(("line-too-long", self.expected(), detail)));
                }
                Raw::Whole => self.take_line(&bytes),
            };
            if let Err((kind, detail)) = found {
                if kind == "hole" && self.only_zeros_follow(&bytes)? {
                    return Ok(self.partial(&[]));
                }
                return Ok(Err(self.classify(kind, detail, &bytes)?));
            }
            self.scan.lines_len += bytes.len() as u64 + 1;
            if let Err(found) = self.take_notes() {
                return Ok(Err(found));
            }
        }
    }

    /// Reads up to the next line feed; `bytes` get the line without it.
    fn next_raw(&mut self, bytes: &mut Vec<u8>) -> io::Result<Raw> {
        bytes.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.input).take(limit).read_until(b'\n', bytes)?;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            return Ok(Raw::Whole);
        }
        Ok(match read as u64 {
            0 => Raw::End,
            read if read == limit => Raw::TooLong,
            _ => Raw::Partial,
        })
    }

    /// The position that the next line must have; 0 when not even the first could be read.
    fn expected(&self) -> u64 {
        self.scan.end.as_ref().map_or(0, |end| end.range.size())
    }

    fn take_line(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let line = line::parse(bytes)?;
        if self.first {
            self.begin(&line)?;
        }
        let Some(end) = &mut self.scan.end else { return Err(("not-json", String::new())) };
        let fault = |kind, detail: String| Err((kind, detail));
        if line.log != end.log {
            return fault("foreign-log", format!("it is of the log {:.64}", line.log));
        }
        let expected = end.range.size();
        if line.seq != expected {
            return fault("order", format!("it says it is line {}", line.seq));
        }
        if merkle::from_hex(&line.prev) != Some(end.prev) {
            return fault("prev", "it does not name the hash of the line before".to_owned());
        }
        let Some(wall_us) = line::parse_time(&line.ts) else {
            return fault("wrong-member", "`ts` is no time".to_owned());
        };
        let opens = matches!(line.action.as_str(), "log.create" | "log.open" | "log.recover");
        if wall_us < self.scan.wall_us && line.action != "log.clock" {
            return fault(
                "clock-back",
                format!("its time {} is before that of the line before", line.ts),
            );
        }
        if line.mono < self.mono && !opens {
            return fault("clock-back", "its `mono` is below that of the line before".to_owned());
        }
        let heads = matches!(line.action.as_str(), "log.create" | "log.segment");
        if heads != self.first {
            return fault(
                "wrong-header",
                format!("a segment does not continue with {}", line.action),
            );
        }
        self.take_own(&line)?;
        let Some(end) = &mut self.scan.end else { return Ok(()) };
        self.scan.wall_us = wall_us;
        self.mono = line.mono;
        self.first = false;
        self.scan.closed = line.action == "log.close";
        end.prev = merkle::leaf_hash(bytes);
        end.range.push(end.prev);
        if self.wanted.binary_search(&end.range.size()).is_ok() {
            self.scan.roots.push((end.range.size(), end.range.root()));
        }
        Ok(())
    }

    /// Takes from the first line of the segment what it continues.
    fn begin(&mut self, line: &Line) -> Result<(), Fault> {
        let start = header(line, self.segment.number)?;
        self.scan.keys.push((line.seq, start.key.clone()));
        self.scan.first_wall_us = line::parse_time(&line.ts).unwrap_or(i64::MIN);
        self.scan.end = Some(start.clone());
        self.scan.start = Some(start);
        Ok(())
    }

    /// What lines of the log itself say.
    fn take_own(&mut self, line: &Line) -> Result<(), Fault> {
        match line.action.as_str() {
            "log.key" => {
                let Some(end) = &mut self.scan.end else { return Ok(()) };
                end.key = rotated(line, &end.key)?;
                self.scan.keys.push((line.seq + 1, end.key.clone()));
            }
            "log.recover" | "log.lost" | "log.clock" => {
                let data: Vec<String> =
                    line.data.iter().map(|(name, value)| format!("{name} {value}")).collect();
                self.scan.notes.push(Finding {
                    kind: line.action.clone(),
                    seq: line.seq,
                    file: self.segment.name(),
                    detail: data.join(", "),
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks the checkpoints that cover exactly the lines read so far.
    fn take_notes(&mut self) -> Result<(), Found> {
        loop {
            let Some((checkpoint, note)) = self.peek_note()? else { return Ok(()) };
            let Some(end) = &mut self.scan.end else { return Ok(()) };
            let size = end.range.size();
            if checkpoint.size > size {
                return Ok(());
            }
            let checked = check_note(&checkpoint, note, end, &self.scan.keys);
            if checked.as_ref().is_err_and(|(kind, ..)| *kind == "foreign-key") {
                let signer =
                    Note::parse(note).and_then(|note| note.signatures.first().map(|s| s.key));
                self.scan.foreign_signer = signer;
            }
            checked?;
            end.signed = size;
            note.clone_into(&mut end.last_note);
            end.note_prev = merkle::leaf_hash(note.as_bytes());
            self.scan.checkpoints += 1;
            self.notes_at += note.len() + 1;
            self.scan.notes_len = self.notes_at as u64;
            self.next_note = None;
        }
    }

    /// The next whole checkpoint; `None` at the end or before a torn one.
    fn peek_note(&mut self) -> Result<Option<(Checkpoint, &'r str)>, Found> {
        if self.next_note.is_none() {
            let rest = &self.notes[self.notes_at..];
            let Some(len) = note_len(rest) else {
                self.scan.torn.notes_bytes = rest.len() as u64;
                return Ok(None);
            };
            let bad = |detail: &str| ("bad-checkpoint", self.expected(), detail.to_owned());
            let text = std::str::from_utf8(&rest[..len]).map_err(|_| bad("it is not UTF-8"))?;
            let note = Note::parse(text).ok_or_else(|| bad("it is no signed note"))?;
            let checkpoint =
                Checkpoint::parse(note.text).ok_or_else(|| bad("it is no checkpoint"))?;
            self.next_note = Some((checkpoint, text));
        }
        Ok(self.next_note.clone())
    }

    fn finish(&mut self) -> Result<(), Found> {
        if self.first {
            return Err(("segment-empty", 0, "it holds no line".to_owned()));
        }
        self.check_no_note_is_left()
    }

    fn check_no_note_is_left(&mut self) -> Result<(), Found> {
        let lines = self.expected();
        match self.peek_note()? {
            Some((checkpoint, _)) => Err((
                "tail-cut",
                lines,
                format!(
                    "a checkpoint covers {} lines, but only {lines} are there",
                    checkpoint.size
                ),
            )),
            None => Ok(()),
        }
    }

    /// The file ends within a line: a crash, unless a checkpoint covers it.
    fn partial(&mut self, bytes: &[u8]) -> Result<(), Found> {
        if self.first {
            return Err(("segment-empty", 0, "it holds no whole line".to_owned()));
        }
        self.check_no_note_is_left()?;
        let len = self
            .segment
            .lines
            .metadata()
            .map_or(bytes.len() as u64, |meta| meta.len().saturating_sub(self.scan.lines_len));
        self.scan.torn.lines_bytes = len;
        Ok(())
    }

    /// Whether a line is the zeros that a power cut leaves at the end of a file.
    fn only_zeros_follow(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if !bytes.iter().all(|byte| *byte == 0) {
            return Ok(false);
        }
        loop {
            let chunk = self.input.fill_buf()?;
            if chunk.is_empty() {
                return Ok(true);
            }
            if chunk.iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            let len = chunk.len();
            self.input.consume(len);
        }
    }

    /// Names what was done to the lines, for which the one after the fault is looked at too.
    fn classify(&mut self, kind: &'static str, detail: String, bytes: &[u8]) -> io::Result<Found> {
        let at = self.expected();
        if kind != "order" && kind != "prev" {
            return Ok((kind, at, detail));
        }
        let said = line::parse(bytes).map_or(0, |line| line.seq);
        let mut next = Vec::new();
        let after = match self.next_raw(&mut next)? {
            Raw::Whole => line::parse(&next).ok(),
            _ => None,
        };
        Ok(if kind == "prev" {
            let intact = after.is_none_or(|after| {
                merkle::from_hex(&after.prev) == Some(merkle::leaf_hash(bytes))
            });
            let start = self.scan.start.as_ref().map_or(0, |start| start.range.size());
            if intact && at > start {
                ("edited", at - 1, format!("line {at} names another hash of it"))
            } else {
                ("edited", at, detail)
            }
        } else if said > at {
            if after.is_some_and(|after| after.seq == at || after.seq + 1 == said) {
                ("reordered", at, format!("line {said} stands before it"))
            } else {
                ("deleted", at, format!("lines {at} to {} are missing", said - 1))
            }
        } else if self.scan.end.as_ref().is_some_and(|end| end.prev == merkle::leaf_hash(bytes)) {
            ("duplicated", said, "it stands there twice".to_owned())
        } else {
            ("inserted", at, format!("another line {said} stands here"))
        })
    }
}

/// The length of the first checkpoint, without the empty line that follows it; `None` when it is not whole.
pub(crate) fn note_len(bytes: &[u8]) -> Option<usize> {
    let double =
        |from: usize| bytes[from..].windows(2).position(|pair| pair == b"\n\n").map(|at| from + at);
    let text_end = double(0)?;
    double(text_end + 2).map(|end| end + 1)
}

/// What the first line of a segment says that the segment continues.
fn header(line: &Line, number: u64) -> Result<Cursor, Fault> {
    let fault = |detail: &str| ("wrong-header", detail.to_owned());
    let text = |name: &str| line.data.get(name).and_then(Value::as_str);
    let key: VerifierKey = text("key")
        .and_then(|key| key.parse().ok())
        .ok_or_else(|| fault("the first line names no key"))?;
    if key.name() != origin(&line.log) {
        return Err(fault("the first line names a key of another log"));
    }
    if line.data.get("segment").and_then(Value::as_u64) != Some(number) {
        return Err(("segment-swapped", "its first line is that of another segment".to_owned()));
    }
    let prev = merkle::from_hex(&line.prev).ok_or_else(|| fault("`prev` is no hash"))?;
    if number == 1 {
        if line.action != "log.create" || line.seq != 0 || prev != line::first_prev(&line.log) {
            return Err(fault("the log does not begin here"));
        }
        return Ok(Cursor {
            log: line.log.clone(),
            prev,
            range: CompactRange::default(),
            signed: 0,
            last_note: String::new(),
            note_prev: checkpoint::first_prev(key.name()),
            key,
        });
    }
    let peaks = line.data.get("peaks").and_then(Value::as_array);
    let peaks: Option<Vec<Hash>> = peaks.and_then(|peaks| {
        peaks.iter().map(|peak| peak.as_str().and_then(merkle::from_hex)).collect()
    });
    let range = peaks
        .and_then(|peaks| CompactRange::from_parts(line.seq, peaks))
        .ok_or_else(|| fault("its tree does not fit its position"))?;
    let note_text = text("checkpoint").ok_or_else(|| fault("it carries no checkpoint"))?;
    let note = Note::parse(note_text).ok_or_else(|| fault("it carries no checkpoint"))?;
    let checkpoint = Checkpoint::parse(note.text)
        .filter(|checkpoint| {
            checkpoint.origin == key.name()
                && checkpoint.size == range.size()
                && checkpoint.root == range.root()
        })
        .ok_or_else(|| fault("its checkpoint is of other lines"))?;
    if !note.is_signed_by(&key) {
        return Err(fault("its checkpoint is not signed by its key"));
    }
    Ok(Cursor {
        log: line.log.clone(),
        prev,
        range,
        key,
        signed: checkpoint.size,
        last_note: note_text.to_owned(),
        note_prev: merkle::leaf_hash(note_text.as_bytes()),
    })
}

/// The position of the first line of a segment; `None` when it cannot be read.
pub(crate) fn first_seq(segment: &SegmentPath) -> Option<u64> {
    let file = segment::open_plain(&segment.lines).ok()?;
    let mut bytes = Vec::new();
    let limit = MAX_LINE_BYTES as u64 + 1;
    BufReader::new(file).take(limit).read_until(b'\n', &mut bytes).ok()?;
    Some(line::parse(bytes.strip_suffix(b"\n")?).ok()?.seq)
}

/// The name of the keys of a log, and the origin of its checkpoints.
pub(crate) fn origin(log: &str) -> String {
    format!("hauski/audit/{log}")
}

/// The key that follows `old`, if both signed this.
fn rotated(line: &Line, old: &VerifierKey) -> Result<VerifierKey, Fault> {
    let fault = |detail: &str| ("rotation-unsigned", detail.to_owned());
    let note = line.data.get("note").and_then(Value::as_str).unwrap_or_default();
    let note = Note::parse(note).ok_or_else(|| fault("it carries no signed note"))?;
    let next = note.text.lines().nth(3).and_then(|key| key.parse::<VerifierKey>().ok());
    let next = next.ok_or_else(|| fault("it names no key"))?;
    if rotation_text(old.name(), line.seq, &next.to_string()) != note.text {
        return Err(fault("its note is not about this line"));
    }
    if !note.is_signed_by(old) {
        return Err(fault("the old key did not sign it"));
    }
    if !note.is_signed_by(&next) {
        return Err(fault("the new key did not sign it"));
    }
    Ok(next)
}

/// Checks a checkpoint whose size is at most that of the lines read so far.
fn check_note(
    checkpoint: &Checkpoint,
    text: &str,
    end: &Cursor,
    keys: &[(u64, VerifierKey)],
) -> Result<(), Found> {
    let from = end.signed;
    if checkpoint.origin != end.key.name() {
        let detail = format!("it is of {:.80}", checkpoint.origin);
        return Err(("foreign-checkpoint", from, detail));
    }
    if checkpoint.size != end.range.size() || checkpoint.size <= from && from > 0 {
        let detail = format!("it covers {} lines and follows one over {from}", checkpoint.size);
        return Err(("checkpoint-order", from, detail));
    }
    if checkpoint.prev != end.note_prev {
        let detail = "a checkpoint before it is missing or was changed".to_owned();
        return Err(("checkpoint-chain", from, detail));
    }
    let Some(note) = Note::parse(text) else {
        return Err(("bad-checkpoint", from, "it is no signed note".to_owned()));
    };
    if !note.is_signed_by(&end.key) {
        let retired = keys.iter().any(|(_, key)| *key != end.key && note.is_signed_by(key));
        let named = note.signatures.iter().any(|line| line.key == end.key.id);
        return Err(if retired {
            ("retired-key", from, RETIRED.to_owned())
        } else if named {
            ("checkpoint-signature", from, "its signature is not of this text".to_owned())
        } else {
            ("foreign-key", from, "a key that is not the log's signed it".to_owned())
        });
    }
    if checkpoint.root != end.range.root() {
        let last = checkpoint.size - 1;
        let detail = format!("lines {from} to {last} are not those that were signed");
        return Err(("rewritten", from, detail));
    }
    Ok(())
}
