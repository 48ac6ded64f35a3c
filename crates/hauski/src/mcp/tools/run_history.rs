//! `run_history`: what ran, and how it ended.

use std::sync::atomic::AtomicBool;

use memory::Outcome;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;
use wgx_verbs::runs::{self, RunsRequest};

use super::{Tool, ToolError, always, as_json, parameters, within};
use crate::mcp::world::World;

pub(super) const TOOL: Tool = Tool {
    name: "run_history",
    title: "History of runs",
    about: "List recorded runs of tasks, newest first: how they ended, how long they took, which log belongs to them. \
            With `run`, everything about one run: environment, first errors, and the run that mended it.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: always,
    call,
};

/// Parameters of `run_history`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Folder of the repository; default: where the server was started.
    repo: Option<String>,
    /// Only this run: its id or the beginning of it.
    run: Option<String>,
    /// Of all repositories on this machine.
    #[serde(default)]
    all: bool,
    /// Only of this task: its id, name or alias.
    task: Option<String>,
    /// Only runs that ended so.
    ended: Option<Ended>,
    /// Only runs of the last so many hours, 1 to 87,600.
    hours: Option<u32>,
    /// At most so many, 1 to 200; default 20.
    limit: Option<u32>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Ended {
    /// With exit code 0.
    Passed,
    /// With another.
    Failed,
    /// Not yet, or it was cut off.
    Open,
}

fn call(world: &World, given: Value, _: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let limit = within("limit", asked.limit, 20, 1..=200)?;
    let hours = asked.hours.map(|hours| within("hours", Some(hours), 1, 1..=87_600)).transpose()?;
    let context = world.repository(asked.repo.as_deref())?;
    if let Some(run) = asked.run {
        world.may_see(&context, &run)?;
        return as_json(&runs::show(&context, &run)?);
    }
    let request = RunsRequest {
        all: asked.all && world.sees_all(),
        task: asked.task,
        outcome: asked.ended.map(|ended| match ended {
            Ended::Passed => Outcome::Passed,
            Ended::Failed => Outcome::Failed,
            Ended::Open => Outcome::Open,
        }),
        within_ms: hours.map(|hours| u64::from(hours) * 3_600_000),
        limit: Some(limit),
        ..RunsRequest::default()
    };
    as_json(&runs::runs(&context, &request)?)
}
