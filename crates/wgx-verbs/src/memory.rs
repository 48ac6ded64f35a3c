//! `wgx memory`: stats, check, gc, forget, export, import.

use std::path::Path;

use contracts::wgx::memory::{
    CHECK_SCHEMA, CheckReport, EXPORT_SCHEMA, ExportReport, FORGET_SCHEMA, ForgetReport,
    IMPORT_SCHEMA, ImportReport, RETENTION_SCHEMA, RetentionLimits, RetentionReport, STATS_SCHEMA,
    StatsReport,
};
use jiff::Timestamp;
use memory::{ExportOptions, Forget, ImportLimits, PackError, Retention, StoreError};

use crate::context::Context;
use crate::notebook::{Notebook, NotebookError};
use crate::observe;

/// Why the memory cannot do it.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The memory cannot be used.
    #[error(transparent)]
    Memory(#[from] NotebookError),
    /// There is none yet.
    #[error("there is no memory at {0} yet")]
    Missing(String),
    /// The pack.
    #[error("{file}: {source}")]
    Pack {
        /// Its file.
        file: String,
        /// What is wrong with it.
        source: PackError,
    },
}

impl From<StoreError> for MemoryError {
    fn from(error: StoreError) -> Self {
        Self::Memory(error.into())
    }
}

impl MemoryError {
    fn of_pack(file: &Path, source: PackError) -> Self {
        Self::Pack { file: file.display().to_string(), source }
    }

    /// The file that is at fault.
    pub fn place(&self) -> Option<(String, Option<u32>)> {
        match self {
            Self::Pack { file, .. } => Some((file.clone(), None)),
            _ => None,
        }
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Memory(error) => error.hint(),
            Self::Missing(_) => "`wgx run TASK` begins one",
            Self::Pack { source, .. } => source.hint(),
        }
    }
}

/// What to forget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForgetRequest {
    /// These runs, by id or the beginning of it.
    Runs(Vec<String>),
    /// Everything about this repository.
    Repository,
    /// Everything older than this, in milliseconds.
    Older(u64),
}

/// Counts and sizes; all zero where there is no memory yet.
///
/// # Errors
/// When there is a memory that cannot be read.
pub fn stats(context: &Context) -> Result<StatsReport, MemoryError> {
    let empty = StatsReport {
        schema: STATS_SCHEMA.to_owned(),
        home: context.home.display().to_string(),
        retention: limits(None),
        ..StatsReport::default()
    };
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(empty) };
    let (stats, retention) = notebook.with(async |store| {
        let stats = store.stats().await?;
        Ok::<_, StoreError>((stats, store.retention().await?))
    })?;
    let time = |ms: Option<i64>| {
        ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()).map(|time| format!("{time:.3}"))
    };
    Ok(StatsReport {
        exists: true,
        repos: stats.repos,
        runs: stats.runs,
        failed_runs: stats.failed_runs,
        open_runs: stats.open_runs,
        environments: stats.environments,
        policy_events: stats.policy_events,
        evidence_packs: stats.evidence_packs,
        tombstones: stats.tombstones,
        devices: stats.devices,
        oldest_run_at: time(stats.oldest_run_at_ms),
        newest_run_at: time(stats.newest_run_at_ms),
        database_bytes: stats.database_bytes,
        objects: stats.objects,
        object_bytes: stats.object_bytes,
        partly_searchable_logs: stats.partly_searchable_logs,
        retention: limits(retention),
        ..empty
    })
}

/// Reads everything and compares it with what it should be.
///
/// # Errors
/// When there is no memory, or it cannot be read at all.
pub fn check(context: &Context) -> Result<CheckReport, MemoryError> {
    let mut notebook = existing(context)?;
    let checked = notebook.with(async |store| store.check().await)?;
    Ok(CheckReport {
        schema: CHECK_SCHEMA.to_owned(),
        home: context.home.display().to_string(),
        sound: checked.problems.is_empty(),
        problems: checked.problems,
        notes: checked.notes,
        objects: checked.objects,
        object_bytes: checked.object_bytes,
    })
}

/// Limits of a retention that a person names; what is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RetentionChange {
    /// Days that runs are kept; 0 for ever.
    pub keep_days: Option<u32>,
    /// Bytes of all logs together; 0 for no limit.
    pub max_bytes: Option<u64>,
    /// Runs of all repositories together; 0 for no limit.
    pub max_runs: Option<u32>,
    /// Newest runs of each task that stay whatever the limits.
    pub keep_runs: Option<u32>,
}

impl RetentionChange {
    fn apply(self, to: Retention) -> Retention {
        Retention {
            max_age_days: self
                .keep_days
                .map_or(to.max_age_days, |days| Some(days).filter(|days| *days > 0)),
            max_log_bytes: self
                .max_bytes
                .map_or(to.max_log_bytes, |bytes| Some(bytes).filter(|bytes| *bytes > 0)),
            max_runs: self.max_runs.map_or(to.max_runs, |runs| Some(runs).filter(|runs| *runs > 0)),
            keep_runs: self.keep_runs.unwrap_or(to.keep_runs),
        }
    }
}

/// What to do with the setting of the retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetentionRequest {
    /// Only look.
    Show,
    /// Change these limits.
    Set(RetentionChange),
    /// Go back to the default.
    Reset,
}

/// Shows or changes what `gc` keeps. Nothing is dropped by it.
///
/// # Errors
/// When the memory cannot be read or written.
pub fn retention(
    context: &Context,
    request: RetentionRequest,
) -> Result<RetentionReport, MemoryError> {
    let report = |retention| RetentionReport {
        schema: RETENTION_SCHEMA.to_owned(),
        home: context.home.display().to_string(),
        retention: limits(retention),
    };
    if request == RetentionRequest::Show {
        let Some(mut notebook) = Notebook::read(context)? else { return Ok(report(None)) };
        return Ok(report(notebook.with(async |store| store.retention().await)?));
    }
    let mut notebook = Notebook::write(context)?;
    let set = notebook.with(async |store| {
        let now = store.retention().await?.unwrap_or_default();
        let set = match request {
            RetentionRequest::Set(change) => Some(change.apply(now)),
            _ => None,
        };
        store.set_retention(set.as_ref()).await?;
        Ok::<_, StoreError>(set)
    })?;
    notebook.close();
    Ok(report(set))
}

fn limits(set: Option<Retention>) -> RetentionLimits {
    let retention = set.unwrap_or_default();
    RetentionLimits {
        is_set: set.is_some(),
        keep_days: retention.max_age_days,
        max_bytes: retention.max_log_bytes,
        max_runs: retention.max_runs,
        keep_runs: retention.keep_runs,
    }
}

/// Applies the retention, with these limits instead of the set ones, and removes what nothing names.
///
/// # Errors
/// When the memory cannot be written.
pub fn gc(context: &Context, change: RetentionChange) -> Result<ForgetReport, MemoryError> {
    let mut notebook = writable(context)?;
    let collected = notebook.with(async |store| {
        let retention = change.apply(store.retention().await?.unwrap_or_default());
        store.gc(&retention).await
    })?;
    notebook.close();
    Ok(ForgetReport {
        schema: FORGET_SCHEMA.to_owned(),
        facts: collected.runs.facts,
        objects: collected.runs.objects,
        bytes: collected.runs.bytes,
        unused_objects: collected.unused_objects + collected.drafts,
        unused_bytes: collected.unused_bytes,
    })
}

/// Forgets for good; what is forgotten here does not come back with a pack.
///
/// # Errors
/// When a run is not there or the memory cannot be written.
pub fn forget(context: &Context, request: &ForgetRequest) -> Result<ForgetReport, MemoryError> {
    let mut notebook = writable(context)?;
    let what = match request {
        ForgetRequest::Runs(ids) => Forget::Runs(full_ids(&mut notebook, ids)?),
        ForgetRequest::Repository => Forget::Repo(observe::repository_key(context, &notebook)),
        ForgetRequest::Older(age_ms) => {
            Forget::Before(Timestamp::now().as_millisecond().saturating_sub_unsigned(*age_ms))
        }
    };
    let forgotten = notebook.with(async |store| store.forget(&what, "on request").await)?;
    notebook.close();
    Ok(ForgetReport {
        schema: FORGET_SCHEMA.to_owned(),
        facts: forgotten.facts,
        objects: forgotten.objects,
        bytes: forgotten.bytes,
        unused_objects: 0,
        unused_bytes: 0,
    })
}

/// Writes the whole memory into one file, without secrets.
///
/// # Errors
/// When there is no memory, or the file cannot be written.
pub fn export(
    context: &Context,
    file: &Path,
    options: &ExportOptions,
) -> Result<ExportReport, MemoryError> {
    let mut notebook = existing(context)?;
    let exported = notebook
        .with(async |store| store.export(file, options).await)
        .map_err(|source| MemoryError::of_pack(file, source))?;
    Ok(ExportReport {
        schema: EXPORT_SCHEMA.to_owned(),
        file: file.display().to_string(),
        bytes: exported.bytes,
        objects_left_out: exported.objects_too_large,
        objects_with_secrets: exported.objects_with_secrets,
        objects_missing: exported.objects_missing,
        masked: exported.masked,
    })
}

/// Takes a pack in. Doing it twice, or in another order, gives the same memory.
///
/// # Errors
/// When the file is no sound pack; then nothing is taken in.
pub fn import(context: &Context, file: &Path) -> Result<ImportReport, MemoryError> {
    let mut notebook = Notebook::write(context)?;
    let limits = ImportLimits::default();
    let imported = notebook
        .with(async |store| store.import(file, &limits).await)
        .map_err(|source| MemoryError::of_pack(file, source))?;
    notebook.close();
    Ok(ImportReport {
        schema: IMPORT_SCHEMA.to_owned(),
        file: file.display().to_string(),
        new_facts: imported.new_facts,
        known_facts: imported.known_facts,
        forgotten_facts: imported.forgotten_facts,
        conflicting_facts: imported.conflicting_facts,
        new_objects: imported.new_objects,
        objects_with_secrets: imported.objects_with_secrets,
        masked: imported.masked,
    })
}

fn existing(context: &Context) -> Result<Notebook, MemoryError> {
    let missing = || MemoryError::Missing(context.home.display().to_string());
    Notebook::read(context)?.ok_or_else(missing)
}

/// A memory that exists, opened for writing: forgetting makes none.
fn writable(context: &Context) -> Result<Notebook, MemoryError> {
    drop(existing(context)?);
    Ok(Notebook::write(context)?)
}

fn full_ids(notebook: &mut Notebook, ids: &[String]) -> Result<Vec<String>, MemoryError> {
    let mut full = Vec::with_capacity(ids.len());
    for id in ids {
        full.push(notebook.with(async |store| store.run(id).await)?.run.id);
    }
    Ok(full)
}
