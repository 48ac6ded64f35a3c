//! TOML.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::{DocumentError, Entry, Lines, Node, Value};

/// Parses TOML. Entries come in the order of the file; nesting is bounded by the parser (80 levels).
///
/// # Errors
/// When the text is not TOML.
pub fn parse_toml(text: &str) -> Result<Node, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::new(text);
    let document = DeTable::parse(text).map_err(|error| DocumentError {
        line: lines.line(error.span().map_or(0, |span| span.start)),
        message: error.message().trim_end_matches('.').to_owned(),
    })?;
    Ok(table(1, document.get_ref(), &lines))
}

fn table(line: u32, table: &DeTable<'_>, lines: &Lines) -> Node {
    let mut entries: Vec<(usize, Entry)> = table
        .iter()
        .map(|(key, value)| {
            let at = key.span().start;
            let line = lines.line(at);
            let key = key.get_ref().to_string();
            (at, Entry { key, line, value: node(line, value, lines) })
        })
        .collect();
    entries.sort_by_key(|(at, _)| *at);
    Node::new(line, Value::Mapping(entries.into_iter().map(|(_, entry)| entry).collect()))
}

/// A table of a header has an empty span in places; its key's line is the better one.
fn node(key_line: u32, value: &Spanned<DeValue<'_>>, lines: &Lines) -> Node {
    let line = lines.line(value.span().start).max(key_line);
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Datetime(date) => Value::Number(date.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Array(items) => {
            Value::Sequence(items.iter().map(|item| node(key_line, item, lines)).collect())
        }
        DeValue::Table(inner) => return table(line, inner, lines),
    };
    Node::new(line, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_lines_follow_the_file() {
        let text = "[tasks.b]\nrun = 'x'\n\n[tasks.a]\nrun = [\n 'y',\n 'z' ]\n";
        let node = parse_toml(text).unwrap();
        let tasks = node.get("tasks").unwrap();
        let keys: Vec<_> = tasks.entries().iter().map(|e| (e.key.as_str(), e.line)).collect();
        assert_eq!(keys, [("b", 1), ("a", 4)]);
        let items = tasks.path(&["a", "run"]).unwrap().items();
        assert_eq!(items.iter().map(|item| item.line).collect::<Vec<_>>(), [6, 7]);
    }

    #[test]
    fn deep_nesting_and_broken_text_are_errors() {
        assert!(parse_toml(&format!("a = {}", "[".repeat(50_000))).is_err());
        assert_eq!(parse_toml("a = 1\nb = = 2\n").unwrap_err().line, 2);
    }
}
