//! `logs_tail`: the end of a run's log, or the lines of it that hold a text.

use std::sync::atomic::AtomicBool;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value, json};
use wgx_verbs::context::Context;
use wgx_verbs::runs::{self, RunsRequest};

use super::{Tool, ToolError, always, parameters, within};
use crate::mcp::world::World;

/// Characters of one line that are shown.
const MAX_LINE_CHARS: usize = 2_000;

pub(super) const TOOL: Tool = Tool {
    name: "logs_tail",
    title: "End of a log",
    about: "The last lines of a run's log (default: the newest run of the repository), or its lines that hold a text. \
            Secrets are masked. Read backwards with `before`.",
    acts: false,
    schema: || schema_for!(Parameters),
    is_there: always,
    call,
};

/// Parameters of `logs_tail`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Folder of the repository; default: where the server was started.
    repo: Option<String>,
    /// The run: its id or the beginning of it; default: the newest one with a log.
    run: Option<String>,
    /// Only lines that hold this text, whatever its case.
    filter: Option<String>,
    /// At most so many lines, 1 to 2,000; default 100.
    lines: Option<u32>,
    /// Only lines before this number (`first` of the answer before), counted from 1.
    before: Option<u32>,
}

fn call(world: &World, given: Value, _: &AtomicBool) -> Result<Value, ToolError> {
    let asked: Parameters = parameters(given)?;
    let limit = within("lines", asked.lines, 100, 1..=2_000)? as usize;
    let context = world.repository(asked.repo.as_deref())?;
    let run = match asked.run {
        Some(run) => {
            world.may_see(&context, &run)?;
            run
        }
        None => newest(&context)?,
    };
    let log = runs::log(&context, &run)?;
    let filter = asked.filter.map(|filter| filter.to_lowercase());
    let before = asked.before.map_or(usize::MAX, |before| before as usize);
    let wanted = |(number, line): &(usize, &str)| {
        *number < before
            && filter.as_ref().is_none_or(|filter| line.to_lowercase().contains(filter.as_str()))
    };
    let all: Vec<(usize, &str)> = (1..).zip(log.text.lines()).collect();
    let total = all.len();
    let mut kept: Vec<(usize, &str)> = all.into_iter().rev().filter(wanted).take(limit).collect();
    kept.reverse();
    let mut cut = 0_usize;
    let shown: Vec<Value> = kept
        .iter()
        .map(|(number, line)| {
            let (text, is_cut) = plain(line);
            cut += usize::from(is_cut);
            json!([number, text])
        })
        .collect();
    Ok(json!({
        "run": log.id,
        "total_lines": total,
        "first": kept.first().map(|(number, _)| number),
        "lines": shown,
        "lines_cut": cut,
    }))
}

/// The newest run that has a log.
fn newest(context: &Context) -> Result<String, ToolError> {
    let request = RunsRequest { limit: Some(20), ..RunsRequest::default() };
    let found = runs::runs(context, &request)?.runs.into_iter().find(|run| run.log.is_some());
    found.map(|run| run.id).ok_or_else(|| {
        ToolError::failed("no run of this repository has a log", "task_run starts one")
    })
}

/// A line without what only a terminal understands, and whether it was too long to be shown whole.
pub(super) fn plain(line: &str) -> (String, bool) {
    let text = memory::plain_text(line);
    let mut chars = text.chars().filter(|char| !char.is_control() || *char == '\t');
    let shown: String = chars.by_ref().take(MAX_LINE_CHARS).collect();
    let is_cut = chars.next().is_some();
    (shown, is_cut)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_line_loses_what_only_a_terminal_understands() {
        let line =
            "\u{1b}[1;31merror\u{1b}[0m: \u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7} \u{8}end";
        assert_eq!(plain(line), ("error: link end".to_owned(), false));
    }

    #[test]
    fn an_endless_line_is_cut_and_said() {
        let (text, is_cut) = plain(&"ä".repeat(5_000));
        assert_eq!((text.chars().count(), is_cut), (2_000, true));
    }
}
