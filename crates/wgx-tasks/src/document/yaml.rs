//! YAML 1.2 with anchors, aliases and merge keys, within budgets.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::{DocumentError, Entry, MAX_ALIASES, MAX_DEPTH, MAX_NODES, Node, Value, repeated_key};

/// Parses the first document of a YAML file; an empty file is null.
///
/// # Errors
/// When the text is not YAML, a key is repeated, or a budget (nesting, nodes, aliases) is exceeded.
pub fn parse_yaml(text: &str) -> Result<Node, DocumentError> {
    tolerant(text, |text| {
        let mut reader = Reader::new(text);
        let first = reader.document()?;
        Ok(first.unwrap_or_else(|| Node::new(1, Value::Null)))
    })
}

/// Parses all documents of a YAML file.
///
/// # Errors
/// As [`parse_yaml`].
pub fn parse_yaml_stream(text: &str) -> Result<Vec<Node>, DocumentError> {
    tolerant(text, |text| {
        let mut reader = Reader::new(text);
        let mut documents = Vec::new();
        while let Some(document) = reader.document()? {
            documents.push(document);
        }
        Ok(documents)
    })
}

/// Most closing brackets that are moved, and the size of a file up to which that is tried.
const MAX_MOVED: usize = 50;
const MAX_MOVED_BYTES: usize = 256 * 1024;

/// Every common reader accepts a closing bracket below the key that its list belongs to; the event parser
/// follows the specification, which wants it further in. Such a line, and no other, is moved.
fn tolerant<T>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, DocumentError>,
) -> Result<T, DocumentError> {
    let mut moved: Option<String> = None;
    for _ in 0..MAX_MOVED {
        let now = moved.as_deref().unwrap_or(text);
        let error = match parse(now) {
            Err(error) if now.len() <= MAX_MOVED_BYTES => error,
            parsed => return parsed,
        };
        let Some(next) = with_bracket_moved(now, &error) else {
            return Err(error);
        };
        moved = Some(next);
    }
    parse(moved.as_deref().unwrap_or(text))
}

fn with_bracket_moved(text: &str, error: &DocumentError) -> Option<String> {
    let at = usize::try_from(error.line).ok()?.checked_sub(1)?;
    let mut lines: Vec<&str> = text.split('\n').collect();
    let line = lines.get(at)?;
    if !error.message.contains("indentation") || !line.trim_start().starts_with([']', '}']) {
        return None;
    }
    let before = lines[..at].iter().rev().find(|line| !line.trim().is_empty())?;
    let blank = before.len() - before.trim_start().len();
    if line.len() - line.trim_start().len() >= blank {
        return None;
    }
    let deeper = format!("{}{}", &before[..blank], line.trim_start());
    lines[at] = &deeper;
    Some(lines.join("\n"))
}

/// Parses all documents of a YAML file whose maps may hold a key twice; the later entry counts, and the
/// repeated keys are handed over to be said.
///
/// # Errors
/// As [`parse_yaml`], repeated keys excepted.
pub fn parse_yaml_last_wins(text: &str) -> Result<(Vec<Node>, Vec<RepeatedKey>), DocumentError> {
    let mut reader = Reader::new(text);
    reader.repeats = Some(Vec::new());
    let mut documents = Vec::new();
    while let Some(document) = reader.document()? {
        documents.push(document);
    }
    Ok((documents, reader.repeats.unwrap_or_default()))
}

/// A key that a map has twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedKey {
    /// The key.
    pub key: String,
    /// Line of the later one, from 1.
    pub line: u32,
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    /// `None`: a repeated key is an error.
    repeats: Option<Vec<RepeatedKey>>,
    /// Node and its size, by anchor.
    anchors: HashMap<usize, (Node, usize)>,
    aliases: usize,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let parser = Parser::new_from_str(text);
        Self { parser, repeats: None, anchors: HashMap::new(), aliases: 0, nodes: 0 }
    }

    fn document(&mut self) -> Result<Option<Node>, DocumentError> {
        loop {
            match self.event()? {
                None | Some((Event::StreamEnd, _)) => return Ok(None),
                Some((Event::DocumentStart(_), _)) => break,
                Some(_) => {}
            }
        }
        self.anchors.clear();
        let (event, span) = self.expect_event()?;
        if matches!(event, Event::DocumentEnd) {
            return Ok(Some(Node::new(line(span), Value::Null)));
        }
        self.node(event, span, 0).map(Some)
    }

    fn event(&mut self) -> Result<Option<(Event<'a>, Span)>, DocumentError> {
        self.parser.next_event().transpose().map_err(|error| scan_error(&error))
    }

    fn expect_event(&mut self) -> Result<(Event<'a>, Span), DocumentError> {
        let end = || DocumentError { line: 1, message: "the file ends in the middle".into() };
        self.event()?.ok_or_else(end)
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, DocumentError> {
        let line = line(span);
        self.spend(1, line)?;
        if depth > MAX_DEPTH {
            let message = format!("nested deeper than {MAX_DEPTH} levels");
            return Err(DocumentError { line, message });
        }
        let before = self.nodes;
        let (value, anchor, tag) = match event {
            Event::Alias(anchor) => return self.alias(anchor, line),
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(&text, style, tag.as_deref()), anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (self.sequence(depth)?, anchor, tag),
            Event::MappingStart(anchor, tag) => (self.mapping(line, depth)?, anchor, tag),
            _ => (Value::Null, 0, None),
        };
        let tag = tag.filter(|tag| !tag.is_yaml_core_schema());
        let tag = tag.map(|tag| format!("{}{}", tag.handle, tag.suffix).into_boxed_str());
        let node = Node { line, tag, value };
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.nodes - before + 1));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, line: u32) -> Result<Node, DocumentError> {
        self.aliases += 1;
        if self.aliases > MAX_ALIASES {
            let message = format!("more than {MAX_ALIASES} aliases");
            return Err(DocumentError { line, message });
        }
        let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
            let message = "an alias refers to an anchor that is not complete yet".into();
            return Err(DocumentError { line, message });
        };
        self.spend(size, line)?;
        Ok(node)
    }

    fn spend(&mut self, nodes: usize, line: u32) -> Result<(), DocumentError> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            let message = format!("more than {MAX_NODES} nodes, aliases expanded");
            return Err(DocumentError { line, message });
        }
        Ok(())
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, DocumentError> {
        let mut items = Vec::new();
        loop {
            match self.expect_event()? {
                (Event::SequenceEnd, _) => return Ok(Value::Sequence(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, start: u32, depth: usize) -> Result<Value, DocumentError> {
        let mut entries = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.expect_event()?;
            if matches!(event, Event::MappingEnd) {
                break;
            }
            let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, ..));
            let key_line = line(span);
            let key_node = self.node(event, span, depth + 1)?;
            let (event, span) = self.expect_event()?;
            let value = self.node(event, span, depth + 1)?;
            let key = key_text(&key_node);
            if plain && key == "<<" {
                merged.push(value);
            } else {
                entries.push(Entry { key, line: key_line, value });
            }
        }
        if let Some(repeats) = &mut self.repeats {
            keep_last(&mut entries, repeats);
        } else if let Some(repeated) = repeated_key(&entries) {
            let message = format!("the key `{}` is there twice", repeated.key);
            return Err(DocumentError { line: repeated.line.max(start), message });
        }
        merge(&mut entries, merged);
        Ok(Value::Mapping(entries))
    }
}

fn keep_last(entries: &mut Vec<Entry>, repeats: &mut Vec<RepeatedKey>) {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries.drain(..) {
        if let Some(at) = places.get(&entry.key) {
            repeats.push(RepeatedKey { key: entry.key.clone(), line: entry.line });
            kept[*at] = entry;
        } else {
            places.insert(entry.key.clone(), kept.len());
            kept.push(entry);
        }
    }
    *entries = kept;
}

/// Merge keys (YAML 1.1 type `!!merge`): keys of the map itself win, then those of earlier maps.
fn merge(entries: &mut Vec<Entry>, merged: Vec<Node>) {
    let maps = merged.into_iter().flat_map(|node| match node.value {
        Value::Sequence(items) => items,
        _ => vec![node],
    });
    for map in maps {
        let Value::Mapping(inherited) = map.value else {
            continue;
        };
        for entry in inherited {
            if !entries.iter().any(|own| own.key == entry.key) {
                entries.push(entry);
            }
        }
    }
}

fn key_text(node: &Node) -> String {
    node.scalar().unwrap_or_default().to_owned()
}

/// Resolves a scalar by the core schema of YAML 1.2.
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let forced_string = tag.is_some_and(|tag| !tag.is_yaml_core_schema() || tag.suffix == "str");
    if style != ScalarStyle::Plain || forced_string {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::String(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && digits.parse::<f64>().is_ok()
}

fn line(span: Span) -> u32 {
    u32::try_from(span.start.line().max(1)).unwrap_or(u32::MAX)
}

fn scan_error(error: &ScanError) -> DocumentError {
    DocumentError {
        line: u32::try_from(error.marker().line().max(1)).unwrap_or(u32::MAX),
        message: error.info().trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_blocks_anchors_and_merge_keys() {
        let text =
            "base: &base\n  a: 1\n  b: two\nuse:\n  <<: *base\n  a: 3\nrun: |\n  one\n  two\n";
        let node = parse_yaml(text).unwrap();
        assert_eq!(node.entry("use").map(|entry| entry.line), Some(4));
        assert_eq!(node.path(&["use", "a"]).and_then(Node::scalar), Some("3"));
        assert_eq!(node.path(&["use", "b"]).and_then(Node::as_str), Some("two"));
        assert_eq!(node.get("run").and_then(Node::as_str), Some("one\ntwo\n"));
    }

    #[test]
    fn a_closing_bracket_may_stand_below_its_key() {
        let text = "on:\n  list: [\n    a,\n    b\n  ]\n  map: {\n    c: d\n  }\nrun: |\n  }\n";
        let node = parse_yaml(text).unwrap();
        assert_eq!(node.path(&["on", "list"]).unwrap().strings(), ["a", "b"]);
        assert_eq!(node.path(&["on", "map", "c"]).and_then(Node::as_str), Some("d"));
        assert_eq!(node.get("run").and_then(Node::as_str), Some("}\n"));
        assert!(parse_yaml("a: [\n  b\nc: ]\n").is_err());
    }

    #[test]
    fn bombs_and_cycles_are_errors() {
        let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
        for (name, last) in ["b", "c", "d", "e", "f", "g", "h", "i"].iter().zip("abcdefgh".chars())
        {
            let aliases = vec![format!("*{last}"); 9].join(",");
            bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
        }
        assert!(parse_yaml(&bomb).is_err());
        assert!(parse_yaml("a: &a [*a]\n").is_err());
        assert!(parse_yaml(&"[".repeat(100_000)).is_err());
        assert!(parse_yaml(&"- ".repeat(10_000)).is_err());
        assert!(parse_yaml("a: 1\nb: 2\na: 3\n").unwrap_err().message.contains('a'));
    }

    #[test]
    fn where_repeats_are_allowed_the_later_entry_counts() {
        let (documents, repeats) = parse_yaml_last_wins("a: 1\nb: {c: 2, c: 3}\na: 4\n").unwrap();
        assert_eq!(documents[0].get("a").and_then(Node::scalar), Some("4"));
        assert_eq!(documents[0].path(&["b", "c"]).and_then(Node::scalar), Some("3"));
        let places: Vec<_> = repeats.iter().map(|key| (&*key.key, key.line)).collect();
        assert_eq!(places, [("c", 2), ("a", 3)]);
    }

    #[test]
    fn an_empty_file_is_null_and_streams_have_all_documents() {
        assert!(parse_yaml("").unwrap().is_null());
        assert!(parse_yaml("# only a comment\n").unwrap().is_null());
        assert_eq!(parse_yaml_stream("a: 1\n---\nb: 2\n").unwrap().len(), 2);
    }

    proptest! {
        #[test]
        fn never_panics(text in "[ \\-a-c:&*\\[\\]{}!|>'\"#\n\t,?<~]{0,80}") {
            let _ = parse_yaml_stream(&text);
        }
    }
}
