//! Tasks that somebody started on a page: they run in processes of their own, and their output is kept while it is looked at.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redact::{LogMasker, Redactor};
use serde_json::Value;
use tokio::sync::watch;
use wgx_verbs::context::Context;

use crate::mcp::child;
use crate::mcp::tools::ToolError;

/// Bytes of output that are kept of each task; the record of the run has more.
const MOST_BYTES: usize = 2 << 20;
/// Tasks that are remembered; the oldest that has ended goes for a new one.
const MOST_JOBS: usize = 64;
/// Tasks at once.
const MOST_AT_WORK: usize = 16;
/// Milliseconds after which a task that was started here is stopped.
const TIMEOUT_MS: u64 = 6 * 3_600_000;

/// All of them.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<String, Arc<Job>>>);

/// One of them.
pub(crate) struct Job {
    /// Its id; the newest is the greatest.
    pub(crate) id: String,
    /// Id of the task.
    pub(crate) task: String,
    /// Name in addresses, and name, of its repository.
    pub(crate) repository: (String, String),
    cancel: AtomicBool,
    output: Mutex<Output>,
    changed: watch::Sender<u64>,
}

/// What it has printed, masked.
#[derive(Default)]
struct Output {
    lines: VecDeque<String>,
    bytes: usize,
    /// Number of the first line that is kept, from 0.
    first: u64,
    dropped_bytes: u64,
    partial: Vec<u8>,
    end: Option<End>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// What happened, in a sentence.
    pub(crate) text: String,
    /// Whether that is bad.
    pub(crate) bad: bool,
    /// The runs that were recorded.
    pub(crate) runs: Vec<String>,
}

/// Lines from one number on.
pub(crate) struct Piece {
    /// Number of the first, from 0.
    pub(crate) first: u64,
    /// The lines.
    pub(crate) lines: Vec<String>,
    /// How it ended, where it has.
    pub(crate) end: Option<End>,
}

/// There are too many tasks at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job that is still to be started.
    pub(crate) fn add(&self, task: &str, repository: (String, String)) -> Result<Arc<Job>, Full> {
        let mut jobs = self.lock();
        if jobs.values().filter(|job| !job.has_ended()).count() >= MOST_AT_WORK {
            return Err(Full);
        }
        while jobs.len() >= MOST_JOBS {
            let Some(oldest) = jobs.values().find(|job| job.has_ended()).map(|job| job.id.clone())
            else {
                break;
            };
            jobs.remove(&oldest);
        }
        let id = uuid::Uuid::now_v7().simple().to_string();
        let job = Arc::new(Job {
            id: id.clone(),
            task: task.to_owned(),
            repository,
            cancel: AtomicBool::new(false),
            output: Mutex::default(),
            changed: watch::Sender::new(0),
        });
        jobs.insert(id, Arc::clone(&job));
        Ok(job)
    }

    /// The job of an id.
    pub(crate) fn find(&self, id: &str) -> Option<Arc<Job>> {
        self.lock().get(id).cloned()
    }

    /// Ends all that are at work.
    pub(crate) fn stop_all(&self) {
        self.lock().values().for_each(|job| job.stop());
    }
}

impl Job {
    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.output().end.is_some()
    }

    /// Ends it as Ctrl-C would.
    pub(crate) fn stop(&self) {
        self.cancel.store(true, Ordering::Relaxed);
    }

    /// Told whenever there is more.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Lines from this number on, as far as they are kept; at most so many.
    pub(crate) fn piece(&self, from: u64, most: usize) -> Piece {
        let output = self.output();
        let first = from.max(output.first);
        let skip = usize::try_from(first - output.first).unwrap_or(usize::MAX);
        let lines: Vec<String> = output.lines.iter().skip(skip).take(most).cloned().collect();
        let is_last = first + lines.len() as u64 >= output.first + output.lines.len() as u64;
        Piece { first, lines, end: output.end.clone().filter(|_| is_last) }
    }

    /// All that is kept, the bytes before it, and the end.
    pub(crate) fn whole(&self) -> (String, u64, Option<End>) {
        let output = self.output();
        let text = output.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        (text, output.dropped_bytes, output.end.clone())
    }

    /// Runs it and waits for its end; for a thread that may wait.
    pub(crate) fn run(&self, context: &Context, args: Vec<String>, mask: Redactor) {
        let order =
            child::Job { task: self.task.clone(), args, dry_run: false, timeout_ms: TIMEOUT_MS };
        let mut masker = LogMasker::new(mask);
        let mut clean = Vec::new();
        let program = std::env::current_exe().unwrap_or_default();
        let report = child::start(&program, context, &order, &self.cancel, &mut |bytes| {
            masker.push(bytes, &mut clean);
            self.print(&mut clean, false);
        });
        masker.finish(&mut clean);
        self.print(&mut clean, true);
        self.output().end = Some(end(report));
        self.changed.send_modify(|version| *version += 1);
    }

    fn print(&self, bytes: &mut Vec<u8>, is_last: bool) {
        let mut output = self.output();
        output.partial.append(bytes);
        let whole = match output.partial.iter().rposition(|byte| *byte == b'\n') {
            _ if is_last => output.partial.len(),
            Some(end) => end + 1,
            None => return,
        };
        let ready: Vec<u8> = output.partial.drain(..whole).collect();
        for line in ready.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = String::from_utf8_lossy(line).into_owned();
            output.bytes += line.len() + 1;
            output.lines.push_back(line);
        }
        while output.bytes > MOST_BYTES {
            let Some(line) = output.lines.pop_front() else { break };
            output.bytes -= line.len() + 1;
            output.dropped_bytes += line.len() as u64 + 1;
            output.first += 1;
        }
        drop(output);
        self.changed.send_modify(|version| *version += 1);
    }
}

fn end(report: Result<Value, ToolError>) -> End {
    let report = match report {
        Ok(report) => report,
        Err(error) => {
            let hint = error.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            return End { text: format!("{}{hint}", error.message), bad: true, runs: Vec::new() };
        }
    };
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let runs = steps.iter().filter_map(|step| step["run_id"].as_str()).map(str::to_owned).collect();
    let code = report["exit_code"].as_i64().unwrap_or(-1);
    let is_late = steps.last().is_some_and(|step| step["timed_out"] == true);
    let text = match code {
        0 => "exit code 0".to_owned(),
        code if is_late => format!("stopped after its time, exit code {code}"),
        code => format!("exit code {code}"),
    };
    End { text, bad: code != 0, runs }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_lines_go_and_are_counted() {
        let jobs = Jobs::default();
        let job = jobs.add("just:x", (String::new(), String::new())).unwrap();
        let line = "x".repeat(1_023);
        for _ in 0..3_000 {
            job.print(&mut format!("{line}\n").into_bytes(), false);
        }
        let (text, dropped, end) = job.whole();
        assert!(text.len() <= MOST_BYTES && end.is_none());
        assert_eq!(text.len() as u64 + dropped, 3_000 * 1_024);
        let piece = job.piece(0, 10);
        assert_eq!((piece.lines.len(), piece.first), (10, dropped / 1_024));
    }

    #[test]
    fn a_line_is_shown_when_it_is_whole_and_the_last_one_at_the_end() {
        let jobs = Jobs::default();
        let job = jobs.add("just:x", (String::new(), String::new())).unwrap();
        job.print(&mut b"one\ntw".to_vec(), false);
        assert_eq!(job.piece(0, 10).lines, ["one"]);
        job.print(&mut b"o".to_vec(), true);
        assert_eq!(job.piece(1, 10).lines, ["two"]);
    }

    #[test]
    fn there_are_only_so_many_at_once() {
        let jobs = Jobs::default();
        let add = || jobs.add("just:x", (String::new(), String::new()));
        let first = add().unwrap();
        for _ in 1..MOST_AT_WORK {
            add().unwrap();
        }
        assert!(add().is_err());
        first.output().end = Some(End { text: String::new(), bad: false, runs: Vec::new() });
        assert!(add().is_ok());
    }
}
