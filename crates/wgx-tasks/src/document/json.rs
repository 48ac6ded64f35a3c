//! JSON and JSON with comments.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::{DocumentError, Entry, Lines, MAX_DEPTH, Node, Value};

/// Parses strict JSON (RFC 8259); a byte order mark is accepted. Of repeated keys the last one counts, as
/// in every common reader.
///
/// # Errors
/// When the text is not JSON or is nested deeper than [`MAX_DEPTH`].
pub fn parse_json(text: &str) -> Result<Node, DocumentError> {
    parse(text, &STRICT)
}

/// Parses JSON with comments and trailing commas.
///
/// # Errors
/// As [`parse_json`].
pub fn parse_jsonc(text: &str) -> Result<Node, DocumentError> {
    parse(text, &ParseOptions { allow_comments: true, allow_trailing_commas: true, ..STRICT })
}

/// Parses JSON5 (json5.org).
///
/// # Errors
/// As [`parse_json`].
pub fn parse_json5(text: &str) -> Result<Node, DocumentError> {
    parse(
        text,
        &ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: true,
            allow_missing_commas: false,
            allow_single_quoted_strings: true,
            allow_hexadecimal_numbers: true,
            allow_unary_plus_numbers: true,
            allow_bare_decimal_point_numbers: true,
            allow_non_finite_numbers: true,
            allow_extended_string_escapes: true,
        },
    )
}

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_trailing_commas: false,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse(text: &str, options: &ParseOptions) -> Result<Node, DocumentError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::new(text);
    let parsed =
        parse_to_ast(text, &CollectOptions::default(), options).map_err(|error| DocumentError {
            line: lines.line(error.range().start),
            message: lower_first(&error.kind().to_string()),
        })?;
    let Some(value) = parsed.value else {
        return Err(DocumentError { line: 1, message: "the file is empty".into() });
    };
    convert(&value, &lines, 0)
}

fn convert(value: &ast::Value<'_>, lines: &Lines, depth: usize) -> Result<Node, DocumentError> {
    let line = lines.line(value.range().start);
    if depth > MAX_DEPTH {
        let message = format!("nested deeper than {MAX_DEPTH} levels");
        return Err(DocumentError { line, message });
    }
    let value = match value {
        ast::Value::StringLit(text) => Value::String(text.value.to_string()),
        ast::Value::NumberLit(number) => Value::Number(number.value.to_string()),
        ast::Value::BooleanLit(boolean) => Value::Bool(boolean.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(array) => Value::Sequence(
            array
                .elements
                .iter()
                .map(|element| convert(element, lines, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        ast::Value::Object(object) => Value::Mapping(entries(object, lines, depth)?),
    };
    Ok(Node::new(line, value))
}

fn entries(
    object: &ast::Object<'_>,
    lines: &Lines,
    depth: usize,
) -> Result<Vec<Entry>, DocumentError> {
    let mut entries: Vec<Entry> = Vec::with_capacity(object.properties.len());
    let mut position = std::collections::HashMap::with_capacity(object.properties.len());
    for property in &object.properties {
        let entry = Entry {
            key: property.name.as_str().to_owned(),
            line: lines.line(property.range.start),
            value: convert(&property.value, lines, depth + 1)?,
        };
        match position.get(&entry.key) {
            Some(&index) => entries[index] = entry,
            None => {
                position.insert(entry.key.clone(), entries.len());
                entries.push(entry);
            }
        }
    }
    Ok(entries)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect::<String>().trim_end_matches('.').to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_order_and_last_repeated_key() {
        let node = parse_json("{\n \"b\": 1,\n \"a\": [true, null],\n \"b\": \"x\"\n}").unwrap();
        let keys: Vec<_> = node.entries().iter().map(|e| (e.key.as_str(), e.line)).collect();
        assert_eq!(keys, [("b", 4), ("a", 3)]);
        assert_eq!(node.get("b").and_then(Node::as_str), Some("x"));
    }

    #[test]
    fn comments_only_where_they_are_allowed() {
        let text = "// note\n{\"a\": 1,}";
        assert!(parse_json(text).is_err());
        assert!(parse_jsonc(text).is_ok());
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        for depth in [200, 600, 100_000] {
            assert!(parse_json(&"[".repeat(depth)).is_err());
            assert!(parse_json(&format!("{}{}", "[".repeat(depth), "]".repeat(depth))).is_err());
        }
    }
}
