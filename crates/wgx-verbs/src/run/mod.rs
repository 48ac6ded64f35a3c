//! `wgx run`: from words to an exit code, recorded.
//!
//! Words become tasks ([`select`], or free text), tasks a plan ([`needs`]), the plan steps that are
//! executed and recorded . With `--dry-run` everything but the last happens.

mod artefacts;
mod execute;
mod log;
pub mod needs;
mod plan;
pub(crate) mod refusal;
mod requires;
pub mod select;
mod together;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::time::Instant;

use contracts::wgx::run::SCHEMA;
use contracts::wgx::{Candidate, Decision, EnvironmentChanges, RunReport, RunStep, TaskSource};
use memory::StoreError;
use wgx_tasks::process::{LaunchError, OwnExit, RunError as ProcessError};
use wgx_tasks::sources::Discovery;

use crate::context::Context;
use crate::history;
use crate::list::{self, ListRequest};
use crate::notebook::NotebookError;
use crate::trust::{self, TrustError};

pub use execute::EARLIER_FAILED;
pub(crate) use execute::{TIME_OVER, unchanged};
pub use needs::Reason;
pub use plan::Step;
pub(crate) use plan::{is_need, is_within_up, steps, within_up};

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct RunRequest {
    /// Exact names or ids, or one free text.
    pub words: Vec<String>,
    /// What goes on to the tasks (after `--`).
    pub args: Vec<OsString>,
    /// Only show what would happen.
    pub dry_run: bool,
    /// Answers every question with yes (trust, destructive tasks, packages).
    pub yes: bool,
    /// The named tasks run at the same time, at most so many; needs run one after another before.
    pub parallel: Option<NonZeroUsize>,
    /// With `parallel`: one failure does not end the others.
    pub keep_going: bool,
    /// Time limit of each task in milliseconds.
    pub timeout_ms: Option<u64>,
    /// When all steps together must have ended: the one that runs then is stopped, the others do not start.
    pub deadline: Option<Instant>,
    /// The task inherits all three streams; nothing is logged.
    pub no_log: bool,
    /// The task's standard output goes to standard error, since a report goes to standard output.
    pub to_stderr: bool,
    /// Needs run even when their fingerprint is unchanged.
    pub force_needs: bool,
}

/// What the verb says and asks while it works. A face shows it on standard error.
pub trait Dialogue: Sync {
    /// Free text was understood, or a set is about to run.
    fn chosen(&self, report: &RunReport);
    /// A step begins.
    fn starting(&self, step: &RunStep);
    /// Something a person should know.
    fn note(&self, text: &str);
    /// Asks a question that can be answered with yes or no; `None` when nobody answers.
    fn answer(&self, question: &str) -> Option<bool>;
    /// Asks a question that only a clear yes answers with yes.
    fn confirm(&self, question: &str) -> bool {
        self.answer(question) == Some(true)
    }
    /// Lets a person choose; `None` when nobody does.
    fn choose(&self, candidates: &[Candidate]) -> Option<usize>;
}

/// Why nothing ran, or its end is not recorded.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// The words are not tasks.
    #[error(transparent)]
    Select(#[from] select::SelectError),
    /// What the task needs cannot be put in order.
    #[error(transparent)]
    Needs(#[from] needs::NeedsError),
    /// A task file is broken, so nobody can say what the words mean.
    #[error(
        "no task is called `{words}`, and {file}{} cannot be read whole: {reason}",
        line.map(|line| format!(":{line}")).unwrap_or_default()
    )]
    BrokenFile {
        /// What was asked for.
        words: String,
        /// The file.
        file: String,
        /// Its line, where known.
        line: Option<u32>,
        /// What is wrong.
        reason: String,
    },
    /// A task cannot be started.
    #[error("`{task}` cannot be started: {source}")]
    Launch {
        /// Its id.
        task: String,
        /// Why.
        source: LaunchError,
    },
    /// The system refused while a task ran.
    #[error("`{task}`: {source}")]
    Process {
        /// Its id.
        task: String,
        /// Why.
        source: ProcessError,
    },
    /// The task ran, but its log could not be kept whole.
    #[error("`{task}` ended with {code}, but its log could not be kept: {source}")]
    Log {
        /// Its id.
        task: String,
        /// Its exit code.
        code: i32,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The run could not be recorded.
    #[error("the run could not be recorded: {0}")]
    Record(#[from] NotebookError),
    /// Trust could not be looked up.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A task was chosen that is not there any more.
    #[error("`{0}` is not a task here any more")]
    NoSuchStep(String),
}

impl From<StoreError> for RunError {
    fn from(error: StoreError) -> Self {
        Self::Record(error.into())
    }
}

impl RunError {
    /// The exit code: wgx's own, or 2 for a wrong call.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Select(_) => 2,
            Self::Root(_) | Self::Needs(_) | Self::BrokenFile { .. } | Self::NoSuchStep(_) => {
                OwnExit::BadTaskFile.code()
            }
            Self::Launch { source, .. } => source.exit().code(),
            Self::Process { source, .. } => source.exit().code(),
            Self::Record(_) | Self::Log { .. } => OwnExit::NotRecorded.code(),
            Self::Trust(_) => OwnExit::NeedsConfirmationOrTrust.code(),
        }
    }

    /// The file that is at fault, relative to the root, and its line.
    pub fn place(&self) -> Option<(String, Option<u32>)> {
        match self {
            Self::BrokenFile { file, line, .. } => Some((file.clone(), *line)),
            Self::Needs(needs::NeedsError::Missing { file, line, .. }) => {
                Some((file.clone(), Some(*line)))
            }
            _ => None,
        }
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Select(error) => error.hint().to_owned(),
            Self::Needs(_) => "correct `needs` in the profile".to_owned(),
            Self::Root(_) => "name a readable folder with -C".to_owned(),
            Self::BrokenFile { .. } => "`wgx list` shows what could be read".to_owned(),
            Self::Launch { source, .. } => source.hint().to_owned(),
            Self::Process { .. } => "try again; `--no-log` needs less of the system".to_owned(),
            Self::Record(error) => error.hint().to_owned(),
            Self::Log { .. } => "free some space below HAUSKI_HOME".to_owned(),
            Self::Trust(error) => error.hint().to_owned(),
            Self::NoSuchStep(_) => "`wgx list` shows the tasks; try again".to_owned(),
        }
    }
}

/// Runs tasks, or shows what would run.
///
/// # Errors
/// When nothing could be started, or the start or end of a run could not be recorded.
pub fn run(
    context: &Context,
    request: &RunRequest,
    dialogue: &dyn Dialogue,
) -> Result<RunReport, RunError> {
    let found = discover(context, request)?;
    let mut intent = plan::intent(context, request, &found)?;
    if intent.decision == Decision::Choose && !request.dry_run {
        plan::let_choose(context, &mut intent, &found, dialogue)?;
    }
    let mut report = plan::report(context, request, &found, &intent);
    if intent.decision != Decision::Run || request.dry_run {
        trust::mark(context, &intent.steps, &mut report)?;
        leave_out_up(request, &intent.steps, &mut report);
        execute::foresee(context, request, &found, &intent.steps, &mut report)?;
        return Ok(report);
    }
    if intent.is_free_text() {
        dialogue.chosen(&report);
    }
    if !confirmed(request, &intent, &mut report, dialogue) {
        return Ok(report);
    }
    let choice = intent.choice();
    let report = start(context, request, &found, intent.steps, (report, dialogue))?;
    if let Some((text, index)) = choice {
        remember(context, &text, (&found.tasks[index].task.id, &report), dialogue);
    }
    Ok(report)
}

/// A choice becomes a meaning of its text once the chosen task was started and ended green.
fn remember(
    context: &Context,
    text: &str,
    (id, report): (&str, &RunReport),
    dialogue: &dyn Dialogue,
) {
    let is_green = |step: &RunStep| step.task.as_deref() == Some(id) && step.exit_code == Some(0);
    if !report.steps.iter().any(|step| step.run_id.is_some() && is_green(step)) {
        return;
    }
    if let Err(error) = history::remember_choice(context, text, id) {
        dialogue.note(&format!("the choice is not remembered: {error}"));
    }
}

/// Runs steps that another verb chose.
///
/// # Errors
/// As [`run`].
pub fn run_steps(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    steps: Vec<Step>,
    dialogue: &dyn Dialogue,
) -> Result<RunReport, RunError> {
    let report = plan::report_of_steps(context, request, found, &steps);
    start(context, request, found, steps, (report, dialogue))
}

/// Says of an implied `up` that alone waits for trust, and of what it needs, that they would be left out.
fn leave_out_up(request: &RunRequest, steps: &[Step], report: &mut RunReport) {
    let Some(up) = trust::up_that_waits_alone(steps) else { return };
    if request.yes || report.needs_trust.is_empty() {
        return;
    }
    for step in &mut report.steps[..=up] {
        step.skipped = Some("the repository is not trusted".to_owned());
    }
}

fn start(
    context: &Context,
    request: &RunRequest,
    found: &Discovery,
    mut steps: Vec<Step>,
    (mut report, dialogue): (RunReport, &dyn Dialogue),
) -> Result<RunReport, RunError> {
    if !trust::allow(context, request, &mut steps, (&mut report, dialogue))? {
        return Ok(report);
    }
    let to_run = execute::those_to_run(context, request, found, &steps)?;
    let missing = requires::settle(context, request, found, &to_run, dialogue);
    if !missing.is_empty() {
        for step in &mut steps {
            step.invocation.env.push((requires::MISSING.to_owned(), missing.clone()));
        }
    }
    execute::execute(context, request, found, &steps, (report, dialogue))
}

/// Words that look like ids of nested or Markdown tasks make discovery look there too.
fn discover(context: &Context, request: &RunRequest) -> Result<Discovery, RunError> {
    let plain = list::discover(context, &ListRequest::default())?;
    let is_id = |word: &String| {
        word.split_once(':').is_some_and(|(source, _)| TaskSource::from_name(source).is_some())
    };
    let unknown = |word: &String| !plain.tasks.iter().any(|found| found.task.id == **word);
    if !request.words.iter().any(|word| is_id(word) && unknown(word)) {
        return Ok(plain);
    }
    let deep = ListRequest { deep: true, markdown: true, ..ListRequest::default() };
    Ok(list::discover(context, &deep)?)
}

/// Destructive tasks that free text found start only after a yes.
fn confirmed(
    request: &RunRequest,
    intent: &plan::Intent,
    report: &mut RunReport,
    dialogue: &dyn Dialogue,
) -> bool {
    let Some(reason) = &intent.destructive else { return true };
    if request.yes || dialogue.confirm(&format!("{reason}. Start it?")) {
        report.needs_confirmation = false;
        return true;
    }
    report.exit_code = Some(i32::from(OwnExit::NeedsConfirmationOrTrust.code()));
    false
}

/// A report with nothing in it yet.
fn empty_report(decision: Decision) -> RunReport {
    RunReport {
        schema: SCHEMA.to_owned(),
        decision,
        task: None,
        candidates: Vec::new(),
        command: Vec::new(),
        cwd: None,
        environment: EnvironmentChanges::default(),
        steps: Vec::new(),
        needs_confirmation: false,
        needs_trust: Vec::new(),
        meaning: None,
        exit_code: None,
    }
}
