//! What a printed line says about itself.

use std::borrow::Cow;

use contracts::hauski::protocol::Level;
use serde_json::{Map, Value};

/// Level, message and fields of a line: of a JSON object by its keys, of text by the level it begins with.
pub(super) fn understand(text: &str) -> (Level, Cow<'_, str>, Map<String, Value>) {
    if text.starts_with('{')
        && let Ok(Value::Object(fields)) = serde_json::from_str(text)
        && let Some(parts) = from_json(fields)
    {
        return parts;
    }
    (level_of_text(text).unwrap_or(Level::Info), Cow::Borrowed(text), Map::new())
}

fn from_json(
    mut fields: Map<String, Value>,
) -> Option<(Level, Cow<'static, str>, Map<String, Value>)> {
    let mut take = |names: &[&str]| {
        let name = names.iter().find(|name| fields.get(**name).is_some_and(Value::is_string))?;
        match fields.shift_remove(*name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    };
    let message = take(&["message", "msg"])?;
    let level = take(&["level", "severity", "lvl"]).and_then(|word| level_of_word(&word));
    Some((level.unwrap_or(Level::Info), Cow::Owned(message), fields))
}

/// The level named among the first words, as loggers print it: `ERROR x`, `[warn] x`, `2026-… INFO x`.
fn level_of_text(text: &str) -> Option<Level> {
    const WORDS: usize = 4;
    let mut words =
        text.split([' ', '\t', '[', ']', ':', '|', '=']).filter(|word| !word.is_empty());
    words.by_ref().take(WORDS).find_map(|word| {
        let loud = word.chars().all(|c| c.is_ascii_uppercase());
        let bracketed = text.contains(&format!("[{word}]"));
        let first =
            text.starts_with(word) && text.get(word.len()..).is_some_and(|r| r.starts_with(':'));
        let named = text.contains(&format!("level={word}"));
        (loud || bracketed || first || named).then(|| level_of_word(word)).flatten()
    })
}

fn level_of_word(word: &str) -> Option<Level> {
    let level = match word.to_ascii_lowercase().as_str() {
        "trace" | "debug" => Level::Debug,
        "info" | "notice" => Level::Info,
        "warn" | "warning" => Level::Warn,
        "error" | "err" | "fatal" | "critical" | "panic" => Level::Error,
        _ => return None,
    };
    Some(level)
}
