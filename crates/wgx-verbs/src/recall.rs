//! `wgx recall`: what the memory knows about some words, by words alone: items, runs and logs.

use contracts::hauski::memory::Origin;
use contracts::wgx::recall::{RecallHit, RecallReport, SCHEMA};
use jiff::Timestamp;
use memory::{ItemFilter, ItemHit, Rules, RunFilter, StoreError};

use crate::context::{Context, UseMemory};
use crate::notebook::{Notebook, NotebookError};
use crate::observe;

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct RecallRequest {
    /// Words that all must occur; `"…"` for a phrase, `*` for any ending.
    pub words: String,
    /// At most so many hits of each kind.
    pub limit: usize,
    /// Runs and logs of all repositories, not only of this one.
    pub all: bool,
    /// Only items of this namespace.
    pub namespace: Option<String>,
}

/// Why nothing can be looked for.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// The daemon was demanded and gave no answer.
    #[error("{0}")]
    Daemon(String),
}

impl From<StoreError> for RecallError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl RecallError {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Memory(error) => error.hint(),
            Self::Daemon(_) => "start it: hauski start; or search without it: --use-memory=local",
        }
    }
}

/// Looks through items, runs and logs of the local memory.
///
/// # Errors
/// There is no word in the request, or the memory cannot be read.
pub fn recall(context: &Context, request: &RecallRequest) -> Result<RecallReport, RecallError> {
    let mode = if context.use_memory == UseMemory::Off { "off" } else { "local" };
    let mut report = RecallReport {
        schema: SCHEMA.to_owned(),
        query: request.words.clone(),
        mode: mode.to_owned(),
        ..RecallReport::default()
    };
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(report) };
    let now_ms = Timestamp::now().as_millisecond();
    let filter = ItemFilter { namespace: request.namespace.clone(), ..ItemFilter::default() };
    let rules = Rules::default();
    let items = notebook.with(async |store| {
        store.recall_items(&request.words, &filter, (&rules, request.limit), now_ms).await
    })?;
    report.hits.extend(items.into_iter().map(of_item));
    let repo_key = (!request.all).then(|| observe::repository_key(context, &notebook));
    let filter = RunFilter { repo_key, ..RunFilter::default() };
    let runs = notebook.with(async |store| store.runs(&filter).await)?;
    let words: Vec<String> = request
        .words
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let mut seen = std::collections::BTreeSet::new();
    for run in runs {
        let text = format!("{} {} {}", run.task, run.args.join(" "), run.cwd).to_lowercase();
        if !words.iter().all(|word| text.contains(word.as_str())) {
            continue;
        }
        // Of equal calls the newest stands for all.
        if !seen.insert((run.task.clone(), run.args.clone())) {
            continue;
        }
        report.hits.push(RecallHit {
            kind: "run".to_owned(),
            title: run.task.clone(),
            snippet: match run.exit_code {
                Some(0) => "ended well".to_owned(),
                Some(code) => format!("ended with exit code {code}"),
                None => "did not end".to_owned(),
            },
            score: 1.0,
            at: time(run.started_at_ms),
            citation: Some(format!("wgx runs show {}", short(&run.id))),
            id: run.id,
        });
        if seen.len() >= request.limit {
            break;
        }
    }
    let limit = u32::try_from(request.limit).ok();
    let filter = RunFilter { limit, ..filter };
    let found = notebook.with(async |store| store.search_logs(&request.words, &filter).await)?;
    report.partly_searchable_logs = found.partly_indexed_logs;
    report.hits.extend(found.hits.into_iter().map(|hit| {
        let line = hit.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        RecallHit {
            kind: "log".to_owned(),
            title: hit.run.task.clone(),
            snippet: hit.snippet.unwrap_or_default(),
            score: 1.0,
            at: time(hit.run.started_at_ms),
            citation: Some(format!("wgx runs log {}{line}", short(&hit.run.id))),
            id: hit.run.id,
        }
    }));
    Ok(report)
}

fn of_item(hit: ItemHit) -> RecallHit {
    let citation = hit.item.origins.iter().find_map(|origin| match origin {
        Origin::Source { path, line: Some(line), .. } => Some(format!("{path}:{line}")),
        Origin::Source { path, line: None, .. } => Some(path.clone()),
        Origin::Run { id } => Some(format!("wgx runs show {}", short(id))),
        Origin::Person { .. } => None,
    });
    RecallHit {
        kind: "item".to_owned(),
        title: hit.item.key.unwrap_or_else(|| hit.item.namespace.clone()),
        snippet: hit.snippet,
        score: hit.score,
        at: time(hit.item.recorded_at_ms),
        citation,
        id: hit.item.id,
    }
}

fn time(ms: i64) -> Option<String> {
    Timestamp::from_millisecond(ms).ok().map(|time| time.to_string())
}

/// Enough of an id for a person.
fn short(id: &str) -> &str {
    id.get(..13).unwrap_or(id)
}
