//! `wgx validate` for a repository as it is: the profile from its files, the declared checks as recorded
//! runs, the receipt where it was asked for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::wgx::validate::{ProfileProblem, ReceiptRepository, SCHEMA, ValidateReport};
use jiff::Timestamp;
use memory::NewPolicyEvent;
use redact::Redactor;
use wgx_tasks::files::RepoFiles;
use wgx_tasks::git::{Fact, Git, Repository};
use wgx_tasks::process::Limits;
use wgx_tasks::profile::{self, LoadedProfile, Os};
use wgx_tasks::sources::Discovery;
use wgx_tasks::task::FoundTask;

use super::{
    CheckEnd, CheckLevel, CheckRequest, CheckRunner, IdentityFacts, NotDeclared, ReceiptError,
    plan, read_receipt, run_checks, validate, verify_receipt, write_receipt,
};
use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::machine;
use crate::notebook::{self, Notebook, NotebookError};
use crate::observe;
use crate::run::{self, Dialogue, Reason, RunError, RunRequest};

/// How long git may take to tell the state of the work tree, in milliseconds.
const GIT_TIMEOUT_MS: u64 = 30_000;
/// Exit codes of a check that a person or the system stopped (SIGHUP, SIGINT, SIGQUIT, SIGTERM).
const STOPPED: [i32; 4] = [129, 130, 131, 143];

/// What to validate.
#[derive(Clone, Debug, Default)]
pub struct HereRequest {
    /// Also run the declared checks of this level.
    pub level: Option<CheckLevel>,
    /// Time limit of each check in seconds; `None` for the level's default.
    pub timeout_seconds: Option<u64>,
    /// Only show which checks would run.
    pub dry_run: bool,
    /// Where the receipt goes; absolute.
    pub output: Option<PathBuf>,
    /// What the checks need starts although the repository is not trusted.
    pub yes: bool,
    /// Output of the checks goes to standard error, since the report goes to standard output.
    pub to_stderr: bool,
}

/// Why nothing can be said, or the receipt is missing.
#[derive(Debug, thiserror::Error)]
pub enum HereError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// There are no such checks.
    #[error(transparent)]
    NotDeclared(#[from] NotDeclared),
    /// The receipt cannot be written or read.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// A check could not be recorded.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A person or the system stopped the checks; there is no receipt.
    #[error("stopped while the check {check} ran; no receipt was written")]
    Stopped {
        /// The check.
        check: String,
        /// 128+N.
        code: u8,
    },
}

impl HereError {
    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Root(_) => "name a readable folder with -C".to_owned(),
            Self::NotDeclared(error) => error.hint(),
            Self::Receipt(error) => error.hint().to_owned(),
            Self::Run(error) => error.hint(),
            Self::Stopped { .. } => "run it again to the end".to_owned(),
        }
    }

    /// The exit code of the verb.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Root(_) | Self::Run(_) => 1,
            Self::NotDeclared(_) => 2,
            Self::Receipt(_) => 3,
            Self::Stopped { code, .. } => *code,
        }
    }
}

/// Judges the profile of the context's repository and, where asked, runs its checks. Errors of the
/// profile are remembered.
///
/// # Errors
/// When the repository cannot be read, the checks are not declared, were stopped or cannot be recorded,
/// or the receipt cannot be written.
pub fn validate_here(
    context: &Context,
    request: &HereRequest,
    dialogue: &dyn Dialogue,
) -> Result<ValidateReport, HereError> {
    let files = RepoFiles::new(&context.root.path)?;
    let loaded = profile::load(&files, "", Os::current());
    let mut report = validate(loaded.as_ref());
    if let (Some(level), Some(loaded)) = (request.level, &loaded) {
        report = match request.dry_run {
            true => ValidateReport { plan: plan(&loaded.profile, level)?, ..report },
            false => checks(context, request, (loaded, level), dialogue)?,
        };
    }
    if !request.dry_run
        && let Err(error) = remember(context, &report)
    {
        dialogue.note(&format!("the outcome is not remembered: {error}"));
    }
    if let (Some(path), Some(receipt)) = (&request.output, &report.receipt) {
        write_receipt(path, receipt)?;
        report.receipt_file = Some(path.display().to_string());
    }
    Ok(report)
}

/// Checks the digests of a receipt.
///
/// # Errors
/// When the file cannot be read or is not JSON. A receipt that was changed is a problem of the report.
pub fn verify(path: &Path) -> Result<ValidateReport, ReceiptError> {
    let value = read_receipt(path)?;
    let fault = verify_receipt(&value).err();
    let problem = fault.map(|fault| ProfileProblem {
        code: "receipt".to_owned(),
        severity: "error".to_owned(),
        file: path.display().to_string(),
        line: None,
        message: fault.to_string(),
        hint: "take the receipt from where it was written, or run the checks again".to_owned(),
    });
    Ok(ValidateReport {
        schema: SCHEMA.to_owned(),
        ok: problem.is_none(),
        errors: problem.iter().map(|problem| problem.code.clone()).collect(),
        missing_capabilities: Vec::new(),
        file: None,
        problems: problem.into_iter().collect(),
        plan: Vec::new(),
        receipt: serde_json::from_value(value).ok(),
        receipt_file: Some(path.display().to_string()),
    })
}

fn checks(
    context: &Context,
    request: &HereRequest,
    (loaded, level): (&LoadedProfile, CheckLevel),
    dialogue: &dyn Dialogue,
) -> Result<ValidateReport, HereError> {
    // Before anything runs: a profile without such checks asks nothing of the machine.
    plan(&loaded.profile, level)?;
    let found = list::discover(context, &ListRequest::default())?;
    let check = CheckRequest {
        level,
        timeout_seconds: request.timeout_seconds,
        repository: repository(context),
        identity: identity(context),
    };
    let mask = redactor(context);
    let mut checks = Checks { context, request, found, dialogue, stopped: None, error: None };
    let mut run = |task: &FoundTask, limit: Duration| checks.run(task, limit);
    let mut runner = CheckRunner {
        run: &mut run,
        now: &Timestamp::now,
        mask: &|text: &str| mask.mask(text).text,
    };
    let report = run_checks(loaded, &check, &mut runner)?;
    match (checks.error, checks.stopped) {
        (Some(error), _) => Err(error.into()),
        (_, Some((check, code))) => Err(HereError::Stopped { check, code }),
        _ => Ok(report),
    }
}

/// Starts checks as recorded runs, with what they need before them.
struct Checks<'a> {
    context: &'a Context,
    request: &'a HereRequest,
    found: Discovery,
    dialogue: &'a dyn Dialogue,
    /// The check that was stopped, and how: nothing starts after it.
    stopped: Option<(String, u8)>,
    /// A run that could not be recorded.
    error: Option<RunError>,
}

impl Checks<'_> {
    fn run(&mut self, task: &FoundTask, limit: Duration) -> CheckEnd {
        if self.stopped.is_some() || self.error.is_some() {
            return ended(1);
        }
        let timeout_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let run = RunRequest {
            yes: self.request.yes,
            timeout_ms: Some(timeout_ms),
            to_stderr: self.request.to_stderr,
            ..RunRequest::default()
        };
        let index = self.index(task);
        let steps = run::steps(self.context, &[index], &self.found, Reason::Validate);
        let report = steps.map_err(RunError::from).and_then(|steps| {
            run::run_steps(self.context, &run, &self.found, steps, self.dialogue)
        });
        match report {
            Ok(report) => {
                if !report.needs_trust.is_empty() {
                    let waiting = report.needs_trust.join(", ");
                    self.dialogue.note(&format!(
                        "{} needs {waiting}, which starts only in a trusted repository \
                         (wgx trust, or --yes)",
                        task.task.name
                    ));
                }
                let code = report.exit_code.unwrap_or_default();
                let duration_ms: u64 =
                    report.steps.iter().filter_map(|step| step.duration_ms).sum();
                // A task may end with 124 by itself, but then its time was not over.
                let timed_out = report.steps.iter().any(|step| step.timed_out);
                self.ended(&task.task.name, CheckEnd { exit_code: code, timed_out, duration_ms })
            }
            Err(error) => self.failed(error),
        }
    }

    fn ended(&mut self, name: &str, end: CheckEnd) -> CheckEnd {
        if let Ok(code) = u8::try_from(end.exit_code)
            && STOPPED.contains(&end.exit_code)
        {
            self.stopped = Some((name.to_owned(), code));
        }
        end
    }

    /// A check that cannot start is one that failed; a run that cannot be recorded ends everything.
    fn failed(&mut self, error: RunError) -> CheckEnd {
        let code = i32::from(error.exit_code());
        match error {
            RunError::Record(_) | RunError::Log { .. } => self.error = Some(error),
            error => self.dialogue.note(&format!("{error} ({})", error.hint())),
        }
        ended(code)
    }

    /// Private tasks are declared checks too, although they are not listed.
    fn index(&mut self, task: &FoundTask) -> usize {
        let known = self.found.tasks.iter().position(|found| found.task.id == task.task.id);
        known.unwrap_or_else(|| {
            self.found.tasks.push(task.clone());
            self.found.tasks.len() - 1
        })
    }
}

/// A check that did not run to its end.
fn ended(exit_code: i32) -> CheckEnd {
    CheckEnd { exit_code, timed_out: false, duration_ms: 0 }
}

fn repository(context: &Context) -> ReceiptRepository {
    let root = &context.root.path;
    let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut facts =
        ReceiptRepository { root: root.display().to_string(), name, ..Default::default() };
    let Some(repository) = Repository::find(root) else { return facts };
    let limits = Limits { timeout_ms: GIT_TIMEOUT_MS, ..Limits::default() };
    let git = Git { environment: &context.environment.kept, limits };
    match git.status(&repository) {
        Ok(status) => {
            facts.dirty = !status.is_clean();
            facts.commit = status.head.commit;
        }
        // A state that nobody could look at is not vouched for as clean.
        Err(_) => {
            facts.dirty = true;
            if let Fact::Known(head) = repository.head() {
                facts.commit = head.commit;
            }
        }
    }
    facts
}

fn identity(context: &Context) -> IdentityFacts {
    let names = ["bash", "python3"].map(str::to_owned).into();
    let tools = machine::look_up(context, &names, false);
    let version = |name: &str| tools.get(name).and_then(|fact| fact.version.clone());
    let system = rustix::system::uname();
    let variables = context.environment.kept.iter();
    IdentityFacts {
        wgx_version: env!("CARGO_PKG_VERSION").to_owned(),
        os: system.sysname().to_string_lossy().into_owned(),
        os_release: system.release().to_string_lossy().into_owned(),
        machine: system.machine().to_string_lossy().into_owned(),
        bash: version("bash"),
        python: version("python3"),
        variable_names: variables.map(|(name, _)| name.to_string_lossy().into_owned()).collect(),
    }
}

/// The mask of the memory, so that one secret looks the same everywhere; of this call alone without one.
fn redactor(context: &Context) -> Redactor {
    match Notebook::read(context) {
        Ok(Some(notebook)) => {
            let redactor = notebook.redactor().clone();
            notebook.close();
            redactor
        }
        _ => notebook::passing_redactor(context),
    }
}

/// Every error of the profile is a policy event. Without errors nothing is written.
fn remember(context: &Context, report: &ValidateReport) -> Result<(), NotebookError> {
    let errors: Vec<&ProfileProblem> =
        report.problems.iter().filter(|problem| problem.severity == "error").collect();
    if errors.is_empty() {
        return Ok(());
    }
    let mut notebook = Notebook::write(context)?;
    let repo = observe::repository(context, &notebook);
    let key = memory::repo_key(&repo.identity);
    let events: Vec<NewPolicyEvent> = errors.into_iter().map(|error| event(&key, error)).collect();
    notebook.with(async |store| {
        store.record_repo(&repo).await?;
        store.record_policy_events(&events).await
    })?;
    notebook.close();
    Ok(())
}

fn event(repo_key: &str, problem: &ProfileProblem) -> NewPolicyEvent {
    // The part before the colon is the rule; what follows is its subject.
    let rule = problem.code.split(':').next().unwrap_or_default();
    NewPolicyEvent {
        repo_key: repo_key.to_owned(),
        run_id: None,
        rule: format!("validate:{rule}"),
        outcome: "broken".to_owned(),
        place: Some(match problem.line {
            Some(line) => format!("{}:{line}", problem.file),
            None => problem.file.clone(),
        }),
        message: problem.message.clone(),
        fix_link: None,
        auto_fixable: false,
    }
}
