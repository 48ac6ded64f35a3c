//! `repo_pack`: what matters in a repository for a task, inside a token budget. Offered where `repolens` is installed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_tasks::process::{Capture, Limits, capture_until};
use wgx_tasks::tools::find_program;

use super::{Tool, ToolError, parameters, within};
use crate::mcp::world::World;

/// The program of the lens.
const PROGRAM: &str = "repolens";
/// Time for one pack, in milliseconds.
const TIMEOUT_MS: u64 = 120_000;
/// Bytes of a pack: more than the largest budget needs.
const MAX_BYTES: usize = 8 << 20;

pub(super) const TOOL: Tool = Tool {
    name: "repo_pack",
    title: "Context for a task",
    about: "Choose the files, definitions and signatures of a repository that matter for a task, inside an exact token \
            budget, as one Markdown text with secrets masked. Executes nothing of the repository.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: |world| program(world).is_some(),
    call,
};

/// Parameters of `repo_pack`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// What is to be done, in plain words; 1 to 20,000 characters.
    task: String,
    /// Folder of the repository; default: where the server was started.
    repo: Option<String>,
    /// Most tokens of the text (o200k), 1,000 to 200,000; default 8,000.
    budget: Option<u32>,
}

/// `repolens` beside this program, else on the search path.
fn program(world: &World) -> Option<PathBuf> {
    let about = world.surroundings();
    let beside = about.program.with_file_name(PROGRAM);
    if beside.is_file() {
        return Some(beside);
    }
    let path = about.variables.iter().find(|(name, _)| name == "PATH");
    find_program(PROGRAM, path.map(|(_, value)| value.as_os_str()).unwrap_or_default())
}

fn call(world: &World, given: Value, cancel: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let budget = within("budget", asked.budget, 8_000, 1_000..=200_000)?;
    let length = asked.task.trim().chars().count();
    if !(1..=20_000).contains(&length) {
        return Err(ToolError::invalid("task", format!("{length} characters are not 1 to 20000")));
    }
    let context = world.repository(asked.repo.as_deref())?;
    let Some(program) = program(world) else {
        return Err(ToolError::failed(
            "repolens is not installed",
            "install it: cargo install --locked --path crates/repolens",
        ));
    };
    let argv: [OsString; 7] = [
        program.into(),
        "pack".into(),
        "--budget".into(),
        budget.to_string().into(),
        "--".into(),
        asked.task.into(),
        context.root.path.clone().into(),
    ];
    let question = Capture {
        argv: &argv,
        dir: &context.root.path,
        environment: &context.environment.kept,
        limits: Limits { timeout_ms: TIMEOUT_MS, max_output_bytes: MAX_BYTES },
    };
    let answer = capture_until(question, cancel)
        .map_err(|error| ToolError::failed(error.to_string(), "`repolens --version` must work"))?;
    let said = String::from_utf8_lossy(&answer.stderr);
    if answer.timed_out || answer.cancelled {
        return Err(ToolError::failed("the pack was not finished", "ask for a smaller repository"));
    }
    if answer.code != Some(0) {
        return Err(ToolError::failed(said.trim().to_owned(), ""));
    }
    if answer.omitted_bytes > 0 {
        return Err(ToolError::failed("the pack is larger than 8 MiB", "ask for a smaller budget"));
    }
    Ok(json!({
        "root": context.root.path.to_string_lossy(),
        "budget": budget,
        "text": String::from_utf8_lossy(&answer.stdout),
        "notes": said.trim(),
    }))
}
