//! Where in a file each key stands.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

/// Line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Position of every value by its path, for example `egress.allow[0].origin`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions(BTreeMap<String, Position>);

impl Positions {
    /// Of a value, or of the nearest one around it that stands in the file.
    pub(crate) fn nearest(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(found) = self.get(path) {
                return Some(found);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<Position> {
        self.0.get(path).copied()
    }

    pub(crate) fn of(root: &Spanned<Node>) -> Self {
        let mut found = BTreeMap::new();
        collect(root, String::new(), &mut found);
        Self(found)
    }
}

fn collect(node: &Spanned<Node>, path: String, found: &mut BTreeMap<String, Position>) {
    match &node.value {
        Node::Scalar | Node::Null => {}
        Node::Map(entries) => {
            for (key, value) in entries {
                collect(value, child(&path, key), found);
            }
        }
        Node::Sequence(elements) => {
            for (index, value) in elements.iter().enumerate() {
                collect(value, element(&path, index), found);
            }
        }
    }
    let at = node.referenced;
    if let (Ok(line), Ok(column)) = (u32::try_from(at.line()), u32::try_from(at.column())) {
        found.insert(path, Position { line, column });
    }
}

/// The path of a key below `path`.
pub(crate) fn child(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The path of an element of the list at `path`.
pub(crate) fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// The shape of a document, for its positions only.
#[derive(Debug)]
pub(crate) enum Node {
    Null,
    Scalar,
    Map(Vec<(String, Spanned<Node>)>),
    Sequence(Vec<Spanned<Node>>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_bytes<E>(self, _: &[u8]) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Node, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Node::Sequence(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}
