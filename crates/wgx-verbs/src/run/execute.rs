//! Executing the steps of a plan: one after another or at the same time, each one recorded.
//!
//! The first fact of a run is committed before its process starts, the second before this returns.

use std::time::Instant;

use contracts::wgx::{RunReport, RunStep};
use memory::{RunFinish, RunStart, StartedRun};
use wgx_tasks::process::{
    Launch, LogSink, Outcome, OwnExit, RunOptions, Standard, Stream, launch, run as run_process,
    signal_exit_code,
};
use wgx_tasks::sources::Discovery;
use wgx_tasks::task::FoundTask;

use super::artefacts::{self, Collected};
use super::log::RunLog;
use super::plan::{self, Step};
use super::refusal::Refusal;
use super::{Dialogue, Reason, RunError, RunRequest};
use crate::context::Context;
use crate::guard::watch::LAST_DIFF;
use crate::notebook::Notebook;
use crate::observe::{NeedFingerprint, Scene};

/// Why a step did not start: one before it, or beside it, did not end well.
pub const EARLIER_FAILED: &str = "an earlier step failed";
/// Why a step did not start: the time for all of them was over.
pub(crate) const TIME_OVER: &str = "the time for all steps is over";
const UNCHANGED: &str = "unchanged";

/// Everything that executing a step needs.
pub(super) struct Execution<'a> {
    context: &'a Context,
    pub(super) request: &'a RunRequest,
    pub(super) found: &'a Discovery,
    pub(super) dialogue: &'a dyn Dialogue,
    scene: Scene,
}

/// Executes the steps and completes the report.
pub(super) fn execute(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    steps: &[Step],
    (mut report, dialogue): (RunReport, &dyn Dialogue),
) -> Result<RunReport, RunError> {
    let mut notebook = Notebook::write(context)?;
    notebook.mask_too(context, steps.iter().flat_map(variables));
    let tasks = steps.iter().filter_map(|step| step.task).map(|index| &found.tasks[index]);
    let scene = Scene::observe(context, &found.root, tasks, &mut notebook)?;
    let execution = Execution { context, request, found, dialogue, scene };
    let first_named = match request.parallel {
        Some(_) => steps.iter().position(|step| !plan::is_need(step)).unwrap_or(steps.len()),
        None => steps.len(),
    };
    let (before, together) = steps.split_at(first_named);
    let (before_reports, together_reports) = report.steps.split_at_mut(first_named);
    let mut code = execution.in_order(before, before_reports, &mut notebook)?;
    if let Some(width) = request.parallel
        && !together.is_empty()
    {
        if code == 0 {
            code = execution.together(together, together_reports, &mut notebook, width)?;
        } else {
            skip(together_reports);
        }
    }
    notebook.close();
    report.exit_code = Some(code);
    Ok(report)
}

/// Marks the needs that would be skipped because nothing changed. Starts no task and records nothing.
pub(super) fn foresee(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    steps: &[Step],
    report: &mut RunReport,
) -> Result<(), RunError> {
    if request.force_needs {
        return Ok(());
    }
    let unchanged = unchanged(context, found, steps)?;
    for (step, unchanged) in report.steps.iter_mut().zip(unchanged) {
        if unchanged && step.skipped.is_none() {
            step.skipped = Some(UNCHANGED.to_owned());
        }
    }
    Ok(())
}

/// Which of the steps are needs that were green with all that they stand on as it is. Starts no task and
/// records nothing.
pub(crate) fn unchanged(
    context: &Context,
    found: &Discovery,
    steps: &[Step],
) -> Result<Vec<bool>, RunError> {
    let mut unchanged = vec![false; steps.len()];
    if !steps.iter().any(plan::is_need) {
        return Ok(unchanged);
    }
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(unchanged) };
    let tasks = steps.iter().filter_map(|step| step.task).map(|index| &found.tasks[index]);
    let scene = Scene::observe(context, &found.root, tasks, &mut notebook)?;
    for (step, unchanged) in steps.iter().zip(&mut unchanged) {
        let Some(index) = step.task.filter(|_| plan::is_need(step)) else { continue };
        let fingerprint = fingerprint_of(&scene, step.reason, &found.tasks[index]);
        *unchanged = match fingerprint {
            Some(fingerprint) => scene.is_unchanged(&mut notebook, &fingerprint)?,
            None => false,
        };
    }
    Ok(unchanged)
}

/// The steps that will run, as far as it matters for what they require.
pub(super) fn those_to_run<'a>(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    steps: &'a [Step],
) -> Result<Vec<&'a Step>, RunError> {
    let requires = |step: &Step| {
        let task = step.task.filter(|_| plan::is_need(step));
        task.is_some_and(|index| !found.tasks[index].requires.is_empty())
    };
    if request.force_needs || !steps.iter().any(requires) {
        return Ok(steps.iter().collect());
    }
    let unchanged = unchanged(context, found, steps)?;
    Ok(steps.iter().zip(unchanged).filter_map(|(step, same)| (!same).then_some(step)).collect())
}

/// What a step's declaration puts into its environment.
fn variables(step: &Step) -> impl Iterator<Item = (&str, &str)> {
    let all = step.invocation.env_defaults.iter().chain(&step.invocation.env);
    all.map(|(name, value)| (name.as_str(), value.as_str()))
}

fn skip(reports: &mut [RunStep]) {
    for report in reports {
        report.skipped = Some(EARLIER_FAILED.to_owned());
    }
}

impl Execution<'_> {
    fn in_order(
        &self,
        steps: &[Step],
        reports: &mut [RunStep],
        notebook: &mut Notebook,
    ) -> Result<i32, RunError> {
        for (at, step) in steps.iter().enumerate() {
            let fingerprint = self.fingerprint(step);
            if let Some(fingerprint) = &fingerprint
                && !self.request.force_needs
                && self.scene.is_unchanged(notebook, fingerprint)?
            {
                reports[at].skipped = Some(UNCHANGED.to_owned());
                continue;
            }
            if self.limit_ms() == Some(0) {
                reports[at..].iter_mut().for_each(|report| {
                    report.skipped = Some(TIME_OVER.to_owned());
                });
                return Ok(i32::from(OwnExit::TimeLimit.code()));
            }
            let code = self.one(step, &mut reports[at], notebook)?;
            if code != 0 {
                skip(&mut reports[at + 1..]);
                return Ok(code);
            }
            if let Some(fingerprint) = fingerprint {
                self.scene.remember_fingerprint(notebook, &fingerprint)?;
            }
        }
        Ok(0)
    }

    /// The time limit of a step that starts now: its own, or what is left for all of them.
    pub(super) fn limit_ms(&self) -> Option<u64> {
        let left = self.request.deadline.map(|deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            u64::try_from(left.as_millis()).unwrap_or(u64::MAX)
        });
        [self.request.timeout_ms, left].into_iter().flatten().min()
    }

    /// Needs have a fingerprint: they are skipped while nothing changed since they were last green.
    fn fingerprint(&self, step: &Step) -> Option<NeedFingerprint> {
        let index = step.task.filter(|_| plan::is_need(step))?;
        fingerprint_of(&self.scene, step.reason, &self.found.tasks[index])
    }

    fn one(
        &self,
        step: &Step,
        report: &mut RunStep,
        notebook: &mut Notebook,
    ) -> Result<i32, RunError> {
        let launch = match self.launch(step) {
            Ok(launch) => launch,
            Err(error) => return Err(self.refused((step, report), notebook, error)),
        };
        let mut log = self.open_log(notebook);
        let started = self.start(step, notebook)?;
        report.run_id = Some(started.id.clone());
        self.dialogue.starting(report);
        let options = RunOptions {
            standard: self.standard(),
            log: log.as_mut().map(|log| log as &mut (dyn LogSink + Send)),
            inherit: self.request.no_log,
            timeout_ms: self.limit_ms(),
            ..RunOptions::default()
        };
        let ended = run_process(&launch, options);
        let outcome = match ended {
            Ok(outcome) => outcome,
            Err(source) => {
                let error = RunError::Process { task: self.name(step), source };
                self.finish_refused(notebook, (step, &started), &Refusal::of(&error), log)?;
                return Err(error);
            }
        };
        self.finish(notebook, (step, &started), &finish_of(&outcome), log)?;
        let code = self.complete(report, &outcome);
        match outcome.log.error {
            Some(source) => Err(RunError::Log { task: self.name(step), code, source }),
            None => Ok(code),
        }
    }

    pub(super) fn complete(&self, report: &mut RunStep, outcome: &Outcome) -> i32 {
        let code = outcome.exit_code();
        report.exit_code = Some(code);
        report.duration_ms = Some(outcome.duration_ms);
        report.timed_out = outcome.timed_out;
        if outcome.timed_out {
            self.dialogue.note("the time limit is over; the task and all it started were ended");
        }
        match outcome.stopped_by {
            Some(signal) if code == 0 => signal_exit_code(signal),
            _ => code,
        }
    }

    pub(super) fn launch(&self, step: &Step) -> Result<Launch, RunError> {
        let request = plan::launch_request(self.context, self.request, self.found, step);
        let launch =
            launch(request).map_err(|source| RunError::Launch { task: self.name(step), source })?;
        if launch.arguments_unused {
            let name = self.name(step);
            self.dialogue.note(&format!("`{name}` is a script that reads no arguments"));
        }
        Ok(launch)
    }

    /// A task that cannot be executed is a run too, one that ended at once: the memory learns that it
    /// failed, and why. Returns what is wrong; where that cannot be recorded, that is what is wrong.
    pub(super) fn refused(
        &self,
        (step, report): (&Step, &mut RunStep),
        notebook: &mut Notebook,
        error: RunError,
    ) -> RunError {
        let refusal = Refusal::of(&error);
        if !refusal.is_remembered() {
            return error;
        }
        match self.record_refusal((step, report), notebook, &refusal) {
            Ok(()) => error,
            Err(record) => record,
        }
    }

    fn record_refusal(
        &self,
        (step, report): (&Step, &mut RunStep),
        notebook: &mut Notebook,
        refusal: &Refusal,
    ) -> Result<(), RunError> {
        let log = self.open_log(notebook);
        let started = self.start(step, notebook)?;
        report.run_id = Some(started.id.clone());
        report.exit_code = Some(i32::from(refusal.code));
        self.finish_refused(notebook, (step, &started), refusal, log)
    }

    /// Records the end of a run that never ran: its log says why, and a policy event what stood in its way.
    pub(super) fn finish_refused(
        &self,
        notebook: &mut Notebook,
        (step, started): (&Step, &StartedRun),
        refusal: &Refusal,
        mut log: Option<RunLog>,
    ) -> Result<(), RunError> {
        let code = i32::from(refusal.code);
        if let Some(log) = &mut log {
            log.write(Stream::Error, refusal.log_text().as_bytes())
                .map_err(|source| RunError::Log { task: self.name(step), code, source })?;
        }
        self.finish(notebook, (step, started), &never_ran(code), log)?;
        let place = step.task.map(|index| &self.found.tasks[index].task);
        let place = place.map(|task| format!("{}:{}", task.file, task.line));
        if let Some(event) = refusal.event(started, place) {
            notebook.with(async |store| store.record_policy_events(&[event]).await)?;
        }
        Ok(())
    }

    pub(super) fn start(
        &self,
        step: &Step,
        notebook: &mut Notebook,
    ) -> Result<StartedRun, RunError> {
        let start = RunStart {
            repo: self.scene.repo.clone(),
            environment: self.scene.environment.clone(),
            task: self.name(step),
            source: plan::step_source(self.found, step).to_owned(),
            args: notebook.redactor().mask_args(&self.request.args),
            cwd: step.invocation.dir.clone(),
            reason: step.reason.as_str().to_owned(),
            parent_run: None,
        };
        Ok(notebook.with(async |store| store.start_run(&start).await)?)
    }

    /// Records the end of a run, without its log where that could not be kept; then says so.
    pub(super) fn finish(
        &self,
        notebook: &mut Notebook,
        (step, started): (&Step, &StartedRun),
        finish: &RunFinish,
        log: Option<RunLog>,
    ) -> Result<(), RunError> {
        let (log, log_error) = match log.map(RunLog::finish).transpose() {
            Ok(log) => (log, None),
            Err(error) => (None, Some(error)),
        };
        let Collected { artefacts, gaps } = self.artefacts(notebook, step, finish);
        let finish = RunFinish { log, artefacts, artefact_gaps: gaps, ..finish.clone() };
        notebook.with(async |store| store.finish_run(started, &finish).await)?;
        let Some(source) = log_error else { return Ok(()) };
        let code = finish.exit_code.unwrap_or_default();
        Err(RunError::Log { task: self.name(step), code, source })
    }

    /// What a green run made, as its task declares it.
    fn artefacts(&self, notebook: &Notebook, step: &Step, finish: &RunFinish) -> Collected {
        let task = step.task.map(|index| &self.found.tasks[index]);
        let declares = |task: &&FoundTask| !task.artifacts.is_empty();
        let Some(task) = task.filter(declares).filter(|_| finish.exit_code == Some(0)) else {
            return Collected::default();
        };
        let collected = artefacts::collect(&self.found.root, task, notebook.store());
        if let Some(note) = collected.note(&task.task.id) {
            self.dialogue.note(&note);
        }
        collected
    }

    pub(super) fn open_log(&self, notebook: &Notebook) -> Option<RunLog> {
        (!self.request.no_log).then(|| RunLog::new(notebook.store().log_writer()))
    }

    pub(super) fn standard(&self) -> Standard<'static> {
        let own = Standard::own();
        if self.request.to_stderr { Standard { stdout: own.stderr, ..own } } else { own }
    }

    pub(super) fn name(&self, step: &Step) -> String {
        plan::step_name(self.found, step)
    }
}

fn fingerprint_of(scene: &Scene, reason: Reason, task: &FoundTask) -> Option<NeedFingerprint> {
    match reason {
        Reason::Up => Some(scene.up_fingerprint(task)),
        _ => scene.need_fingerprint(task),
    }
}

pub(super) fn finish_of(outcome: &Outcome) -> RunFinish {
    RunFinish {
        exit_code: Some(outcome.exit_code()),
        signal: outcome.signal,
        duration_ms: outcome.duration_ms,
        guard_diff_key: Some(LAST_DIFF),
        ..RunFinish::default()
    }
}

fn never_ran(code: i32) -> RunFinish {
    RunFinish { exit_code: Some(code), guard_diff_key: Some(LAST_DIFF), ..RunFinish::default() }
}
