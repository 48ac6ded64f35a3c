//! `memory_search`: runs whose logs hold all the words, and the best passages of the index where the daemon answers.

use std::sync::atomic::AtomicBool;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_verbs::runs::{self, RunsRequest};

use super::{Tool, ToolError, always, as_json, parameters, within};
use crate::mcp::world::World;

pub(super) const TOOL: Tool = Tool {
    name: "memory_search",
    title: "Search the memory",
    about: "Search over what the house knows: the logs of all recorded runs that mention these words, and, while the \
            daemon runs, the best passages of indexed documents with citations. Use it for error messages seen before.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: always,
    call,
};

/// Parameters of `memory_search`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Words that all must occur; 1 to 400 characters.
    query: String,
    /// Folder of the repository; default: where the server was started.
    repo: Option<String>,
    /// Over all repositories on this machine.
    #[serde(default)]
    all: bool,
    /// At most so many, 1 to 100; default 20.
    limit: Option<u32>,
}

fn call(world: &World, given: Value, _: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let limit = within("limit", asked.limit, 20, 1..=100)?;
    let length = asked.query.trim().chars().count();
    if !(1..=400).contains(&length) {
        return Err(ToolError::invalid("query", format!("{length} characters are not 1 to 400")));
    }
    let context = world.repository(asked.repo.as_deref())?;
    let request = RunsRequest {
        all: asked.all && world.sees_all(),
        limit: Some(limit),
        ..RunsRequest::default()
    };
    let mut report = as_json(&runs::search(&context, &asked.query, &request)?)?;
    if world.sees_all() {
        match world.house().passages(&asked.query, limit) {
            Ok(mut found) => report["passages"] = found["matches"].take(),
            Err(error) => {
                report["notes"] =
                    json!([format!("only logs of runs were searched: {}", error.message)]);
            }
        }
    }
    Ok(report)
}
