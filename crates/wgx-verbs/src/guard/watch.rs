//! Guard for a repository as it is: files and changes from git, habits from the memory, the repository's
//! own checks where it is trusted, and every outcome remembered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use contracts::wgx::guard::SkippedFiles;
use contracts::wgx::{GuardCheck, GuardReport, GuardStatus};
use memory::{NewPolicyEvent, RepoRecord};
use wgx_tasks::git::{Git, GitError, Repository};
use wgx_tasks::process::Limits;
use wgx_tasks::sources::Discovery;
use wgx_tasks::task::{Invocation, Program};

use super::{
    ExternalCheck, ExternalOutcome, ExternalSource, GuardError, GuardFacts, GuardRequest, check,
};
use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::notebook::{Notebook, NotebookError};
use crate::observe;
use crate::run::needs::NeedsError;
use crate::run::{self, Dialogue, Reason, RunRequest, Step};
use crate::trust::{self, TrustError};

/// How long git may take, in milliseconds.
const GIT_TIMEOUT_MS: u64 = 30_000;
/// Habits are counted over this time.
const HABIT_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// Most names that are not UTF-8 a report shows.
const SHOWN_UNNAMED: usize = 10;
/// Preference with the open findings of the last guard.
const LAST_FINDINGS: &str = "guard:findings";
/// Preference with what changed between the last two guards; every run's evidence carries it.
pub(crate) const LAST_DIFF: &str = "guard:diff";

/// What to guard.
#[derive(Clone, Debug, Default)]
pub struct WatchRequest {
    /// Only files that differ from the last commit.
    pub changed_only: bool,
    /// Mend what can be mended safely.
    pub fix: bool,
    /// Only these rules; all when empty.
    pub only: Vec<String>,
    /// Not these rules.
    pub skip: Vec<String>,
    /// Larger files are a finding, in bytes.
    pub max_file_bytes: Option<u64>,
    /// Start the repository's own checks too; needs trust.
    pub with_own_checks: bool,
    /// Answers the question for trust with yes.
    pub yes: bool,
}

/// Why a repository cannot be guarded.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// The checks cannot be done.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// `--changed` needs git.
    #[error("changed files are not known: {0}")]
    Git(GitError),
    /// `--changed` outside a git repository.
    #[error("changed files are not known: this is not a git repository")]
    NoGit,
    /// Trust cannot be looked up.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

impl WatchError {
    /// The exit code: 2 for a wrong call, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Guard(GuardError::UnknownRule { .. }) => 2,
            _ => 1,
        }
    }

    /// What to do.
    pub fn hint(&self) -> String {
        match self {
            Self::Root(_) => "name a readable folder with -C".to_owned(),
            Self::Guard(GuardError::UnknownRule { .. }) => "name one of these".to_owned(),
            Self::Guard(GuardError::Root { .. }) => "name a readable folder with -C".to_owned(),
            Self::Guard(GuardError::BrokeOff { .. }) => {
                "please report this; --skip RULE leaves a rule out meanwhile".to_owned()
            }
            Self::Git(error) => error.hint().to_owned(),
            Self::NoGit => "leave --changed out to look at all files".to_owned(),
            Self::Trust(error) => error.hint().to_owned(),
        }
    }
}

/// Checks the context's repository and remembers every outcome.
///
/// # Errors
/// When the repository cannot be read, or a rule that was named does not exist.
pub fn watch(
    context: &Context,
    request: &WatchRequest,
    dialogue: &dyn Dialogue,
) -> Result<GuardReport, WatchError> {
    let found = list::discover(context, &ListRequest::default())?;
    let own_checks = request.with_own_checks && may_start(context, request, dialogue)?;
    let Files { all, changed, unnamed } = files(context, request)?;
    let habits = habits(context);
    let runner = Runner { context, found: &found, dialogue };
    let run = |check: &ExternalCheck| runner.run(check);
    let guard = GuardRequest {
        changed,
        fix: request.fix,
        only: request.only.clone(),
        skip: request.skip.clone(),
        max_file_bytes: request.max_file_bytes.unwrap_or(super::MAX_FILE_BYTES),
        ..GuardRequest::new(&found.root)
    };
    let facts = GuardFacts {
        files: all.as_deref(),
        rule_breaks: Some(&habits),
        tasks: &found.tasks,
        runner: own_checks.then_some(&run),
    };
    let mut report = check(&guard, &facts)?;
    if !unnamed.is_empty() {
        let count = unnamed.len() as u64;
        let reason = super::tree::UNNAMEABLE.to_owned();
        let files = unnamed.into_iter().take(SHOWN_UNNAMED).collect();
        report.skipped.push(SkippedFiles { reason, count, files });
        report.counts.skipped += count;
    }
    if let Err(error) = remember(context, &report) {
        dialogue.note(&format!("the outcome is not remembered: {error}"));
    }
    Ok(report)
}

fn may_start(
    context: &Context,
    request: &WatchRequest,
    dialogue: &dyn Dialogue,
) -> Result<bool, TrustError> {
    let subject = trust::subject(context)?;
    if request.yes || trust::is_trusted(context, &subject)? {
        return Ok(true);
    }
    if dialogue.confirm("Start this repository's own checks? Trust it as it is now?") {
        trust::grant(context, &subject)?;
        return Ok(true);
    }
    dialogue.note("the repository's own checks are only shown: it is not trusted (wgx trust)");
    Ok(false)
}

/// All files and, where asked for, the changed ones; relative to the root, which may lie below the work
/// tree.
#[derive(Default)]
struct Files {
    all: Option<Vec<String>>,
    changed: Option<Vec<String>>,
    /// Those to be looked at whose names are not UTF-8, so that no check can name them.
    unnamed: Vec<String>,
}

/// Without git the checks walk the folder themselves.
fn files(context: &Context, request: &WatchRequest) -> Result<Files, WatchError> {
    let root = &context.root.path;
    let Some(repository) = Repository::find(root) else {
        return if request.changed_only { Err(WatchError::NoGit) } else { Ok(Files::default()) };
    };
    let limits = Limits { timeout_ms: GIT_TIMEOUT_MS, ..Limits::default() };
    let git = Git { environment: &context.environment.kept, limits };
    let below = |paths: &mut dyn Iterator<Item = PathBuf>| below_root(&repository, root, paths);
    let all = git.files(&repository).ok().map(|files| below(&mut files.into_iter()));
    let (all, unnamed) = all.map_or((None, Vec::new()), |(files, unnamed)| (Some(files), unnamed));
    if !request.changed_only {
        return Ok(Files { all, changed: None, unnamed });
    }
    let status = git.status(&repository).map_err(WatchError::Git)?;
    let present = status.changes.into_iter().filter(|change| !change.is_deleted);
    let (changed, unnamed) = below(&mut present.map(|change| change.path));
    Ok(Files { all, changed: Some(changed), unnamed })
}

fn below_root(
    repository: &Repository,
    root: &Path,
    paths: &mut dyn Iterator<Item = PathBuf>,
) -> (Vec<String>, Vec<String>) {
    let inner = root.strip_prefix(&repository.work_tree).unwrap_or(Path::new(""));
    let relative = |path: PathBuf| path.strip_prefix(inner).ok().map(Path::to_path_buf);
    let (mut named, mut unnamed) = (Vec::new(), Vec::new());
    for path in paths.filter_map(relative) {
        match path.to_str() {
            Some(name) => named.push(name.to_owned()),
            None => unnamed.push(path.to_string_lossy().into_owned()),
        }
    }
    (named, unnamed)
}

/// How often each rule was broken here lately; nothing where there is no memory.
fn habits(context: &Context) -> BTreeMap<String, u64> {
    let Ok(Some(mut notebook)) = Notebook::read(context) else { return BTreeMap::new() };
    let key = observe::repository_key(context, &notebook);
    let since_ms = jiff::Timestamp::now().as_millisecond() - HABIT_MS;
    let counts = notebook.with(async |store| store.rule_counts(&key, since_ms).await);
    let broken = counts.unwrap_or_default().into_iter().filter(|count| count.outcome == "broken");
    broken.map(|count| (count.rule, count.events)).collect()
}

fn remember(context: &Context, report: &GuardReport) -> Result<(), NotebookError> {
    let mut notebook = Notebook::write(context)?;
    let repo: RepoRecord = observe::repository(context, &notebook);
    let key = memory::repo_key(&repo.identity);
    let events: Vec<NewPolicyEvent> =
        report.checks.iter().filter_map(|check| event(&key, check, report)).collect();
    let open: BTreeSet<String> = report
        .findings
        .iter()
        .filter(|finding| !finding.fixed)
        .map(|finding| format!("{} {}", finding.rule, finding.file))
        .collect();
    let now = open.iter().cloned().collect::<Vec<_>>().join("\n");
    notebook
        .with(async |store| {
            store.record_repo(&repo).await?;
            store.record_policy_events(&events).await?;
            let before = store.preference(Some(&key), LAST_FINDINGS).await?;
            if before.as_deref() != Some(&now) {
                let diff = difference(before.as_deref().unwrap_or_default(), &open);
                store.set_preference(Some(&key), LAST_DIFF, Some(&diff)).await?;
                store.set_preference(Some(&key), LAST_FINDINGS, Some(&now)).await?;
            }
            Ok(())
        })
        .map_err(NotebookError::Store)?;
    notebook.close();
    Ok(())
}

fn event(key: &str, check: &GuardCheck, report: &GuardReport) -> Option<NewPolicyEvent> {
    let outcome = match check.status {
        GuardStatus::Passed => "passed",
        GuardStatus::Failed => "broken",
        GuardStatus::Fixed => "fixed",
        GuardStatus::Skipped | GuardStatus::NotRun => return None,
    };
    let first = report.findings.iter().find(|finding| finding.rule == check.rule);
    Some(NewPolicyEvent {
        repo_key: key.to_owned(),
        run_id: None,
        rule: check.rule.clone(),
        outcome: outcome.to_owned(),
        place: first.map(|finding| match finding.line {
            Some(line) => format!("{}:{line}", finding.file),
            None => finding.file.clone(),
        }),
        message: check.reason.clone(),
        fix_link: Some(format!("docs/guard.md#{}", check.rule)),
        auto_fixable: first
            .is_some_and(|finding| finding.fix.kind == contracts::wgx::guard::FixKind::Safe),
    })
}

/// `+` what is new, `-` what is gone.
fn difference(before: &str, now: &BTreeSet<String>) -> String {
    let before: BTreeSet<&str> = before.lines().collect();
    let now: BTreeSet<&str> = now.iter().map(String::as_str).collect();
    let gone = before.difference(&now).map(|line| format!("- {line}"));
    let new = now.difference(&before).map(|line| format!("+ {line}"));
    gone.chain(new).collect::<Vec<_>>().join("\n")
}

/// Starts the repository's own checks, recorded like every run.
struct Runner<'a> {
    context: &'a Context,
    found: &'a Discovery,
    dialogue: &'a dyn Dialogue,
}

impl Runner<'_> {
    fn run(&self, check: &ExternalCheck) -> ExternalOutcome {
        let Some(steps) = self.steps(check) else {
            return ExternalOutcome::NotRun("the task is gone".to_owned());
        };
        let run = RunRequest { yes: true, to_stderr: true, ..RunRequest::default() };
        let ended = steps
            .map_err(run::RunError::from)
            .and_then(|steps| run::run_steps(self.context, &run, self.found, steps, self.dialogue));
        match ended.map(|report| report.exit_code) {
            Ok(Some(0)) => ExternalOutcome::Passed,
            Ok(Some(code)) => ExternalOutcome::Failed(format!("it ended with {code}")),
            Ok(None) => ExternalOutcome::NotRun("it did not start".to_owned()),
            Err(error) => ExternalOutcome::NotRun(error.to_string()),
        }
    }

    /// A check with everything that it needs; `None` when it is not a task any more.
    fn steps(&self, check: &ExternalCheck) -> Option<Result<Vec<Step>, NeedsError>> {
        match &check.source {
            ExternalSource::Task(id) => {
                let index = self.found.tasks.iter().position(|found| found.task.id == *id)?;
                Some(run::steps(self.context, &[index], self.found, Reason::Guard))
            }
            ExternalSource::Hook(argv) => {
                let program = Program::Argv { argv: argv.clone(), separator: None };
                let invocation = Invocation::of(program);
                Some(Ok(vec![Step { task: None, invocation, reason: Reason::Guard }]))
            }
        }
    }
}
