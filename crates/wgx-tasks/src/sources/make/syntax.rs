//! The forms of makefile lines: conditions, definitions and assignments.

use super::text;

pub(super) fn split_word(line: &str) -> (&str, &str) {
    let end = line.find(|char: char| char.is_whitespace() || char == '(');
    match end {
        Some(end) if line[end..].starts_with('(') && !line[..end].starts_with("if") => (line, ""),
        Some(end) => (&line[..end], &line[end..]),
        None => (line, ""),
    }
}

/// The two sides of `(a,b)`, `"a" "b"` or `'a' 'b'`.
pub(super) fn operands(test: &str) -> Option<(&str, &str)> {
    if let Some(inner) = test.strip_prefix('(') {
        let inner = inner.trim_end().strip_suffix(')')?;
        return match text::arguments(inner, 2)[..] {
            [left, right] => Some((left, right)),
            _ => None,
        };
    }
    let quoted = |text: &'_ str| -> Option<(usize, usize)> {
        let quote = text.chars().next().filter(|char| matches!(char, '"' | '\''))?;
        let end = text[1..].find(quote)? + 1;
        Some((1, end))
    };
    let (start, end) = quoted(test)?;
    let rest = test[end + 1..].trim_start();
    let (from, to) = quoted(rest)?;
    Some((&test[start..end], &rest[from..to]))
}

/// `define NAME [OPERATOR]`.
pub(super) fn definition(line: &str) -> Option<(&str, &str)> {
    let line = strip_modifiers(line);
    let rest = line.strip_prefix("define")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim();
    if rest.starts_with(['=', ':']) {
        return None;
    }
    for operator in [":::=", "::=", ":=", "?=", "+=", "!=", "="] {
        if let Some(name) = rest.strip_suffix(operator) {
            return Some((name.trim(), operator));
        }
    }
    Some((rest, "="))
}

/// Removes `export`, `override` and `private` before an assignment or a define.
pub(super) fn strip_modifiers(line: &str) -> &str {
    let mut line = line;
    while let Some(rest) = ["export", "override", "private"]
        .iter()
        .find_map(|word| line.strip_prefix(word)?.strip_prefix([' ', '\t']))
    {
        let rest = rest.trim_start();
        if rest.starts_with([':', '=', '+', '?', '!']) {
            break;
        }
        line = rest;
    }
    line
}

/// Splits `NAME OPERATOR VALUE`; `None` for everything else.
pub(super) fn assignment(line: &str) -> Option<(&str, &str, &str)> {
    let at = text::find_outside(line, &['=', ':', '#'])?;
    let tail = &line[at..];
    if tail.starts_with('#') {
        return None;
    }
    let colons = [":::=", "::=", ":="];
    if let Some(operator) = colons.into_iter().find(|operator| tail.starts_with(operator)) {
        return named(&line[..at], operator, &tail[operator.len()..]);
    }
    if tail.starts_with(':') {
        return None;
    }
    let before = &line[..at];
    let operator = match before.bytes().last() {
        Some(b'?') => "?=",
        Some(b'+') => "+=",
        Some(b'!') => "!=",
        _ => "=",
    };
    let name = before.get(..before.len() + 1 - operator.len())?;
    named(name, operator, &tail[1..])
}

/// A variable's name is one word.
fn named<'t>(
    name: &'t str,
    operator: &'t str,
    value: &'t str,
) -> Option<(&'t str, &'t str, &'t str)> {
    let name = name.trim();
    let one_word = text::find_outside(name, &[' ', '\t']).is_none();
    (one_word && !name.is_empty()).then_some((name, operator, value))
}

/// Whether `: VAR = VALUE` follows a target instead of prerequisites.
pub(super) fn is_target_assignment(tail: &str) -> bool {
    let rest = tail.trim_start_matches(':').trim_start();
    let rest = strip_modifiers(rest);
    let end = text::find_outside(rest, &[';']).unwrap_or(rest.len());
    assignment(&rest[..end]).is_some() && !tail.starts_with(":=")
}
