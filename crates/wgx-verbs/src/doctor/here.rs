//! `wgx doctor` for the machine and the repository as they are: collects the facts, reading only.

use contracts::wgx::doctor::DoctorReport;
use memory::{StoreError, normalise_origin};
use wgx_tasks::files::RepoFiles;
use wgx_tasks::git::{Fact, Git, Repository};
use wgx_tasks::process::Limits;
use wgx_tasks::profile::{self, Os};

use super::{
    DoctorFacts, GitFacts, HomeFacts, MemoryState, TerminalFacts, TrustState, doctor, look_at_home,
    tools_to_ask,
};
use crate::context::Context;
use crate::list::{self, ListRequest};
use crate::machine;
use crate::notebook::{Notebook, NotebookError};
use crate::run;
use crate::trust::{self, TrustRequest};
use crate::up::find_needs;

/// How long git may take to tell the origin, in milliseconds.
const GIT_TIMEOUT_MS: u64 = 5_000;

/// Collects everything and judges it. Starts tools to ask for their version, and git where files do not
/// tell the origin; nothing of the repository.
///
/// # Errors
/// When the repository cannot be read. Everything else that is wrong is a finding.
pub fn doctor_here(context: &Context) -> std::io::Result<DoctorReport> {
    let found = list::discover(context, &ListRequest::default())?;
    let files = RepoFiles::new(&context.root.path)?;
    let loaded = profile::load(&files, "", Os::current());
    let profile = loaded.as_ref().map(|loaded| &loaded.profile);
    let needs = find_needs(&files, profile, run::is_within_up(context));
    let trust = trust_state(context);
    let names = tools_to_ask(&needs, &found.tasks);
    let machine = machine::record(context, &needs, &names, trust == TrustState::Trusted);
    let home =
        HomeFacts { path: context.home.display().to_string(), state: look_at_home(&context.home) };
    let removed = &context.environment.removed;
    let removed: Vec<String> =
        removed.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    Ok(doctor(DoctorFacts {
        machine: &machine,
        needs: &needs,
        tasks: &found.tasks,
        profile: loaded.as_ref(),
        git: &git_facts(context),
        home: &home,
        memory: &memory_state(context),
        trust,
        terminal: &terminal(context),
        removed_environment: &removed,
    }))
}

/// A memory that cannot be read is a finding of its own; then nothing is trusted.
fn trust_state(context: &Context) -> TrustState {
    match trust::trust(context, TrustRequest::Status) {
        Ok(report) if report.trusted => TrustState::Trusted,
        Ok(report) if report.changed_since_trust => TrustState::Changed,
        _ => TrustState::Unknown,
    }
}

fn git_facts(context: &Context) -> GitFacts {
    let Some(repository) = Repository::find(&context.root.path) else {
        return GitFacts::default();
    };
    let limits = Limits { timeout_ms: GIT_TIMEOUT_MS, ..Limits::default() };
    let git = Git { environment: &context.environment.kept, limits };
    let origin = match repository.origin() {
        Fact::Known(origin) => origin,
        Fact::AskGit(_) => git.origin(&repository).unwrap_or_default(),
    };
    // The normalised form has neither user nor password.
    GitFacts { in_work_tree: true, origin: origin.map(|origin| normalise_origin(&origin)) }
}

fn memory_state(context: &Context) -> MemoryState {
    match look_into_memory(context) {
        Ok(state) => state,
        Err(NotebookError::Store(error)) if matches!(error, StoreError::Newer { .. }) => {
            MemoryState::Newer { message: error.to_string() }
        }
        Err(error) => MemoryState::Broken { message: chain(&error) },
    }
}

fn look_into_memory(context: &Context) -> Result<MemoryState, NotebookError> {
    let Some(mut notebook) = Notebook::read(context)? else { return Ok(MemoryState::Absent) };
    let (damage, stats) = notebook.with(async |store| {
        let damage = store.quick_check().await?;
        Ok::<_, StoreError>((damage, store.stats().await?))
    })?;
    notebook.close();
    Ok(match damage.first() {
        None => MemoryState::Sound { runs: stats.runs },
        Some(first) => {
            let more = match damage.len() - 1 {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            MemoryState::Broken { message: format!("the database is damaged: {first}{more}") }
        }
    })
}

/// An error with its causes, each once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}

/// The locale in the order in which the C library looks for it.
fn terminal(context: &Context) -> TerminalFacts {
    let names = ["LC_ALL", "LC_CTYPE", "LANG"];
    let set = names.iter().filter_map(|name| context.variable(name));
    let locale = set.into_iter().find(|value| !value.is_empty()).map(str::to_owned);
    TerminalFacts {
        streams: context.terminal,
        term: context.variable("TERM").map(str::to_owned),
        locale,
    }
}
