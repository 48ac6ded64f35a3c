//! `plugin_status`: what the daemon's plugins do.

use std::sync::atomic::AtomicBool;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::Value;

use super::{Tool, ToolError, always, parameters};
use crate::mcp::world::World;

pub(super) const TOOL: Tool = Tool {
    name: "plugin_status",
    title: "State of the plugins",
    about: "State, cause, restarts, queue and memory of every plugin of the local daemon, and the models they bring.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: always,
    call,
};

/// `plugin_status` has no parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {}

fn call(world: &World, given: Value, _: &AtomicBool) -> Result<Value, ToolError> {
    let Parameters {} = parameters(given)?;
    let mut report = world.house().plugins()?;
    if !world.sees_all() {
        // What plugins wrote and which processes they are is for the owner.
        for plugin in report["plugins"].as_array_mut().into_iter().flatten() {
            for name in ["last_error", "cause", "pid"] {
                plugin.as_object_mut().map(|plugin| plugin.remove(name));
            }
        }
    }
    Ok(report)
}
