//! One tree for YAML, JSON and TOML in which every node knows its line.
//!
//! All task sources read their files through it. Parsing is bounded: nesting, alias expansion and node
//! count have limits, so a hostile file costs an error, not memory.

mod json;
mod toml;
mod yaml;

use std::collections::HashSet;

pub use json::{parse_json, parse_json5, parse_jsonc};
pub use toml::parse_toml;
pub use yaml::{RepeatedKey, parse_yaml, parse_yaml_last_wins, parse_yaml_stream};

/// Deepest nesting that is accepted.
pub const MAX_DEPTH: usize = 100;
/// Most nodes of one document, expanded aliases included.
pub const MAX_NODES: usize = 500_000;
/// Most alias expansions of one YAML document.
pub const MAX_ALIASES: usize = 1_000;

/// A value and the line on which it starts.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Line from 1.
    pub line: u32,
    /// YAML tag as written (`!reference`), without the core schema's own.
    pub tag: Option<Box<str>>,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or nothing at all after a YAML key.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number (or TOML date) as it is written.
    Number(String),
    /// A string.
    String(String),
    /// A list.
    Sequence(Vec<Node>),
    /// A map in the order of the file.
    Mapping(Vec<Entry>),
}

/// One key of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key as text.
    pub key: String,
    /// Line of the key, from 1.
    pub line: u32,
    /// What it maps to.
    pub value: Node,
}

/// Why a file could not be read as a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DocumentError {
    /// Line from 1.
    pub line: u32,
    /// Lower-case fragment.
    pub message: String,
}

impl Node {
    /// A node without a tag.
    pub fn new(line: u32, value: Value) -> Self {
        Self { line, tag: None, value }
    }

    /// The value of a key, when this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a key, when this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    /// Follows keys from map to map.
    pub fn path(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The entries of a map; empty for everything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; empty for everything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of any scalar but null.
    pub fn scalar(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) | Value::Number(text) => Some(text),
            Value::Bool(true) => Some("true"),
            Value::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// Whether this is a map.
    pub fn is_mapping(&self) -> bool {
        matches!(self.value, Value::Mapping(_))
    }

    /// Whether this is a list.
    pub fn is_sequence(&self) -> bool {
        matches!(self.value, Value::Sequence(_))
    }

    /// The strings of a list of strings, or the single one; other items are left out.
    pub fn strings(&self) -> Vec<&str> {
        match &self.value {
            Value::Sequence(items) => items.iter().filter_map(Node::scalar).collect(),
            _ => self.scalar().into_iter().collect(),
        }
    }

    /// What the value is, in words, for messages.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
        }
    }
}

/// Maps byte offsets to lines.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(text: &str) -> Self {
        let newlines = memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1);
        Self { starts: std::iter::once(0).chain(newlines).collect() }
    }

    /// The line of a byte offset, from 1.
    fn line(&self, offset: usize) -> u32 {
        let line = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(line.max(1)).unwrap_or(u32::MAX)
    }
}

/// Finds the first repeated key of a map.
fn repeated_key(entries: &[Entry]) -> Option<&Entry> {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert(entry.key.as_str()))
}
