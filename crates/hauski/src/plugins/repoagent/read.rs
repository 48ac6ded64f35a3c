//! `repo.read`: lines of a file, secrets masked.

use redact::Depth;
use serde::Deserialize;
use serde_json::{Value, json};

use super::patch::hash;
use super::{Agent, Fault, within};

/// Parameters of `repo.read`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Read {
    repo: String,
    path: String,
    /// First line, from 1; default 1.
    from: Option<u64>,
    /// At most so many, 1 to 10,000; default 2,000.
    lines: Option<u64>,
}

pub(super) fn read(agent: &Agent, asked: &Read) -> Result<Value, Fault> {
    let from = within("from", asked.from, 1, 1..=u64::from(u32::MAX))?;
    let lines = within("lines", asked.lines, 2_000, 1..=10_000)?;
    let place = agent.place(&asked.repo)?;
    let Some(contents) = place.read(&asked.path)? else {
        return Err(Fault::invalid("path", format!("there is no {}", asked.path)));
    };
    let Ok(text) = std::str::from_utf8(&contents.bytes) else {
        return Err(Fault::invalid("path", format!("{} is not UTF-8 text", asked.path)));
    };
    // Masked as a whole: a secret may go over several lines.
    let masked = agent.redactor.redact(text, Depth::Deep);
    let total = masked.text.lines().count();
    let shown: Vec<&str> = masked.text.lines().skip(from - 1).take(lines).collect();
    Ok(json!({
        "path": asked.path,
        "sha256": hash(&contents.bytes),
        "from": from,
        "total_lines": total,
        "next": (from - 1 + shown.len() < total).then_some(from + shown.len()),
        "secrets_masked": masked.spans.len(),
        "text": shown.join("\n"),
    }))
}
