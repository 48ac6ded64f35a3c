//! `repo.search`: lines that hold a text or fit a regular expression, secrets masked.

use redact::Depth;
use regex::RegexBuilder;
use serde::Deserialize;
use serde_json::{Value, json};

use super::place::MAX_FILE_BYTES;
use super::tree::walk;
use super::{Agent, Fault, within};

/// Characters of one line that are shown.
const MAX_LINE_CHARS: usize = 400;

/// Parameters of `repo.search`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    repo: String,
    /// A text, or with `regex` a regular expression; 1 to 1,000 characters.
    pattern: String,
    #[serde(default)]
    regex: bool,
    /// Upper and lower case differ; default true.
    case_sensitive: Option<bool>,
    /// Only below this folder.
    path: Option<String>,
    /// At most so many lines, 1 to 1,000; default 100.
    limit: Option<u64>,
}

pub(super) fn search(agent: &Agent, asked: &Search) -> Result<Value, Fault> {
    let limit = within("limit", asked.limit, 100, 1..=1_000)?;
    let length = asked.pattern.chars().count();
    if !(1..=1_000).contains(&length) {
        let what = format!("{length} characters are not 1 to 1000");
        return Err(Fault::invalid("pattern", what));
    }
    let pattern = if asked.regex { asked.pattern.clone() } else { regex::escape(&asked.pattern) };
    let pattern = RegexBuilder::new(&pattern)
        .case_insensitive(!asked.case_sensitive.unwrap_or(true))
        .size_limit(1 << 20)
        .build()
        .map_err(|_| Fault::invalid("pattern", "it is no regular expression of a bounded size"))?;
    let place = agent.place(&asked.repo)?;
    let found = walk(&place, asked.path.as_deref(), 100)?;
    let (mut hits, mut more, mut not_text, mut too_large) = (Vec::new(), 0_u64, 0_u64, 0_u64);
    for file in &found.files {
        if file.bytes > MAX_FILE_BYTES {
            too_large += 1;
            continue;
        }
        let Ok(Some(contents)) = place.read(&file.path) else {
            not_text += 1;
            continue;
        };
        let Ok(text) = std::str::from_utf8(&contents.bytes) else {
            not_text += 1;
            continue;
        };
        if !pattern.is_match(text) {
            continue;
        }
        let masked = agent.redactor.redact(text, Depth::Deep);
        for (number, line) in (1_u64..).zip(masked.text.lines()) {
            if !pattern.is_match(line) {
                continue;
            }
            if hits.len() == limit {
                more += 1;
                continue;
            }
            let shown: String = line.chars().take(MAX_LINE_CHARS).collect();
            hits.push(json!({ "path": file.path, "line": number, "text": shown }));
        }
    }
    Ok(json!({
        "hits": hits,
        "more": more,
        "files": found.files.len(),
        "files_not_text": not_text,
        "files_too_large": too_large,
        "not_seen": found.not_seen,
    }))
}
