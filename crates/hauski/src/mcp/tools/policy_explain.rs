//! `policy_explain`: whether something would be allowed, and by which rule.

use std::sync::atomic::AtomicBool;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{Tool, ToolError, always, as_json, parameters};
use crate::mcp::world::World;

pub(super) const TOOL: Tool = Tool {
    name: "policy_explain",
    title: "Explain the policy",
    about: "Say whether the house would dial a URL or allow an action, by which rule, and what would have to change. \
            Nothing is dialled.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: always,
    call,
};

/// Parameters of `policy_explain`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// A URL such as `https://api.example.org/v1`, or an action as `hauski policy explain` takes it; up to 4,096 characters.
    subject: String,
}

fn call(world: &World, given: Value, _: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let length = asked.subject.chars().count();
    if !(1..=4_096).contains(&length) {
        return Err(ToolError::invalid(
            "subject",
            format!("{length} characters are not 1 to 4096"),
        ));
    }
    let policies = world.house().policies()?;
    match policy::explain(&asked.subject, &policies, None) {
        Ok(report) => as_json(&report),
        Err(error) => Err(ToolError::failed(error.to_string(), error.hint())),
    }
}
