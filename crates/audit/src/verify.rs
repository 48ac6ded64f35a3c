//! Verifying a whole log: segments side by side, then their edges, the anchors, the keys and the tail.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::hauski::audit::{Finding, VERIFY, Verdict, VerifyReport};
use thiserror::Error;

use crate::anchor::Copies;
use crate::checkpoint::Checkpoint;
use crate::key::{SigningKey, VerifierKey};
use crate::note::Note;
use crate::recover;
use crate::scan::{self, Scan};
use crate::segment::{self, SegmentPath};

/// How a log is verified.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// Folders or files with copies of checkpoints; default none.
    pub anchors: Vec<PathBuf>,
    /// A key that must have signed the log, known from elsewhere; default none.
    pub key: Option<VerifierKey>,
    /// Begin with the segment that holds this line; default the whole log. Earlier segments may be missing.
    pub since: Option<u64>,
    /// Threads; default as many as there are processors.
    pub threads: usize,
    /// How long to wait for the checkpoint of a log that is being written; default 1.5 s.
    pub patience: Duration,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            anchors: Vec::new(),
            key: None,
            since: None,
            threads: thread::available_parallelism().map_or(1, usize::from),
            patience: Duration::from_millis(1500),
        }
    }
}

/// Why nothing can be said about a log.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// There is none.
    #[error("no audit log in {}", .0.display())]
    Missing(PathBuf),
    /// A file could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Checks every byte of a log. What was done to it stands in the report; an error means that the log could
/// not be read at all.
pub fn verify(folder: &Path, options: &VerifyOptions) -> Result<VerifyReport, VerifyError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| VerifyError::Io { path, source }
    };
    // Copies first: those of a log that is being written are then never newer than what is read after.
    let mut copies = Vec::new();
    for path in &options.anchors {
        copies.extend(Copies::read(path).map_err(failed(path))?);
    }
    let live = recover::is_being_written(folder);
    let mut report = check(folder, options, &copies, live).map_err(failed(folder))?;
    if live && report.tampering.is_none() && report.signed < report.lines {
        thread::sleep(options.patience);
        let seen = report.lines;
        report = check(folder, options, &copies, live).map_err(failed(folder))?;
        if report.tampering.is_none() && report.signed >= seen {
            // What came after the first reading is not what was asked about.
            report.tail = None;
        }
    }
    if report.lines == 0 && report.tampering.is_none() {
        return Err(VerifyError::Missing(folder.to_owned()));
    }
    report.verdict = match (&report.tampering, &report.tail) {
        (Some(_), _) => Verdict::Tampered,
        (None, Some(_)) => Verdict::Unverifiable,
        (None, None) => Verdict::Sound,
    };
    Ok(report)
}

fn check(
    folder: &Path,
    options: &VerifyOptions,
    copies: &[Copies],
    live: bool,
) -> io::Result<VerifyReport> {
    let mut report = empty_report();
    let mut segments = segment::list(folder)?;
    if segments.is_empty() && !folder.join("key").exists() {
        return Ok(report);
    }
    report.tampering = missing_segment(folder, &segments, options.since.is_some())?;
    if let Some(since) = options.since {
        begin_at(&mut segments, since);
    }
    let mut wanted: Vec<u64> = copies.iter().flat_map(Copies::sizes).collect();
    wanted.sort_unstable();
    wanted.dedup();
    let scans = scan_all(&segments, &wanted, options.threads)?;
    report.segments = scans.len() as u64;
    let found = stitch(&segments, &scans, &mut report);
    report.tampering = earliest(report.tampering.take(), found);
    let Some(end) = scans.last().and_then(|scan| scan.end.as_ref()) else { return Ok(report) };
    report.log = Some(end.log.clone());
    report.lines = end.range.size();
    report.signed = end.signed;
    report.key = Some(end.key.to_string());
    report.root = Note::parse(&end.last_note)
        .and_then(|note| Checkpoint::parse(note.text))
        .map(|checkpoint| STANDARD.encode(checkpoint.root));
    if report.tampering.is_none() {
        report.tampering = check_keys(folder, options, &scans, &end.key, live);
    }
    if report.tampering.is_none() {
        report.tampering = check_copies(copies, &scans, &mut report);
    }
    if report.tampering.is_none() {
        report.tail = scans.last().and_then(|scan| tail(scan, &segments, live));
    }
    Ok(report)
}

fn empty_report() -> VerifyReport {
    VerifyReport {
        schema: VERIFY.to_owned(),
        verdict: Verdict::Sound,
        log: None,
        lines: 0,
        signed: 0,
        segments: 0,
        checkpoints: 0,
        anchors: 0,
        key: None,
        root: None,
        tampering: None,
        tail: None,
        notes: Vec::new(),
    }
}

/// Numbers must run from 1 without a gap, and no checkpoints stand without their lines.
fn missing_segment(
    folder: &Path,
    segments: &[SegmentPath],
    later_ones: bool,
) -> io::Result<Option<Finding>> {
    let first = segments.first().map_or(1, |segment| segment.number);
    let start = if later_ones { first } else { 1 };
    let gap = (start..).zip(segments).find(|(number, segment)| *number != segment.number);
    let beyond = || -> io::Result<Option<u64>> {
        let last = segments.last().map_or(0, |segment| segment.number);
        let mut numbers = segment::numbers_of_notes(folder)?;
        numbers.retain(|number| *number > last);
        Ok(numbers.into_iter().min())
    };
    let number = match gap {
        Some((number, _)) => Some(number),
        None if segments.is_empty() => Some(1),
        None => beyond()?,
    };
    Ok(number.map(|number| {
        let segment = SegmentPath::new(folder, number);
        // The position is not known; the segment after the gap tells it, if there is one.
        let after = segments.iter().find(|other| other.number > number);
        let seq = after.and_then(scan::first_seq).unwrap_or(u64::MAX);
        let detail = "the segment is missing".to_owned();
        Finding { kind: "segment-missing".to_owned(), seq, file: segment.name(), detail }
    }))
}

/// Leaves out the segments before the one that holds a line.
fn begin_at(segments: &mut Vec<SegmentPath>, since: u64) {
    let holds = segments
        .iter()
        .rposition(|segment| scan::first_seq(segment).is_some_and(|first| first <= since))
        .unwrap_or(0);
    segments.drain(..holds);
}

fn scan_all(segments: &[SegmentPath], wanted: &[u64], threads: usize) -> io::Result<Vec<Scan>> {
    let next = AtomicUsize::new(0);
    let scans: Mutex<Vec<Option<io::Result<Scan>>>> =
        Mutex::new(segments.iter().map(|_| None).collect());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(segment) = segments.get(at) else { return };
            let scan = scan::scan(segment, wanted);
            scans.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(scan);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.clamp(1, segments.len().max(1)) {
            scope.spawn(work);
        }
        work();
    });
    let scans = scans.into_inner().unwrap_or_else(PoisonError::into_inner);
    scans.into_iter().flatten().collect()
}

/// Puts the segments together; the first thing wrong with one of them or between two.
fn stitch(segments: &[SegmentPath], scans: &[Scan], report: &mut VerifyReport) -> Option<Finding> {
    let mut before: Option<&Scan> = None;
    for (at, (segment, scan)) in segments.iter().zip(scans).enumerate() {
        report.checkpoints += scan.checkpoints;
        report.notes.extend(scan.notes.iter().cloned());
        let follows = at == 0 || segments[at - 1].number + 1 == segment.number;
        let finding =
            edge(before, scan, segment, follows).or_else(|| scan.finding.clone()).or_else(|| {
                let last = at + 1 == segments.len();
                (!last).then(|| torn_middle(scan, segment)).flatten()
            });
        if let Some(mut finding) = finding {
            if scan.start.is_none() {
                let end = before.and_then(|before| before.end.as_ref());
                finding.seq = end.map_or(0, |end| end.range.size());
            }
            let mut earlier = scans[..at].iter().flat_map(|scan| &scan.keys);
            if finding.kind == "foreign-key"
                && earlier.any(|(_, key)| Some(key.id) == scan.foreign_signer)
            {
                finding.kind = "retired-key".to_owned();
                finding.detail = scan::RETIRED.to_owned();
            }
            return Some(finding);
        }
        before = Some(scan);
    }
    None
}

/// What is wrong between a segment and the one before it.
fn edge(
    before: Option<&Scan>,
    scan: &Scan,
    segment: &SegmentPath,
    follows: bool,
) -> Option<Finding> {
    let before_scan = before?;
    let (before, start) = (before_scan.end.as_ref()?, scan.start.as_ref()?);
    let (had, says) = (before.range.size(), start.range.size());
    let (kind, seq, detail) = if before.log != start.log {
        ("foreign-log", says, format!("it is of the log {:.64}", start.log))
    } else if had < says && !follows {
        ("segment-missing", had, "a segment is missing before it".to_owned())
    } else if had < says {
        ("deleted", had, format!("lines {had} to {} are missing before it", says - 1))
    } else if had > says {
        ("inserted", says, format!("lines {says} to {} were added before it", had - 1))
    } else if before.prev != start.prev || before.range != start.range {
        let last = says.saturating_sub(1);
        ("edited", last, "the segment after it names another hash of it".to_owned())
    } else if before.key != start.key {
        (
            "foreign-key",
            says,
            "it begins with another key than the one before ended with".to_owned(),
        )
    } else if before.last_note != start.last_note {
        let detail = "the last checkpoint of the segment before is missing or another".to_owned();
        ("checkpoint-chain", before.signed, detail)
    } else if scan.first_wall_us < before_scan.wall_us {
        ("clock-back", says, "its time is before that of the line before".to_owned())
    } else {
        return None;
    };
    Some(Finding { kind: kind.to_owned(), seq, file: segment.name(), detail })
}

/// Only the last segment may end in the middle of something.
fn torn_middle(scan: &Scan, segment: &SegmentPath) -> Option<Finding> {
    let end = scan.end.as_ref()?;
    let (kind, file) = if scan.torn.lines_bytes > 0 {
        ("inserted", segment.name())
    } else if scan.torn.notes_bytes > 0 {
        ("bad-checkpoint", segment.notes_name())
    } else {
        return None;
    };
    let detail = "something stands behind its end".to_owned();
    Some(Finding { kind: kind.to_owned(), seq: end.range.size(), file, detail })
}

/// The key that is expected must be one that signed; and the key file beside the log must be the log's.
fn check_keys(
    folder: &Path,
    options: &VerifyOptions,
    scans: &[Scan],
    last: &VerifierKey,
    live: bool,
) -> Option<Finding> {
    let finding = |file: &str, detail: &str| {
        let (kind, file, detail) = ("foreign-key".to_owned(), file.to_owned(), detail.to_owned());
        Some(Finding { kind, seq: 0, file, detail })
    };
    if let Some(key) = &options.key
        && !scans.iter().flat_map(|scan| &scan.keys).any(|(_, other)| other == key)
    {
        return finding("segment-00000001.jsonl", "the key that you gave never signed this log");
    }
    // Whoever may not read the file cannot compare it; a writer may be replacing it just now.
    match SigningKey::read(&folder.join("key")) {
        Ok(key) if key.verifier() != last && !live && !folder.join("key.next").exists() => {
            finding("key", "it is not the key that signs this log")
        }
        _ => None,
    }
}

fn check_copies(copies: &[Copies], scans: &[Scan], report: &mut VerifyReport) -> Option<Finding> {
    let keys: Vec<&VerifierKey> =
        scans.iter().flat_map(|scan| &scan.keys).map(|(_, key)| key).collect();
    let roots: Vec<_> = scans.iter().flat_map(|scan| &scan.roots).collect();
    let first = scans.first().and_then(|scan| scan.start.as_ref())?;
    let mut found = None;
    for copies in copies {
        let finding = |kind: &str, seq: u64, detail: String| {
            Some(Finding { kind: kind.to_owned(), seq, file: copies.file(), detail })
        };
        if let Some(fault) = copies.fault() {
            found = earliest(found, finding("bad-anchor", 0, fault.to_owned()));
        }
        let mut good = 0;
        for (text, checkpoint) in copies.checkpoints() {
            report.anchors += 1;
            let size = checkpoint.size;
            let signed =
                Note::parse(text).is_some_and(|note| keys.iter().any(|key| note.is_signed_by(key)));
            let root = roots.iter().find(|(at, _)| *at == size).map(|(_, root)| root);
            let fault = if checkpoint.origin != scan::origin(&first.log) {
                finding("foreign-log", 0, format!("it is of {:.80}", checkpoint.origin))
            } else if !signed && size > first.range.size() {
                finding("foreign-key", good, "no key of this log signed it".to_owned())
            } else if size > report.lines {
                let lines = report.lines;
                finding("tail-cut", lines, format!("it covers {size} lines, but {lines} are there"))
            } else if root.is_some_and(|root| *root != checkpoint.root) {
                let detail = format!(
                    "from line {good} on, the log is another than at its checkpoint {size}"
                );
                finding("fork", good, detail)
            } else {
                good = size;
                None
            };
            found = earliest(found, fault);
        }
        if let Some(key) = copies.key()
            && first.range.size() == 0
            && !keys.contains(&key)
        {
            found =
                earliest(found, finding("foreign-key", 0, "its key never signed this log".into()));
        }
    }
    found
}

/// Why the end of the log cannot be verified.
fn tail(scan: &Scan, segments: &[SegmentPath], live: bool) -> Option<Finding> {
    let end = scan.end.as_ref()?;
    let segment = segments.last()?;
    let (lines, signed) = (end.range.size(), end.signed);
    let (kind, seq, file, detail) = if scan.torn.lines_bytes > 0 {
        let detail = format!("{} bytes are no whole line", scan.torn.lines_bytes);
        ("torn-tail", lines, segment.name(), detail)
    } else if scan.torn.notes_bytes > 0 {
        let detail = format!("{} bytes are no whole checkpoint", scan.torn.notes_bytes);
        ("torn-tail", signed, segment.notes_name(), detail)
    } else if signed < lines {
        let detail = format!("no checkpoint covers lines {signed} to {}", lines - 1);
        ("unsigned-tail", signed, segment.name(), detail)
    } else if !scan.closed && !live {
        let detail = "the log was not closed; later lines may be missing".to_owned();
        ("not-closed", lines, segment.name(), detail)
    } else {
        return None;
    };
    Some(Finding { kind: kind.to_owned(), seq, file, detail })
}

/// The one of two findings that comes first in the log.
fn earliest(one: Option<Finding>, other: Option<Finding>) -> Option<Finding> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.seq < one.seq { other } else { one }),
        (one, other) => one.or(other),
    }
}
