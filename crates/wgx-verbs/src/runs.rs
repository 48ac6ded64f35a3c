//! `wgx runs`: the history, one run, its log, a search over all logs, a comparison of two.

use std::io::Read;

use contracts::wgx::runs::{
    ArtefactRow, COMPARE_SCHEMA, CompareReport, EnvironmentField, FieldChange, LOG_SCHEMA,
    LogDigest, LogReport, PrecedentReport, RunDetailReport, RunRow, RunsReport, SCHEMA,
    SEARCH_SCHEMA, SHOW_SCHEMA, SearchHit, SearchReport,
};
use jiff::Timestamp;
use memory::{Artefact, Digest, EnvironmentChange, Outcome, Run, RunDetail, RunFilter, StoreError};
use similar::{ChangeTag, TextDiff};

use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::notebook::{Notebook, NotebookError};
use crate::observe;
use crate::run::select::{SelectError, Selection, select};

/// Most lines of each log that are compared.
const DIFF_LINES: usize = 20_000;

/// Which runs.
#[derive(Clone, Debug, Default)]
pub struct RunsRequest {
    /// Of all repositories instead of this one.
    pub all: bool,
    /// Only of this task: its id, its name or an alias.
    pub task: Option<String>,
    /// Only of this source.
    pub source: Option<String>,
    /// Only those that ended so.
    pub outcome: Option<Outcome>,
    /// Only those that started within this time, in milliseconds.
    pub within_ms: Option<u64>,
    /// At most so many; none for all.
    pub limit: Option<u32>,
}

/// Why the history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// There is no memory yet, so there is no such run.
    #[error("no run has been recorded yet")]
    NoMemory,
    /// The run belongs to another repository.
    #[error("run {id} belongs to another repository, {repo}")]
    OtherRepository {
        /// The run.
        id: String,
        /// Name of its repository.
        repo: String,
    },
    /// The task of the run is not there any more.
    #[error("run {id} was of `{task}`, which is not a task here any more")]
    TaskGone {
        /// The run.
        id: String,
        /// Id of the task.
        task: String,
    },
    /// The run was of a plain command.
    #[error("run {id} was of a plain command, not of a task: {command}")]
    PlainCommand {
        /// The run.
        id: String,
        /// The command.
        command: String,
    },
    /// The repository cannot be read.
    #[error("the repository cannot be read: {0}")]
    Root(#[from] std::io::Error),
    /// The run has no log.
    #[error("run {id} has no log")]
    NoLog {
        /// The run.
        id: String,
    },
    /// The log cannot be read.
    #[error("the log of run {id} cannot be read: {reason}")]
    Log {
        /// The run.
        id: String,
        /// Why.
        reason: String,
    },
}

impl From<StoreError> for RunsError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl RunsError {
    /// The exit code: 2 where the call cannot be meant, 1 otherwise.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::OtherRepository { .. } | Self::TaskGone { .. } | Self::PlainCommand { .. } => 2,
            _ => 1,
        }
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Memory(error) => error.hint(),
            Self::OtherRepository { .. } => "go to that repository, or name it with -C",
            Self::TaskGone { .. } => "`wgx list` shows the tasks",
            Self::PlainCommand { .. } => "start the command, or the phrase that means it, again",
            Self::Root(_) => "name a readable folder with -C",
            Self::NoMemory => "`wgx run TASK` records the first one",
            Self::NoLog { .. } => "it ran with --no-log, is still running, or retention dropped it",
            Self::Log { .. } => "`wgx memory check` tells what is damaged",
        }
    }
}

/// Lists runs, newest first.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn runs(context: &Context, request: &RunsRequest) -> Result<RunsReport, RunsError> {
    let mut report = RunsReport { schema: SCHEMA.to_owned(), runs: Vec::new(), more: false };
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(report) };
    let filter = RunFilter {
        repo_key: (!request.all).then(|| observe::repository_key(context, &notebook)),
        tasks: Vec::new(),
        source: request.source.clone(),
        outcome: request.outcome,
        since_ms: since_ms(request),
        before_id: None,
        limit: request.limit.map(|limit| limit.saturating_add(1)),
    };
    let Some(filter) = of_task(context, &mut notebook, filter, request)? else { return Ok(report) };
    let mut found = notebook.with(async |store| store.runs(&filter).await)?;
    if let Some(limit) = request.limit {
        report.more = found.len() > limit as usize;
        found.truncate(limit as usize);
    }
    report.runs = found.iter().map(row).collect();
    Ok(report)
}

fn since_ms(request: &RunsRequest) -> Option<i64> {
    let now_ms = Timestamp::now().as_millisecond();
    request.within_ms.map(|ms| now_ms.saturating_sub_unsigned(ms))
}

/// The filter, narrowed to the task that was asked for: named as for `run` (id, name, alias), or by the
/// name of a task that was run once and may be gone. `None` where that is no task.
fn of_task(
    context: &Context,
    notebook: &mut Notebook,
    filter: RunFilter,
    request: &RunsRequest,
) -> Result<Option<RunFilter>, RunsError> {
    let Some(word) = &request.task else { return Ok(Some(filter)) };
    let key = filter.repo_key.clone();
    let mut tasks = notebook.with(async |store| store.tasks_run(key.as_deref()).await)?;
    let is_known = tasks.contains(word);
    let named = if is_known { vec![word.clone()] } else { named(context, word)? };
    let has_name = |task: &str| task.split_once(':').is_some_and(|(_, name)| name == *word);
    tasks.retain(|task| named.contains(task) || (!is_known && has_name(task)));
    Ok((!tasks.is_empty()).then_some(RunFilter { tasks, ..filter }))
}

/// Ids of the tasks here that a word names.
fn named(context: &Context, word: &str) -> Result<Vec<String>, RunsError> {
    let found = list::discover(context, &ListRequest::default())?;
    Ok(match select(&[word.to_owned()], &found.tasks) {
        Ok(Selection::Tasks(indices)) => {
            indices.into_iter().map(|index| found.tasks[index].task.id.clone()).collect()
        }
        Err(SelectError::Ambiguous { ids, .. }) => ids,
        Err(SelectError::OnlyShown { id, .. }) => vec![id],
        Ok(Selection::Text(_)) | Err(SelectError::Mixed { .. }) => Vec::new(),
    })
}

/// One run, by its id or the beginning of it.
///
/// # Errors
/// When there is no such run.
pub fn show(context: &Context, id: &str) -> Result<RunDetailReport, RunsError> {
    let mut notebook = Notebook::read(context)?.ok_or(RunsError::NoMemory)?;
    let detail = notebook.with(async |store| store.run(id).await)?;
    let full_id = detail.run.id.clone();
    let precedent = notebook.with(async |store| store.precedent(&full_id).await)?;
    let summaries = || detail.evidence.iter().map(|evidence| &evidence.content.summary);
    let summary = summaries().find_map(|summary| summary.log.clone());
    let gaps = summaries().map(|summary| summary.artefacts).find(|gaps| !gaps.is_empty());
    let gaps = gaps.unwrap_or_default();
    Ok(RunDetailReport {
        schema: SHOW_SCHEMA.to_owned(),
        run: row(&detail.run),
        cwd: detail.run.cwd.clone(),
        signal: detail.run.signal,
        device_id: detail.run.device_id.clone(),
        environment: fields(&detail),
        artefacts: detail.run.artefacts.iter().map(artefact).collect(),
        artefacts_left_out: gaps.left_out,
        artefacts_without_content: gaps.without_content,
        summary: summary.map(|log| LogDigest {
            lines: log.lines,
            bytes: log.bytes,
            masked: log.masked,
            error_lines: log.error_lines,
            first_errors: log.first_errors,
            last_lines: log.last_lines,
        }),
        precedent: precedent.map(|precedent| PrecedentReport {
            failed: row(&precedent.failed),
            fixed_by: precedent.fixed_by.as_ref().map(row),
            changes: precedent.changes.into_iter().map(change).collect(),
        }),
    })
}

/// Whether a run belongs to the context's repository; whoever may see only that one asks before [`show`] and [`log`].
///
/// # Errors
/// When it does not, or there is no such run.
pub fn require_own(context: &Context, id: &str) -> Result<(), RunsError> {
    let mut notebook = Notebook::read(context)?.ok_or(RunsError::NoMemory)?;
    let run = notebook.with(async |store| store.run(id).await)?.run;
    if run.repo_key == observe::repository_key(context, &notebook) {
        return Ok(());
    }
    Err(RunsError::OtherRepository { id: run.id, repo: run.repo })
}

/// The run that is to be started once more: of this repository, and of a task that is still there.
///
/// # Errors
/// When it is not, or there is no such run.
pub fn to_rerun(context: &Context, id: &str) -> Result<RunRow, RunsError> {
    let mut notebook = Notebook::read(context)?.ok_or(RunsError::NoMemory)?;
    let run = notebook.with(async |store| store.run(id).await)?.run;
    let id = run.id.clone();
    if run.repo_key != observe::repository_key(context, &notebook) {
        return Err(RunsError::OtherRepository { id, repo: run.repo });
    }
    if run.source == "command" {
        return Err(RunsError::PlainCommand { id, command: run.task });
    }
    let deep = ListRequest { deep: true, markdown: true, ..ListRequest::default() };
    let found = list::discover(context, &deep)?;
    if !found.tasks.iter().any(|found| found.task.id == run.task) {
        return Err(RunsError::TaskGone { id, task: run.task });
    }
    Ok(row(&run))
}

/// The log of a run.
///
/// # Errors
/// When there is no such run or its log is not there.
pub fn log(context: &Context, id: &str) -> Result<LogReport, RunsError> {
    let mut notebook = Notebook::read(context)?.ok_or(RunsError::NoMemory)?;
    let run = notebook.with(async |store| store.run(id).await)?.run;
    let bytes = read_log(&notebook, &run)?;
    Ok(LogReport {
        schema: LOG_SCHEMA.to_owned(),
        sha256: run.log_sha256.unwrap_or_default(),
        id: run.id,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// Runs whose logs hold all the words.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn search(
    context: &Context,
    query: &str,
    request: &RunsRequest,
) -> Result<SearchReport, RunsError> {
    let mut report = SearchReport {
        schema: SEARCH_SCHEMA.to_owned(),
        query: query.to_owned(),
        hits: Vec::new(),
        more: false,
        partly_searchable_logs: 0,
    };
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(report) };
    let key = (!request.all).then(|| observe::repository_key(context, &notebook));
    let limit = request.limit.unwrap_or(u32::MAX - 1);
    let filter = RunFilter {
        repo_key: key,
        source: request.source.clone(),
        outcome: request.outcome,
        since_ms: since_ms(request),
        limit: Some(limit + 1),
        ..RunFilter::default()
    };
    let Some(filter) = of_task(context, &mut notebook, filter, request)? else { return Ok(report) };
    let found = notebook.with(async |store| store.search_logs(query, &filter).await)?;
    report.partly_searchable_logs = found.partly_indexed_logs;
    report.more = found.hits.len() > limit as usize;
    let hits = found.hits.into_iter().take(limit as usize);
    report.hits = hits
        .map(|hit| SearchHit { run: row(&hit.run), snippet: hit.snippet.unwrap_or_default() })
        .collect();
    Ok(report)
}

/// Two runs side by side: how they ended, their environments, their logs.
///
/// # Errors
/// When one of them is not there.
pub fn compare(context: &Context, before: &str, after: &str) -> Result<CompareReport, RunsError> {
    let mut notebook = Notebook::read(context)?.ok_or(RunsError::NoMemory)?;
    let before = notebook.with(async |store| store.run(before).await)?;
    let after = notebook.with(async |store| store.run(after).await)?;
    let mut changes = outcome_changes(&before.run, &after.run);
    if let (Some(first), Some(second)) = (&before.environment, &after.environment) {
        changes.extend(first.changes_to(second).into_iter().map(change));
    }
    let logs = (read_log(&notebook, &before.run), read_log(&notebook, &after.run));
    let (log_diff, diff_left_out_lines) = match logs {
        (Ok(first), Ok(second)) => diff(&first, &second),
        _ => (None, 0),
    };
    Ok(CompareReport {
        schema: COMPARE_SCHEMA.to_owned(),
        before: row(&before.run),
        after: row(&after.run),
        changes,
        log_diff,
        diff_left_out_lines,
    })
}

fn read_log(notebook: &Notebook, run: &Run) -> Result<Vec<u8>, RunsError> {
    let id = run.id.clone();
    let Some(name) = &run.log_sha256 else { return Err(RunsError::NoLog { id }) };
    let fault = |reason: String| RunsError::Log { id: id.clone(), reason };
    let digest = Digest::parse(name).map_err(|error| fault(error.to_string()))?;
    let mut file = notebook.store().cas().get(&digest).map_err(|error| fault(error.to_string()))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| fault(error.to_string()))?;
    Ok(bytes)
}

/// A unified diff of two logs without terminal colours, and how many lines were not looked at.
fn diff(before: &[u8], after: &[u8]) -> (Option<String>, u64) {
    let text = |bytes: &[u8]| memory::plain_text(&String::from_utf8_lossy(bytes));
    let (before, after) = (text(before), text(after));
    if before == after {
        return (None, 0);
    }
    let cut = |text: &str| -> (String, u64) {
        let kept: Vec<&str> = text.lines().take(DIFF_LINES).collect();
        let left_out = text.lines().count().saturating_sub(DIFF_LINES) as u64;
        (kept.join("\n"), left_out)
    };
    let ((before, left_before), (after, left_after)) = (cut(&before), cut(&after));
    let diff = TextDiff::from_lines(&before, &after);
    let mut lines = String::new();
    for change in diff.iter_all_changes() {
        let sign = match change.tag() {
            ChangeTag::Equal => continue,
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        lines.push(sign);
        lines.push_str(change.value().trim_end_matches('\n'));
        lines.push('\n');
    }
    (Some(lines), left_before + left_after)
}

fn outcome_changes(before: &Run, after: &Run) -> Vec<FieldChange> {
    let text = |value: Option<i64>| value.map(|value| value.to_string());
    let args = |run: &Run| Some(run.args.join(" "));
    let millis = |run: &Run| text(run.duration_ms.and_then(|ms| i64::try_from(ms).ok()));
    let all = [
        ("task", Some(before.task.clone()), Some(after.task.clone())),
        ("args", args(before), args(after)),
        ("exit_code", text(before.exit_code.map(i64::from)), text(after.exit_code.map(i64::from))),
        ("duration_ms", millis(before), millis(after)),
        ("device", Some(before.device_id.clone()), Some(after.device_id.clone())),
    ];
    all.into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(field, before, after)| FieldChange { field: field.to_owned(), before, after })
        .collect()
}

fn artefact(artefact: &Artefact) -> ArtefactRow {
    ArtefactRow {
        path: artefact.path.clone(),
        sha256: artefact.sha256.clone(),
        bytes: artefact.bytes,
    }
}

fn change(change: EnvironmentChange) -> FieldChange {
    FieldChange { field: change.field, before: change.before, after: change.after }
}

fn fields(detail: &RunDetail) -> Vec<EnvironmentField> {
    let Some(environment) = &detail.environment else { return Vec::new() };
    let all = memory::Environment::default().changes_to(environment).into_iter();
    all.map(|change| EnvironmentField {
        field: change.field,
        value: change.after.unwrap_or_default(),
    })
    .collect()
}

/// A run as reports show it.
pub(crate) fn row(run: &Run) -> RunRow {
    let started = Timestamp::from_millisecond(run.started_at_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    RunRow {
        id: run.id.clone(),
        repo: run.repo.clone(),
        task: run.task.clone(),
        source: run.source.clone(),
        args: run.args.clone(),
        exit_code: run.exit_code,
        started_at: format!("{started:.3}"),
        duration_ms: run.duration_ms,
        log: run.log_sha256.clone(),
        reason: run.reason.clone(),
    }
}
