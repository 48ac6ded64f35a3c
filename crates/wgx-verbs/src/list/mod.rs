//! `wgx list`: every task the repository offers.

mod ask;

use contracts::wgx::list::{ListReport, SCHEMA};
use contracts::wgx::{Task, TaskSource};
use wgx_tasks::files::RepoFiles;
use wgx_tasks::sources::{self, DiscoverOptions, Discovery, Environment};

use crate::context::Context;
use crate::{phrase, shown};

/// What to list.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Also look into nested folders that nothing includes or declares.
    pub deep: bool,
    /// Also list tasks of Markdown files.
    pub markdown: bool,
    /// Only these sources; all when empty.
    pub sources: Vec<TaskSource>,
    /// Also ask native tools. Some execute code of the repository while listing: only for a trusted one.
    pub ask_tools: bool,
}

/// Lists tasks by a static parse; executes nothing unless native tools are to be asked.
///
/// # Errors
/// When the root cannot be read. Faults inside files are notes of the report.
pub fn list(context: &Context, request: &ListRequest) -> std::io::Result<ListReport> {
    let found = discover(context, request)?;
    let mut report = report(found, request);
    if request.ask_tools {
        ask::ask(context, &RepoFiles::new(&context.root.path)?, &mut report);
    }
    shown::tasks(&mut report.tasks);
    shown::notes(&mut report.notes);
    Ok(report)
}

/// The discovery behind [`list`], for verbs that go on to run something. Tasks are marked destructive.
///
/// # Errors
/// As [`list`].
pub fn discover(context: &Context, request: &ListRequest) -> std::io::Result<Discovery> {
    let options = DiscoverOptions {
        deep: request.deep,
        markdown: request.markdown,
        environment: Environment::new(context.environment.kept.clone()),
    };
    let mut found = sources::discover(&context.root.path, &options)?;
    for task in &mut found.tasks {
        task.task.destructive = phrase::destructive_reason(task).is_some();
    }
    Ok(found)
}

fn report(found: Discovery, request: &ListRequest) -> ListReport {
    let wanted =
        |source: TaskSource| request.sources.is_empty() || request.sources.contains(&source);
    let notes: Vec<_> = found.notes.into_iter().filter(|note| wanted(note.source)).collect();
    let tasks: Vec<Task> = found
        .tasks
        .into_iter()
        .map(|found| found.task)
        .filter(|task| wanted(task.source))
        .collect();
    ListReport {
        schema: SCHEMA.to_owned(),
        root: found.root.to_string_lossy().into_owned(),
        complete: notes.is_empty(),
        tasks,
        notes,
    }
}
