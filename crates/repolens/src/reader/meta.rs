//! The `@meta` block: a small subset of YAML, read strictly into JSON.
//!
//! Two spaces a level, `key: value` with a JSON value on one line, or `key:` before a deeper level. There
//! are no anchors, aliases, tags or block scalars, so nothing in it can grow when it is read.

use serde_json::{Map, Value};

/// Deepest level of keys.
const DEPTH_LIMIT: usize = 16;

/// Why a block cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the block: {what}")]
pub struct MetaError {
    /// Line inside the block, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Reads the text between the fences of an `@meta` block.
pub fn parse(text: &str) -> Result<Value, MetaError> {
    let mut open: Vec<(String, Map<String, Value>)> = vec![(String::new(), Map::new())];
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        let fail = |what| MetaError { line: number, what };
        if line.contains('\r') || text.contains("\r\n") {
            return Err(fail("a line has a carriage return"));
        }
        let body = line.trim_start_matches(' ');
        let spaces = line.len() - body.len();
        let depth = spaces / 2;
        if spaces % 2 == 1 || depth >= open.len() || depth >= DEPTH_LIMIT {
            return Err(fail("the indentation is not two spaces a level"));
        }
        close(&mut open, depth).map_err(fail)?;
        let (key, value) = key(body).ok_or(fail("a line is `key:` or `key: value`"))?;
        if open.last().is_some_and(|(_, map)| map.contains_key(&key)) {
            return Err(fail("the key stands twice"));
        }
        if value.is_empty() {
            open.push((key, Map::new()));
            continue;
        }
        let value = value.strip_prefix(' ').ok_or(fail("a space belongs behind the colon"))?;
        let value =
            serde_json::from_str(value).map_err(|_| fail("the value is no JSON on one line"))?;
        if let Some((_, map)) = open.last_mut() {
            map.insert(key, value);
        }
    }
    close(&mut open, 0).map_err(|what| MetaError { line: number, what })?;
    let (_, root) = open.pop().unwrap_or_default();
    Ok(Value::Object(root))
}

/// A key, which is a plain word or a JSON string, and what stands behind its colon.
fn key(body: &str) -> Option<(String, &str)> {
    if body.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(body).into_iter::<String>();
        let key = values.next()?.ok()?;
        return Some((key, body[values.byte_offset()..].strip_prefix(':')?));
    }
    let (key, value) = body.split_once(':')?;
    let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    (plain && !key.is_empty()).then(|| (key.to_owned(), value))
}

/// Ends the levels deeper than `depth`.
fn close(open: &mut Vec<(String, Map<String, Value>)>, depth: usize) -> Result<(), &'static str> {
    while open.len() > depth + 1 {
        let Some((key, map)) = open.pop() else { break };
        if map.is_empty() {
            return Err("a key without a value has no deeper level");
        }
        if let Some((_, parent)) = open.last_mut() {
            parent.insert(key, Value::Object(map));
        }
    }
    Ok(())
}
