//! Executing steps at the same time: what [`super::execute`] does for one after another.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use contracts::wgx::RunStep;
use memory::StartedRun;
use wgx_tasks::process::{
    LogSink, ParallelJob, ParallelObserver, ParallelOptions, ParallelResult, run_parallel,
};

use super::RunError;
use super::execute::{EARLIER_FAILED, Execution, finish_of};
use super::log::SharedLog;
use super::plan::Step;
use super::refusal::Refusal;
use crate::notebook::Notebook;

impl Execution<'_> {
    /// Executes the steps, at most `width` at a time, and returns the code of the whole.
    pub(super) fn together(
        &self,
        steps: &[Step],
        reports: &mut [RunStep],
        notebook: &mut Notebook,
        width: NonZeroUsize,
    ) -> Result<i32, RunError> {
        let mut launches = Vec::with_capacity(steps.len());
        for (step, report) in steps.iter().zip(&mut *reports) {
            match self.launch(step) {
                Ok(launch) => launches.push(launch),
                Err(error) => return Err(self.refused((step, report), notebook, error)),
            }
        }
        let logs: Vec<SharedLog> =
            steps.iter().map(|_| SharedLog::of(self.open_log(notebook))).collect();
        let mut sinks: Vec<&SharedLog> = logs.iter().collect();
        let jobs = steps.iter().zip(launches).zip(&mut sinks).map(|((step, launch), sink)| {
            let log: &mut (dyn LogSink + Send) = sink;
            let log = (!self.request.no_log).then_some(log);
            ParallelJob { name: self.short_name(step), launch, log }
        });
        let recorder = Recorder {
            execution: self,
            steps,
            logs: &logs,
            book: Mutex::new(Book {
                notebook,
                started: steps.iter().map(|_| None).collect(),
                errors: steps.iter().map(|_| None).collect(),
            }),
        };
        let options = ParallelOptions {
            standard: self.standard(),
            width,
            keep_going: self.request.keep_going,
            timeout_ms: self.limit_ms(),
            ..ParallelOptions::default()
        };
        let results = run_parallel(jobs.collect(), options, &recorder);
        let book = recorder.book.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = book.errors.into_iter().flatten().next() {
            return Err(error);
        }
        let ended = results.into_iter().zip(book.started);
        Ok(self.first_failure(ended.zip(reports)))
    }

    /// The first that failed by itself decides, not one that was ended because of it.
    fn first_failure<'a>(
        &self,
        ended: impl Iterator<Item = ((ParallelResult, Option<StartedRun>), &'a mut RunStep)>,
    ) -> i32 {
        let (mut code, mut ended_code) = (0, 0);
        for ((result, started), report) in ended {
            let was_ended = match &result {
                ParallelResult::Ran(outcome) => outcome.stopped_by.is_some(),
                _ => true,
            };
            report.run_id = started.map(|started| started.id);
            let own = self.settle(result, report);
            let slot = if was_ended { &mut ended_code } else { &mut code };
            if *slot == 0 {
                *slot = own;
            }
        }
        if code == 0 { ended_code } else { code }
    }

    /// Reports how one of several ended.
    fn settle(&self, result: ParallelResult, report: &mut RunStep) -> i32 {
        match result {
            ParallelResult::Ran(outcome) => self.complete(report, &outcome),
            ParallelResult::Failed(error) => {
                let code = i32::from(error.exit().code());
                self.dialogue.note(&error.to_string());
                report.exit_code = Some(code);
                code
            }
            ParallelResult::Refused(_) | ParallelResult::Skipped => {
                report.skipped = Some(EARLIER_FAILED.to_owned());
                1
            }
        }
    }

    /// What stands in front of the lines of one of several.
    fn short_name(&self, step: &Step) -> String {
        match step.task {
            Some(index) => self.found.tasks[index].task.name.clone(),
            None => self.name(step),
        }
    }
}

/// Commits the first fact of each of several runs before its process starts, the second as soon as it
/// has ended.
struct Recorder<'a> {
    execution: &'a Execution<'a>,
    steps: &'a [Step],
    logs: &'a [SharedLog],
    book: Mutex<Book<'a>>,
}

/// What the recorder writes into; one job at a time.
struct Book<'a> {
    notebook: &'a mut Notebook,
    started: Vec<Option<StartedRun>>,
    errors: Vec<Option<RunError>>,
}

impl ParallelObserver for Recorder<'_> {
    fn starting(&self, index: usize) -> io::Result<()> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        match self.execution.start(&self.steps[index], book.notebook) {
            Ok(started) => book.started[index] = Some(started),
            Err(error) => {
                let refusal = io::Error::other(error.to_string());
                book.errors[index] = Some(error);
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn finished(&self, index: usize, result: &ParallelResult) {
        let log = self.logs[index].take();
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(started) = book.started[index].clone() else { return };
        let step = &self.steps[index];
        let (finish, log_error) = match result {
            ParallelResult::Ran(outcome) => (finish_of(outcome), outcome.log.error.as_ref()),
            ParallelResult::Failed(source) => {
                let refusal = Refusal::of_process(&self.execution.name(step), source);
                let step = (step, &started);
                let ended = self.execution.finish_refused(book.notebook, step, &refusal, log);
                book.errors[index] = ended.err();
                return;
            }
            ParallelResult::Refused(_) | ParallelResult::Skipped => return,
        };
        let ended = self.execution.finish(book.notebook, (step, &started), &finish, log);
        book.errors[index] = ended.err().or_else(|| {
            let source = io::Error::other(log_error?.to_string());
            let code = finish.exit_code.unwrap_or_default();
            Some(RunError::Log { task: self.execution.name(step), code, source })
        });
    }
}
