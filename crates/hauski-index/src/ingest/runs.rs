//! The runs of the memory and their logs, each finished run once.

use std::collections::BTreeSet;
use std::io::{Read as _, Seek as _, SeekFrom};

use memory::{CasError, Digest, HomeError, Outcome, Run, RunFilter, Store, StoreError};

use super::document::{Change, Document, Known, SourceRef, Trust};
use super::files::{IngestError, Report, Sink};
use super::made::{NewText, document};
use crate::chunk::{ChunkOptions, Kind};

/// The collection of runs.
pub const RUNS: &str = "runs";
/// The collection of logs.
pub const LOGS: &str = "logs";
/// Of a longer log only the beginning and the end are read, a quarter and three quarters of this, in bytes.
const LOG_WINDOW: u64 = 4 << 20;

/// Why runs cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The memory cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Whoever takes the changes failed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
}

/// Compares the finished runs of the memory with what is known of them. A run never changes, so one that is known is not
/// looked at again; one that was forgotten is removed together with its log.
///
/// # Errors
/// The memory cannot be read, or `sink` failed.
pub async fn runs(
    store: &mut Store,
    options: &ChunkOptions,
    known: &dyn Known,
    sink: &mut Sink<'_>,
) -> Result<Report, RunsError> {
    let runs = store.runs(&RunFilter::default()).await?;
    let mut report = Report::default();
    let mut known_runs: BTreeSet<String> = known.doc_ids(RUNS).into_iter().collect();
    let mut known_logs: BTreeSet<String> = known.doc_ids(LOGS).into_iter().collect();
    // Oldest first: the newest gets the highest number.
    for run in runs.iter().rev().filter(|run| run.finished) {
        report.files += 1;
        if known_runs.remove(&run.id) {
            report.unchanged += 1;
        } else {
            take(&mut report, sink, of_run(run, options))?;
        }
        let has_log = run.log_sha256.is_some() && run.log_bytes.is_some_and(|bytes| bytes > 0);
        if !has_log || known_logs.remove(&run.id) {
            continue;
        }
        if let Some(log) = of_log(store, run, options)? {
            take(&mut report, sink, log)?;
        }
    }
    for (collection, gone) in [(RUNS, known_runs), (LOGS, known_logs)] {
        for doc_id in gone {
            report.removed += 1;
            let change = Change::Remove { collection: collection.to_owned(), doc_id };
            sink(change).map_err(IngestError::Sink)?;
        }
    }
    Ok(report)
}

fn take(report: &mut Report, sink: &mut Sink<'_>, document: Document) -> Result<(), IngestError> {
    report.put += 1;
    report.chunks += document.chunks.len() as u64;
    report.masked += document.masked;
    report.cut_files += u64::from(document.left_out_bytes > 0);
    report.left_out_bytes += document.left_out_bytes;
    sink(Change::Put(Box::new(document))).map_err(IngestError::Sink)
}

/// What people would say about a run.
fn of_run(run: &Run, options: &ChunkOptions) -> Document {
    let mut text = format!("{} {}", run.repo, run.task);
    if !run.args.is_empty() {
        text.push_str(&format!(" {}", run.args.join(" ")));
    }
    text.push_str(&format!("\n{}", ending(run)));
    if let Some(duration) = run.duration_ms {
        text.push_str(&format!(" after {duration} ms"));
    }
    for (name, value) in [("source", &run.source), ("folder", &run.cwd), ("reason", &run.reason)] {
        if !value.is_empty() {
            text.push_str(&format!("\n{name}: {value}"));
        }
    }
    for artefact in &run.artefacts {
        text.push_str(&format!("\nmade {} ({} bytes)", artefact.path, artefact.bytes));
    }
    let title = format!("{} {}", run.repo, run.task);
    document(
        NewText {
            collection: RUNS,
            doc_id: &run.id,
            source: SourceRef { origin: "run".to_owned(), id: run.id.clone(), trust: Trust::High },
            title: &title,
            path: &title,
            kind: Some(Kind::Prose),
            at_ms: run.started_at_ms,
            tags: tags(run),
            text,
        },
        options,
    )
}

fn ending(run: &Run) -> String {
    match (run.outcome(), run.exit_code, run.signal) {
        (Outcome::Passed, ..) => "passed".to_owned(),
        (Outcome::Open, ..) => "did not end".to_owned(),
        (Outcome::Failed, Some(code), _) => format!("failed with exit code {code}"),
        (Outcome::Failed, None, Some(signal)) => format!("failed: ended by signal {signal}"),
        (Outcome::Failed, None, None) => "failed".to_owned(),
    }
}

fn tags(run: &Run) -> Vec<(String, String)> {
    let outcome = match run.outcome() {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Open => "open",
    };
    let pairs = [
        ("repo", &*run.repo),
        ("task", &*run.task),
        ("source", &*run.source),
        ("outcome", outcome),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// The log of a run; nothing when it has gone from the store.
fn of_log(
    store: &Store,
    run: &Run,
    options: &ChunkOptions,
) -> Result<Option<Document>, StoreError> {
    let Some(sha256) = &run.log_sha256 else { return Ok(None) };
    let digest = Digest::parse(sha256)?;
    let file = match store.cas().get(&digest) {
        Ok(file) => file,
        Err(CasError::Missing { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let parts =
        windows(file).map_err(|error| HomeError::from_io(&store.cas().path(&digest), error))?;
    let title = format!("{} {}", run.repo, run.task);
    let mut whole: Option<Document> = None;
    for Window { start, lines, bytes } in parts {
        let text = bytes;
        let new = NewText {
            collection: LOGS,
            doc_id: &run.id,
            source: SourceRef {
                origin: "log".to_owned(),
                id: run.id.clone(),
                trust: Trust::Medium,
            },
            title: &title,
            path: &title,
            kind: Some(Kind::Log),
            at_ms: run.started_at_ms,
            tags: tags(run),
            text: String::from_utf8_lossy(&text).into_owned(),
        };
        let mut part = document(new, options);
        match &mut whole {
            None => {
                part.left_out_bytes = run.log_bytes.unwrap_or(0).saturating_sub(text.len() as u64);
                whole = Some(part);
            }
            Some(whole) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX / 2);
                whole.chunks.extend(part.chunks.into_iter().map(|mut chunk| {
                    chunk.span = chunk.span.start + start..chunk.span.end + start;
                    chunk.lines = (chunk.lines.0 + lines, chunk.lines.1 + lines);
                    chunk
                }));
                whole.masked += part.masked;
                whole.left_out_bytes = whole.left_out_bytes.saturating_sub(text.len() as u64);
                whole.hash = crate::chunk::sha256(&[&whole.hash, &part.hash]);
            }
        }
    }
    Ok(whole)
}

/// A part of a log.
struct Window {
    /// Where it begins, in bytes.
    start: u64,
    /// Lines before it.
    lines: u32,
    bytes: Vec<u8>,
}

/// A log, or its beginning and its end.
fn windows(mut file: std::fs::File) -> std::io::Result<Vec<Window>> {
    let size = file.metadata()?.len();
    let mut first = Vec::new();
    if size <= LOG_WINDOW {
        file.read_to_end(&mut first)?;
        return Ok(vec![Window { start: 0, lines: 0, bytes: first }]);
    }
    (&file).take(LOG_WINDOW / 4).read_to_end(&mut first)?;
    let end = memchr::memrchr(b'\n', &first).map_or(first.len(), |feed| feed + 1);
    first.truncate(end);
    // What lies between is only counted.
    file.seek(SeekFrom::Start(end as u64))?;
    let start = size - LOG_WINDOW / 4 * 3;
    let mut between = (&file).take(start - end as u64);
    let mut lines = feeds(&first);
    let mut portion = vec![0; 256 << 10];
    loop {
        let count = between.read(&mut portion)?;
        if count == 0 {
            break;
        }
        lines = lines.saturating_add(feeds(&portion[..count]));
    }
    let mut start = start;
    let mut last = Vec::new();
    (&file).take(LOG_WINDOW).read_to_end(&mut last)?;
    if let Some(feed) = memchr::memchr(b'\n', &last) {
        last.drain(..=feed);
        start += feed as u64 + 1;
        lines = lines.saturating_add(1);
    }
    Ok(vec![Window { start: 0, lines: 0, bytes: first }, Window { start, lines, bytes: last }])
}

fn feeds(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}
