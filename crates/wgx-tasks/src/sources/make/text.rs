//! Splitting makefile text: logical lines, comments, references, words.

/// Stands for a piece of text that only make itself could compute.
pub(super) const UNKNOWN: char = '\0';

/// Whether a text holds something unknown.
pub(super) fn is_unknown(text: &str) -> bool {
    text.contains(UNKNOWN)
}

/// A line with its continuations, as written, without the last line end.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) number: u32,
}

/// Splits a makefile into lines, continued ones kept together.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut found: Vec<Line> = Vec::new();
    let mut open = false;
    for (index, raw) in text.split('\n').enumerate() {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let raw = raw.replace(UNKNOWN, "");
        let backslashes = raw.bytes().rev().take_while(|byte| *byte == b'\\').count();
        match found.last_mut() {
            Some(last) if open => {
                last.text.push('\n');
                last.text.push_str(&raw);
            }
            _ => {
                let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
                found.push(Line { text: raw, number });
            }
        }
        open = backslashes % 2 == 1;
    }
    found
}

/// Joins the continuations of a line that is not a recipe with single blanks.
pub(super) fn join(text: &str) -> String {
    if !text.contains('\n') {
        return text.to_owned();
    }
    let parts: Vec<&str> = text.split('\n').collect();
    let last = parts.len() - 1;
    let mut joined = String::with_capacity(text.len());
    for (index, part) in parts.into_iter().enumerate() {
        let part =
            if index < last { part.strip_suffix('\\').unwrap_or(part).trim_end() } else { part };
        let part = if index > 0 { part.trim_start() } else { part };
        if index > 0 {
            joined.push(' ');
        }
        joined.push_str(part);
    }
    joined
}

/// Cuts a line at its comment; gives the code and the comment with its `#`.
pub(super) fn split_comment(line: &str) -> (String, Option<&str>) {
    let mut code = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(['#', '\\', '$']) {
        code.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with('#') {
            return (code, Some(rest));
        }
        if let Some(after) = rest.strip_prefix("\\#") {
            code.push('#');
            rest = after;
        } else if rest.starts_with('$') {
            let end = reference_end(rest);
            code.push_str(&rest[..end]);
            rest = &rest[end..];
        } else {
            code.push('\\');
            rest = &rest[1..];
        }
    }
    code.push_str(rest);
    (code, None)
}

/// The length of a reference that starts with `$`: `$$`, `$X`, `$(…)`, `${…}`.
pub(super) fn reference_end(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    let Some((at, open)) = chars.next() else {
        return text.len();
    };
    let close = match open {
        '(' => ')',
        '{' => '}',
        other => return at + other.len_utf8(),
    };
    let mut depth = 1usize;
    for (at, char) in chars {
        if char == open {
            depth += 1;
        } else if char == close {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    text.len()
}

/// Position of the first of some characters outside of references.
pub(super) fn find_outside(text: &str, wanted: &[char]) -> Option<usize> {
    let mut at = 0;
    while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if char == '$' {
            at += reference_end(&text[at..]);
        } else if char == '\\' {
            at += 1;
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        } else if wanted.contains(&char) {
            return Some(at);
        } else {
            at += char.len_utf8();
        }
    }
    None
}

/// Splits the arguments of a function at commas outside of references and parentheses.
pub(super) fn arguments(text: &str, limit: usize) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(char) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if char == '$' {
            at += reference_end(&text[at..]);
            continue;
        }
        match char {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 && found.len() + 1 < limit => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        at += char.len_utf8();
    }
    found.push(text.get(start..).unwrap_or_default());
    found
}

/// The words of a list of targets: blanks separate, `\:` and `\ ` are one character.
pub(super) fn target_words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '\\' if matches!(chars.peek(), Some(':' | ' ' | '#' | '%')) => {
                word.extend(chars.next());
            }
            char if char.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            char => word.push(char),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a name fits a pattern with one `%`; gives what the `%` stands for.
pub(super) fn stem<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once('%') else {
        return (pattern == name).then_some("");
    };
    let rest = name.strip_prefix(before)?;
    rest.strip_suffix(after)
}
