//! Several tasks at the same time, their output line by line under their names.

use std::io;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::launch::Launch;
use super::lines::SharedOutput;
use super::log::LogSink;
use super::run::{Outcome, RunError, RunOptions, Standard, run_shared};
use super::start::Shared;
use super::tree;

/// One of several tasks.
pub struct ParallelJob<'a> {
    /// Stands in front of each line.
    pub name: String,
    /// What is executed. stdin is empty: several tasks cannot share a keyboard.
    pub launch: Launch,
    /// Gets what the task writes, without prefixes.
    pub log: Option<&'a mut (dyn LogSink + Send)>,
}

/// How several tasks run.
#[derive(Clone, Copy, Debug)]
pub struct ParallelOptions<'a> {
    /// stdout and stderr that all share.
    pub standard: Standard<'a>,
    /// So many at a time.
    pub width: NonZeroUsize,
    /// After a failure: false (default) ends the others and starts no more; true lets all go on.
    pub keep_going: bool,
    /// Time limit of each task in milliseconds.
    pub timeout_ms: Option<u64>,
    /// Time between SIGTERM and SIGKILL, in milliseconds.
    pub kill_grace_ms: u64,
}

impl Default for ParallelOptions<'_> {
    fn default() -> Self {
        let width = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let standard = Standard::own();
        Self { standard, width, keep_going: false, timeout_ms: None, kill_grace_ms: 1_000 }
    }
}

/// Is told when tasks start and end, on the threads that run them.
pub trait ParallelObserver: Sync {
    /// The task with this index is about to start.
    ///
    /// # Errors
    ///
    /// Then it does not start, and counts as failed.
    fn starting(&self, index: usize) -> io::Result<()>;

    /// The task has ended.
    fn finished(&self, index: usize, result: &ParallelResult);
}

/// What became of one of several tasks.
#[derive(Debug)]
pub enum ParallelResult {
    /// It ran.
    Ran(Outcome),
    /// It could not be started.
    Failed(RunError),
    /// The observer refused its start.
    Refused(io::Error),
    /// It was not started, because an earlier one failed or wgx was told to stop.
    Skipped,
}

impl ParallelResult {
    /// It ran and ended with 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Ran(outcome) if outcome.exit_code() == 0)
    }

    /// It ran and was ended by the time limit or from outside.
    fn was_ended(&self) -> bool {
        matches!(self, Self::Ran(it) if it.timed_out || it.stopped_by.is_some())
    }
}

/// Runs `jobs`, some at a time, in order of their start; the results have the order of the jobs.
/// Ctrl-C, SIGTERM and SIGHUP end all of them. After the first failure the others are ended and no
/// more start, unless `keep_going`.
///
/// What a task left behind by calling setsid is ended with the last task, and only when a run was
/// ended from outside: while several run, nobody can tell whose it is.
#[must_use]
pub fn run_parallel(
    jobs: Vec<ParallelJob<'_>>,
    options: ParallelOptions<'_>,
    observer: &dyn ParallelObserver,
) -> Vec<ParallelResult> {
    let stdout = SharedOutput::new(options.standard.stdout);
    let stderr = SharedOutput::new(options.standard.stderr);
    let batch = Batch {
        options,
        observer,
        next: AtomicUsize::new(0),
        cancel: AtomicBool::new(false),
        stop: AtomicBool::new(false),
    };
    let width = options.width.get().min(jobs.len());
    let slots: Vec<Mutex<Slot<'_>>> = jobs.into_iter().map(|job| Mutex::new(job.into())).collect();
    thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| batch.work(&slots, [&stdout, &stderr]));
        }
    });
    let results: Vec<ParallelResult> = slots.into_iter().map(into_result).collect();
    if results.iter().any(ParallelResult::was_ended) {
        tree::sweep_orphans(Duration::from_millis(options.kill_grace_ms));
    }
    results
}

enum Slot<'a> {
    Waiting(ParallelJob<'a>),
    Done(ParallelResult),
}

impl<'a> From<ParallelJob<'a>> for Slot<'a> {
    fn from(job: ParallelJob<'a>) -> Self {
        Self::Waiting(job)
    }
}

fn into_result(slot: Mutex<Slot<'_>>) -> ParallelResult {
    match slot.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Slot::Done(result) => result,
        Slot::Waiting(_) => ParallelResult::Skipped,
    }
}

struct Batch<'a> {
    options: ParallelOptions<'a>,
    observer: &'a dyn ParallelObserver,
    next: AtomicUsize,
    /// Running tasks are to be ended.
    cancel: AtomicBool,
    /// No more tasks are to be started.
    stop: AtomicBool,
}

impl Batch<'_> {
    fn work(&self, slots: &[Mutex<Slot<'_>>], outputs: [&SharedOutput<'_>; 2]) {
        loop {
            let index = self.next.fetch_add(1, Ordering::SeqCst);
            let Some(slot) = slots.get(index) else { return };
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            let job = std::mem::replace(&mut *slot, Slot::Done(ParallelResult::Skipped));
            if let Slot::Waiting(job) = job
                && !self.stop.load(Ordering::SeqCst)
            {
                let result = self.run_one(index, job, outputs);
                self.observer.finished(index, &result);
                self.react(&result);
                *slot = Slot::Done(result);
            }
        }
    }

    fn run_one(
        &self,
        index: usize,
        job: ParallelJob<'_>,
        [stdout, stderr]: [&SharedOutput<'_>; 2],
    ) -> ParallelResult {
        if let Err(error) = self.observer.starting(index) {
            return ParallelResult::Refused(error);
        }
        let options = RunOptions {
            standard: self.options.standard,
            log: job.log.map(|log| log as &mut (dyn LogSink + Send)),
            timeout_ms: self.options.timeout_ms,
            kill_grace_ms: self.options.kill_grace_ms,
            ..RunOptions::default()
        };
        let shared = Shared { name: &job.name, stdout, stderr, cancel: &self.cancel };
        match run_shared(&job.launch, options, Some(shared)) {
            Ok(outcome) => ParallelResult::Ran(outcome),
            Err(error) => ParallelResult::Failed(error),
        }
    }

    fn react(&self, result: &ParallelResult) {
        let was_stopped = matches!(result, ParallelResult::Ran(it) if it.stopped_by.is_some());
        if was_stopped || (!result.is_success() && !self.options.keep_going) {
            self.stop.store(true, Ordering::SeqCst);
            self.cancel.store(true, Ordering::SeqCst);
        }
    }
}
