//! `task_list`: what a repository offers to run.

use std::sync::atomic::AtomicBool;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_verbs::list::{self, ListRequest};

use super::{Tool, ToolError, always, as_json, page, parameters, within};
use crate::mcp::world::World;

pub(super) const TOOL: Tool = Tool {
    name: "task_list",
    title: "Tasks of a repository",
    about: "List what a repository offers to run (just, make, npm, cargo, CI jobs and 20 more sources), with ids, \
            descriptions and arguments. Executes nothing. Use it before task_run.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: always,
    call,
};

/// Parameters of `task_list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Folder of the repository; default: where the server was started.
    repo: Option<String>,
    /// Only tasks whose id, name or description holds this text, whatever its case.
    filter: Option<String>,
    /// At most so many, 1 to 500; default 100.
    limit: Option<u32>,
    /// `next` of the answer before.
    cursor: Option<u32>,
}

fn call(world: &World, given: Value, _: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let limit = within("limit", asked.limit, 100, 1..=500)?;
    let context = world.repository(asked.repo.as_deref())?;
    let report = list::list(&context, &ListRequest::default())
        .map_err(|error| ToolError::invalid("repo", format!("it cannot be read: {error}")))?;
    let filter = asked.filter.map(|filter| filter.to_lowercase());
    let fits = |text: &str| {
        filter.as_ref().is_none_or(|filter| text.to_lowercase().contains(filter.as_str()))
    };
    let mut tasks = report.tasks;
    tasks.retain(|task| {
        fits(&task.id) || fits(&task.name) || task.description.as_deref().is_some_and(fits)
    });
    let total = tasks.len();
    let (tasks, next) = page(tasks, asked.cursor, limit);
    let broken: Vec<_> = report.notes.iter().filter(|note| note.broken).collect();
    Ok(json!({
        "root": report.root,
        "total": total,
        "tasks": as_json(&tasks)?,
        "next": next,
        "broken_files": as_json(&broken)?,
    }))
}
