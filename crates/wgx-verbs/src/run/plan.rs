//! From words to steps: exact names or free text, then what they need, then the exact commands.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;

use contracts::wgx::{Candidate, Decision, RunReport, RunStep};
use redact::Redactor;
use wgx_tasks::files::RepoFiles;
use wgx_tasks::process::{LaunchRequest, preview};
use wgx_tasks::profile::{self, Os};
use wgx_tasks::sources::Discovery;
use wgx_tasks::task::{Invocation, Program};

use super::needs::{self, NeedsError, Reason};
use super::select::{self, Selection};
use super::{Dialogue, RunError, RunRequest, empty_report};
use crate::context::Context;
use crate::history;
use crate::notebook::{self, Notebook};
use crate::phrase::{self, PhraseContext, PhraseStep, Signals};
use crate::shown;

/// The meaning of a text for which a person chose a task.
const CHOSEN: &str = "chosen";

/// One thing to execute.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Index of the task; `None` for a plain command of `semantics`.
    pub task: Option<usize>,
    /// How it is started.
    pub invocation: Invocation,
    /// Why it is here.
    pub reason: Reason,
}

/// What the words mean.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub(super) decision: Decision,
    pub(super) steps: Vec<Step>,
    pub(super) candidates: Vec<Candidate>,
    /// Index of the task that stands for the whole; of several, the first.
    pub(super) main: Option<usize>,
    /// How free text came to its meaning.
    pub(super) meaning: Option<String>,
    /// Why free text needs a yes.
    pub(super) destructive: Option<String>,
    text: Option<String>,
}

impl Intent {
    /// The text and the index of the task that a person chose for it.
    pub(super) fn choice(&self) -> Option<(String, usize)> {
        let is_chosen = self.meaning.as_deref() == Some(CHOSEN);
        self.text.clone().zip(self.main).filter(|_| is_chosen)
    }

    pub(super) fn is_free_text(&self) -> bool {
        self.text.is_some()
    }
}

/// Understands the words.
pub(super) fn intent(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
) -> Result<Intent, RunError> {
    match select::select(&request.words, &found.tasks)? {
        Selection::Tasks(named) => Ok(Intent {
            decision: Decision::Run,
            steps: steps(context, &named, found, Reason::Named)?,
            candidates: Vec::new(),
            main: named.first().copied(),
            meaning: None,
            destructive: None,
            text: None,
        }),
        Selection::Text(text) => free_text(context, found, text),
    }
}

/// Lets a person choose among the candidates.
pub(super) fn let_choose(
    context: &Context,
    intent: &mut Intent,
    found: &Discovery,
    dialogue: &dyn Dialogue,
) -> Result<(), RunError> {
    let Some(chosen) = dialogue.choose(&intent.candidates) else { return Ok(()) };
    let Some(candidate) = intent.candidates.get(chosen) else { return Ok(()) };
    let id = candidate.task.id.clone();
    let index = found.tasks.iter().position(|task| task.task.id == id);
    let index = index.ok_or_else(|| RunError::NoSuchStep(id.clone()))?;
    intent.decision = Decision::Run;
    intent.main = Some(index);
    intent.meaning = Some(CHOSEN.to_owned());
    intent.destructive = phrase::danger_reached(index, &found.tasks).map(|danger| danger.reason);
    intent.steps = steps(context, &[index], found, Reason::Match)?;
    Ok(())
}

/// Variable that tells what the profile's `up` starts that it runs within it: the root of that `up`.
const WITHIN_UP: &str = "WGX_WITHIN_UP";

/// Whether this call was started by the profile's `up` of the same root.
pub(crate) fn is_within_up(context: &Context) -> bool {
    context.variable(WITHIN_UP).is_some_and(|root| context.root.path == Path::new(root))
}

/// The steps of named tasks with everything that they need. `up` and what it needs learn that they run
/// within it, so that a `wgx` in there does not start `up` again.
///
/// # Errors
/// When the needs cannot be put in order.
pub(crate) fn steps(
    context: &Context,
    named: &[usize],
    found: &Discovery,
    reason: Reason,
) -> Result<Vec<Step>, NeedsError> {
    let planned = match is_within_up(context) {
        true => needs::order_within_up(named, &found.tasks, reason)?,
        false => needs::order(named, &found.tasks, reason)?,
    };
    let step = |planned: &needs::Planned| Step {
        task: Some(planned.index),
        invocation: found.tasks[planned.index].invocation.clone(),
        reason: planned.reason,
    };
    let mut steps: Vec<Step> = planned.iter().map(step).collect();
    let up = planned.iter().rposition(|planned| needs::is_up(&found.tasks[planned.index]));
    for step in steps.iter_mut().take(up.map_or(0, |up| up + 1)) {
        step.invocation.env.push(within_up(&found.root));
    }
    Ok(steps)
}

/// The variable for what `up` starts.
pub(crate) fn within_up(root: &Path) -> (String, String) {
    (WITHIN_UP.to_owned(), root.to_string_lossy().into_owned())
}

fn free_text(context: &Context, found: &Discovery, text: String) -> Result<Intent, RunError> {
    refuse_broken_files(found, &text)?;
    let words = words_of_profile(found);
    let mut notebook = Notebook::read(context)?;
    let past = match &mut notebook {
        Some(notebook) => history::of_repository(context, notebook)?,
        None => history::History::default(),
    };
    let outcome = phrase::resolve(
        &text,
        &PhraseContext {
            tasks: &found.tasks,
            synonyms: &words.synonyms,
            semantics: &words.semantics,
            learned: &past.learned,
            history: &past.tasks,
            signals: Signals::default(),
        },
    );
    let candidates = outcome.candidates.iter().map(|candidate| Candidate {
        task: found.tasks[candidate.task].task.clone(),
        score: candidate.score,
        why: candidate.why.clone(),
    });
    let mut intent = Intent {
        decision: outcome.decision,
        steps: Vec::new(),
        candidates: candidates.collect(),
        main: None,
        meaning: outcome.meaning.map(|meaning| meaning.as_str().to_owned()),
        destructive: outcome.destructive,
        text: Some(text),
    };
    // A choice among what can only be looked at is none; the candidates stay as what is near.
    if !intent.candidates.iter().any(|candidate| candidate.task.runnable) && outcome.set.is_empty()
    {
        intent.decision = Decision::None;
        intent.meaning = None;
    }
    if intent.decision == Decision::Run {
        intent.main = outcome.candidates.first().map(|candidate| candidate.task);
        intent.steps = match outcome.set.is_empty() {
            true => steps(context, intent.main.as_slice(), found, Reason::Match)?,
            false => set_steps(context, &outcome.set, found)?,
        };
    }
    Ok(intent)
}

/// With a file that could not be read, a text might mean what stands there.
fn refuse_broken_files(found: &Discovery, text: &str) -> Result<(), RunError> {
    let Some(note) = found.notes.iter().find(|note| note.broken) else { return Ok(()) };
    Err(RunError::BrokenFile {
        words: text.to_owned(),
        file: note.file.clone(),
        line: note.line,
        reason: note.reason.clone(),
    })
}

#[derive(Default)]
struct ProfileWords {
    synonyms: BTreeMap<String, Vec<String>>,
    /// Phrases that mean a set, among them the names of workflows.
    semantics: BTreeMap<String, Vec<String>>,
}

fn words_of_profile(found: &Discovery) -> ProfileWords {
    let loaded =
        RepoFiles::new(&found.root).ok().and_then(|files| profile::load(&files, "", Os::current()));
    let Some(loaded) = loaded else { return ProfileWords::default() };
    // A step of a phrase that is no task is a command; a step of a workflow never is.
    let is_task = |name: &String| {
        let selected = select::select(std::slice::from_ref(name), &found.tasks);
        matches!(selected, Ok(Selection::Tasks(_)))
    };
    let tasks_of = |workflow: profile::Workflow| {
        let tasks: Vec<String> = workflow.tasks.into_iter().map(|task| task.name).collect();
        tasks.iter().all(is_task).then_some((workflow.name, tasks))
    };
    let workflows = loaded.profile.workflows.into_iter().filter_map(tasks_of);
    let semantics = loaded.profile.semantics.into_iter();
    let semantics = semantics.map(|semantic| (semantic.phrase, semantic.steps));
    ProfileWords {
        synonyms: loaded.profile.synonyms,
        semantics: workflows.chain(semantics).collect(),
    }
}

fn set_steps(
    context: &Context,
    set: &[PhraseStep],
    found: &Discovery,
) -> Result<Vec<Step>, RunError> {
    let mut all: Vec<Step> = Vec::new();
    for step in set {
        match step {
            PhraseStep::Task(index) => {
                let with_needs = steps(context, &[*index], found, Reason::Semantics)?;
                let new = |step: &Step| step.reason == Reason::Semantics || !all.contains(step);
                let new: Vec<Step> = with_needs.into_iter().filter(new).collect();
                all.extend(new);
            }
            PhraseStep::Command(command) => all.push(Step {
                task: None,
                invocation: Invocation::of(Program::Shell(command.clone())),
                reason: Reason::Semantics,
            }),
        }
    }
    Ok(all)
}

/// The report before anything has run. Values that look like secrets are masked.
pub(super) fn report(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    intent: &Intent,
) -> RunReport {
    let mut report = report_of_steps(context, request, found, &intent.steps);
    report.decision = intent.decision;
    report.candidates.clone_from(&intent.candidates);
    report.meaning.clone_from(&intent.meaning);
    report.task = intent.main.map(|index| found.tasks[index].task.clone());
    report.needs_confirmation = intent.destructive.is_some() && !request.yes;
    shown::run(&mut report);
    report
}

/// The part of a report that the steps alone decide.
pub(super) fn report_of_steps(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    steps: &[Step],
) -> RunReport {
    let redactor = OnceCell::new();
    let mut report = empty_report(Decision::Run);
    report.steps =
        steps.iter().map(|step| planned_step(context, request, found, (step, &redactor))).collect();
    let first = report.steps.iter().find(|step| main_reason(&step.reason));
    if let Some(step) = first.or(report.steps.first()).cloned() {
        report.command = step.command;
        report.cwd = Some(step.cwd);
        report.environment = step.environment;
    }
    shown::run(&mut report);
    report
}

/// Whether a step is what was asked for, not only needed by it.
fn main_reason(reason: &str) -> bool {
    reason != Reason::Needs.as_str() && reason != Reason::Up.as_str()
}

fn planned_step(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    (step, redactor): (&Step, &OnceCell<Redactor>),
) -> RunStep {
    let launch = preview(launch_request(context, request, found, step)).ok();
    let mut planned = RunStep {
        task: step.task.map(|index| found.tasks[index].task.id.clone()),
        command: Vec::new(),
        cwd: folder(found, step),
        environment: contracts::wgx::EnvironmentChanges::default(),
        reason: step.reason.as_str().to_owned(),
        skipped: None,
        run_id: None,
        exit_code: None,
        duration_ms: None,
        timed_out: false,
    };
    if let Some(launch) = launch {
        planned.command = launch.command();
        planned.environment = launch.changes();
        for (name, value) in &mut planned.environment.set {
            let redactor = redactor.get_or_init(|| notebook::passing_redactor(context));
            *value = redactor.mask_env(name, value);
        }
    }
    planned
}

fn folder(found: &Discovery, step: &Step) -> String {
    let path = match step.invocation.dir.as_str() {
        "" | "." => found.root.clone(),
        dir => found.root.join(dir),
    };
    path.to_string_lossy().into_owned()
}

/// What is needed to start a step; the person's arguments go to what they named.
pub(super) fn launch_request<'a>(
    context: &'a Context,
    request: &'a RunRequest,
    found: &'a Discovery,
    step: &'a Step,
) -> LaunchRequest<'a> {
    const NONE: &[OsString] = &[];
    let args = if main_reason(step.reason.as_str()) { &request.args[..] } else { NONE };
    LaunchRequest {
        invocation: &step.invocation,
        root: &found.root,
        args,
        environment: &context.environment,
    }
}

/// The id of a step's task, or its command (arguments of a vector joined by spaces).
pub(super) fn step_name(found: &Discovery, step: &Step) -> String {
    match (&step.invocation.program, step.task) {
        (_, Some(index)) => found.tasks[index].task.id.clone(),
        (Program::Shell(command), None) => format!("command:{command}"),
        (Program::Argv { argv, .. }, None) => format!("command:{}", argv.join(" ")),
        _ => "command".to_owned(),
    }
}

/// The source of a step's task, or `command`.
pub(super) fn step_source(found: &Discovery, step: &Step) -> &'static str {
    step.task.map_or("command", |index| found.tasks[index].task.source.as_str())
}

/// Whether a step only prepares what was asked for.
pub(crate) fn is_need(step: &Step) -> bool {
    matches!(step.reason, Reason::Needs | Reason::Up)
}
