//! `task_run`: starts a task of a repository and says how it ended.

use std::sync::atomic::AtomicBool;

use audit::Outcome;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_verbs::list::{self, ListRequest};
use wgx_verbs::runs;

use super::logs_tail::plain;
use super::{Tool, ToolError, parameters, within};
use crate::mcp::child;
use crate::mcp::world::{World, require_trust};

/// Lines of the log that come with the answer.
const TAIL_LINES: usize = 60;

pub(super) const TOOL: Tool = Tool {
    name: "task_run",
    title: "Run a task",
    about: "Start a task of a repository by its exact name or id (see task_list), wait for its end, and get exit code, \
            run id and the last lines of its log. The run is recorded. Needs the person's trust in the repository; \
            a destructive task also needs `confirm`.",
    acts: true,
    schema: || schema_for!(Parameters),
    is_there: World::may_run,
    call,
};

/// Parameters of `task_run`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Exact name or id of the task.
    task: String,
    /// Folder of the repository; default: where the server was started.
    repo: Option<String>,
    /// What goes on to the task; at most 100.
    #[serde(default)]
    args: Vec<String>,
    /// Seconds after which it is stopped, 1 to 3,600; default 600.
    timeout_s: Option<u32>,
    /// Only show what would be executed.
    #[serde(default)]
    dry_run: bool,
    /// The same name again, to start a task that may destroy or publish something.
    confirm: Option<String>,
}

fn call(world: &World, given: Value, cancel: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let timeout_s = within("timeout_s", asked.timeout_s, 600, 1..=3_600)?;
    if asked.args.len() > 100 {
        return Err(ToolError::invalid("args", format!("{} are more than 100", asked.args.len())));
    }
    if !world.may_run() {
        return Err(ToolError::failed(
            "this key may not start tasks",
            "a person can make one that may: hauski keys create --scope mcp,tasks",
        ));
    }
    let context = world.repository(asked.repo.as_deref())?;
    let report = list::list(&context, &ListRequest::default())
        .map_err(|error| ToolError::invalid("repo", format!("it cannot be read: {error}")))?;
    // Of several tasks with one name, the first in the list is the one that starts.
    let is_meant = |task: &&contracts::wgx::Task| {
        task.id == asked.task || task.name == asked.task || task.aliases.contains(&asked.task)
    };
    let Some(task) = report.tasks.iter().find(is_meant) else {
        return Err(ToolError::invalid(
            "task",
            "no task has exactly this name or id; see task_list",
        ));
    };
    if !asked.dry_run {
        require_trust(&context)?;
        let is_confirmed = !task.destructive || asked.confirm.as_deref() == Some(&asked.task);
        let outcome = if is_confirmed { Outcome::Ok } else { Outcome::Denied };
        world.record("task.run", &task.id, &context, outcome)?;
        if !is_confirmed {
            return Err(ToolError::invalid(
                "confirm",
                "this task may destroy or publish something: ask the person, then repeat its name here",
            ));
        }
    }
    let job = child::Job {
        task: task.id.clone(),
        args: asked.args,
        dry_run: asked.dry_run,
        timeout_ms: u64::from(timeout_s) * 1_000,
    };
    let report = child::start(&world.surroundings().program, &context, &job, cancel, &mut |_| {})?;
    if asked.dry_run {
        return Ok(json!({ "dry_run": true, "steps": report["steps"] }));
    }
    let steps = report["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let last = steps.last().unwrap_or(&Value::Null);
    let run = last["run_id"].as_str();
    let log = run.and_then(|run| runs::log(&context, run).ok());
    let lines: Vec<&str> = log.as_ref().map(|log| log.text.lines().collect()).unwrap_or_default();
    let tail = lines.len().saturating_sub(TAIL_LINES);
    let shown: Vec<String> = lines[tail..].iter().map(|line| plain(line).0).collect();
    Ok(json!({
        "task": task.id,
        "exit_code": report["exit_code"],
        "timed_out": last["timed_out"],
        "run": run,
        "duration_ms": last["duration_ms"],
        "steps": steps.iter().map(|step| json!({
            "task": step["task"], "reason": step["reason"], "skipped": step["skipped"],
            "exit_code": step["exit_code"], "run": step["run_id"],
        })).collect::<Vec<_>>(),
        "log_lines": lines.len(),
        "log_lines_before": tail,
        "log_tail": shown,
    }))
}
