//! `repo.command`: starts a program of the list in a repository.

use std::ffi::OsString;

use redact::Depth;
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_tasks::process::{Capture, Limits, capture, capture::minimal_environment};

use super::{Agent, Fault};

/// Bytes of each stream that are kept.
const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// Parameters of `repo.command`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    repo: String,
    /// A name of the list.
    name: String,
    /// Further arguments, where the list allows them; at most 100.
    #[serde(default)]
    args: Vec<String>,
}

pub(super) fn command(agent: &Agent, asked: &Named) -> Result<Value, Fault> {
    agent.require_write()?;
    let Some(command) = agent.commands.iter().find(|command| command.name == asked.name) else {
        let names: Vec<&str> = agent.commands.iter().map(|command| command.name.as_str()).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(Fault::forbidden(format!("the list of commands holds {names}")));
    };
    if !asked.args.is_empty() && !command.allow_args {
        return Err(Fault::forbidden(format!("the list allows {} no arguments", command.name)));
    }
    if asked.args.len() > 100 {
        return Err(Fault::invalid("args", "they are more than 100"));
    }
    let place = agent.place(&asked.repo)?;
    let argv: Vec<OsString> = command.argv.iter().chain(&asked.args).map(OsString::from).collect();
    let environment = minimal_environment(&agent.environment);
    let answer = capture(Capture {
        argv: &argv,
        dir: place.path(),
        environment: &environment,
        limits: Limits {
            timeout_ms: command.timeout_s.unwrap_or(60) * 1_000,
            max_output_bytes: MAX_OUTPUT_BYTES,
        },
    });
    let answer = answer.map_err(|error| Fault::failed(error.to_string()))?;
    let masked = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        agent.redactor.redact(&text, Depth::Deep).text.into_owned()
    };
    Ok(json!({
        "exit_code": answer.code,
        "signal": answer.signal,
        "timed_out": answer.timed_out,
        "duration_ms": answer.duration_ms,
        "stdout": masked(&answer.stdout),
        "stderr": masked(&answer.stderr),
        "omitted_bytes": answer.omitted_bytes,
    }))
}
