//! Conversations: JSON lines of `role` (or `author`), `content` and `at`. Turns are kept whole where they fit, short
//! neighbours stand together, and every passage says who spoke and when.
//!
//! The parts of one long turn all cite the line that it stands on: inside a JSON string there is no other border.

use std::ops::Range;
use std::rc::Rc;

use serde_json::Value;

use super::header::one_line;
use super::lines::lines;
use super::pack::{Packer, Piece, Scope, no_scope};
use super::tokens::estimate;
use super::{ChunkOptions, markdown};

struct Turn {
    range: Range<usize>,
    author: String,
    at: Option<String>,
    content: String,
}

/// Cuts a whole conversation.
pub(super) fn split(text: &str, options: &ChunkOptions) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut open: Option<(Piece, usize)> = None;
    let lines = lines(text, 0..text.len()).filter(|line| !text[line.clone()].trim().is_empty());
    for line in lines {
        let turn = turn(text, line);
        let shown = turn.head() + &turn.content;
        let cost = estimate(&shown);
        if cost > options.text_tokens || shown.len() > options.text_bytes {
            pieces.extend(open.take().map(|(piece, _)| piece));
            pieces.extend(parts(&turn, options));
            continue;
        }
        match &mut open {
            Some((piece, tokens)) if *tokens + cost <= options.text_tokens => {
                piece.range.end = turn.range.end;
                if let Some(text) = &mut piece.shown {
                    text.push('\n');
                    text.push_str(&shown);
                }
                *tokens += cost;
            }
            _ => {
                pieces.extend(open.take().map(|(piece, _)| piece));
                open = Some((piece(&turn, shown), cost));
            }
        }
    }
    pieces.extend(open.map(|(piece, _)| piece));
    pieces
}

/// A turn of many passages.
fn parts(turn: &Turn, options: &ChunkOptions) -> Vec<Piece> {
    let head = turn.head();
    let room = options.text_tokens.saturating_sub(estimate(&head) + 6).max(16);
    let mut packer = Packer::new(&turn.content, &ChunkOptions { text_tokens: room, ..*options });
    markdown::split("", &mut packer);
    let parts: Vec<Piece> = packer.finish();
    let count = parts.len();
    let numbered = parts.into_iter().enumerate().map(|(number, part)| {
        let shown =
            format!("{head}({} of {count}) {}", number + 1, turn.content[part.range].trim());
        piece(turn, shown)
    });
    numbered.collect()
}

fn piece(turn: &Turn, shown: String) -> Piece {
    let scope: Scope = turn.at.clone().map_or_else(no_scope, |at| Rc::from([at]));
    Piece { range: turn.range.clone(), scope, signature: None, shown: Some(shown), folded_lines: 0 }
}

impl Turn {
    fn head(&self) -> String {
        match (&*self.author, &self.at) {
            ("", _) => String::new(),
            (author, Some(at)) => format!("{author} ({at}): "),
            (author, None) => format!("{author}: "),
        }
    }
}

/// What a line says; a line that is no turn is shown as it is.
fn turn(text: &str, range: Range<usize>) -> Turn {
    let line = text[range.clone()].trim();
    let value: Value = serde_json::from_str(line).unwrap_or_default();
    let word = |keys: &[&str]| keys.iter().find_map(|key| plain(value.get(key)?));
    let content = value.get("content").map(content_of);
    match content {
        Some(content) => Turn {
            range,
            author: one_line(&word(&["author", "name", "role"]).unwrap_or_default(), 60),
            at: word(&["at", "timestamp", "created_at", "time"]).map(|at| one_line(&at, 40)),
            content,
        },
        None => Turn { range, author: String::new(), at: None, content: line.to_owned() },
    }
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A text, or the texts of its parts.
fn content_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
            if texts.len() == parts.len() { texts.join("\n") } else { value.to_string() }
        }
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
