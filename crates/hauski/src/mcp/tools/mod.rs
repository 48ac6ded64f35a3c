//! The tools, one file each: a name, what it is for, its parameters, and a function from these to a report.

mod logs_tail;
mod memory_search;
mod plugin_status;
mod policy_explain;
mod repo_pack;
mod run_history;
mod task_list;
mod task_run;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

use schemars::Schema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use wgx_verbs::runs::RunsError;

use super::world::World;

/// All tools, in the order in which clients show them.
pub(super) const ALL: &[Tool] = &[
    task_list::TOOL,
    task_run::TOOL,
    run_history::TOOL,
    logs_tail::TOOL,
    repo_pack::TOOL,
    memory_search::TOOL,
    plugin_status::TOOL,
    policy_explain::TOOL,
];

/// One tool.
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// For people.
    pub(super) title: &'static str,
    /// For models: what it gives and when to use it.
    pub(super) about: &'static str,
    /// Whether it does more than read.
    pub(super) acts: bool,
    /// Of its parameters.
    pub(super) schema: fn() -> Schema,
    /// Whether what it needs is on this machine.
    pub(super) is_there: fn(&World) -> bool,
    /// Works on a thread of its own; the flag is set when the client does not want the answer any more.
    pub(super) call: fn(&World, Value, &AtomicBool) -> Result<Value, ToolError>,
}

/// Why a tool gave no report. It is an answer for the model, not a fault of the protocol.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ToolError {
    pub(crate) message: String,
    /// The parameter at fault.
    pub(super) param: Option<&'static str>,
    /// What to do.
    pub(crate) hint: Option<String>,
}

impl ToolError {
    pub(super) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self { message: message.into(), param: Some(param), hint: None }
    }

    pub(crate) fn failed(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), param: None, hint: Some(hint.into()) }
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(param) = self.param {
            write!(f, "`{param}`: ")?;
        }
        write!(f, "{}", self.message)?;
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n{hint}"))
    }
}

impl From<RunsError> for ToolError {
    fn from(error: RunsError) -> Self {
        let hint = error.hint();
        Self::failed(error.to_string(), hint)
    }
}

fn always(_: &World) -> bool {
    true
}

/// The parameters of a call; what does not fit is named.
fn parameters<T: DeserializeOwned>(given: Value) -> Result<T, ToolError> {
    serde_json::from_value(given).map_err(|error| ToolError {
        message: format!("the arguments do not fit: {error}"),
        param: None,
        hint: Some("the tool's input schema names them".into()),
    })
}

/// A number inside its range, or its default.
fn within(
    param: &'static str,
    given: Option<u32>,
    default: u32,
    range: RangeInclusive<u32>,
) -> Result<u32, ToolError> {
    let value = given.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    let (least, most) = (range.start(), range.end());
    Err(ToolError::invalid(param, format!("{value} is not between {least} and {most}")))
}

/// One page of a list: from `cursor` on, at most `limit`, and where the next one begins.
fn page<T>(items: Vec<T>, cursor: Option<u32>, limit: u32) -> (Vec<T>, Option<u32>) {
    let from = cursor.unwrap_or(0) as usize;
    let more = items.len() > from.saturating_add(limit as usize);
    let items = items.into_iter().skip(from).take(limit as usize).collect();
    (items, more.then(|| cursor.unwrap_or(0).saturating_add(limit)))
}

/// A report as JSON.
fn as_json(report: &impl serde::Serialize) -> Result<Value, ToolError> {
    serde_json::to_value(report)
        .map_err(|error| ToolError::failed(format!("the report cannot be written: {error}"), ""))
}
