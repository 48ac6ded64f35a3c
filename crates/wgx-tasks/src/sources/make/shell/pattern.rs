//! Regular expressions of POSIX tools, as the regex crate writes them.

use regex::Regex;

/// How an expression marks what is special.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Syntax {
    /// grep and sed: `\(`, `\|`, `\+`.
    Basic,
    /// `-E`: `(`, `|`, `+`.
    Extended,
    /// find without `-regextype`: `\(`, `\|`, but `+` and `?`.
    Emacs,
}

/// An expression; `None` for references back and for what POSIX and the crate could read differently.
pub(super) fn expression(text: &str, syntax: Syntax, ignore_case: bool) -> Option<Regex> {
    let translated = translate(text, syntax)?;
    let mut builder = regex::RegexBuilder::new(&translated);
    builder.case_insensitive(ignore_case).size_limit(1 << 20).build().ok()
}

/// Whether the longest match may be another than the first one.
pub(super) fn has_alternatives(text: &str) -> bool {
    text.contains('|')
}

fn translate(text: &str, syntax: Syntax) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    let mut start = true;
    while let Some(char) = chars.next() {
        let mut next_starts = false;
        match char {
            '\\' => {
                let escaped = chars.next()?;
                match escaped {
                    '(' | '|' | '{' | '}' | ')' if syntax == Syntax::Extended => {
                        out.push('\\');
                        out.push(escaped);
                    }
                    '(' | '|' => {
                        out.push(escaped);
                        next_starts = true;
                    }
                    ')' => out.push(')'),
                    '{' | '}' if syntax == Syntax::Basic => out.push(escaped),
                    '+' | '?' if syntax == Syntax::Basic => out.push(escaped),
                    '<' | '>' | 'b' => out.push_str("\\b"),
                    's' | 'S' | 'w' | 'W' => {
                        out.push('\\');
                        out.push(escaped);
                    }
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    escaped if escaped.is_ascii_alphanumeric() => return None,
                    escaped => out.push_str(&regex::escape(&escaped.to_string())),
                }
            }
            '[' => bracket(&mut chars, &mut out)?,
            '*' if start && syntax != Syntax::Extended => out.push_str("\\*"),
            '^' if syntax != Syntax::Extended && !start => out.push_str("\\^"),
            '$' if syntax == Syntax::Extended || chars.peek().is_none() => out.push('$'),
            '$' => out.push_str(if ends_group(chars.clone()) { "$" } else { "\\$" }),
            '(' | ')' | '|' | '{' | '}' | '+' | '?' => {
                let special = match char {
                    '+' | '?' => syntax != Syntax::Basic,
                    _ => syntax == Syntax::Extended,
                };
                if !special {
                    out.push('\\');
                }
                out.push(char);
                next_starts = special && matches!(char, '(' | '|');
            }
            '^' | '.' | '*' => {
                out.push(char);
                next_starts = char == '^';
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
        start = next_starts;
    }
    Some(out)
}

/// `\)` or `\|` follow.
fn ends_group(mut rest: std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    rest.next() == Some('\\') && matches!(rest.next(), Some(')' | '|'))
}

/// `[…]`; a backslash is an ordinary character there.
fn bracket(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) -> Option<()> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    loop {
        let char = chars.next()?;
        match char {
            ']' if !first => break,
            '[' if chars.peek() == Some(&':') => {
                out.push_str("[:");
                chars.next();
                loop {
                    let char = chars.next()?;
                    out.push(char);
                    if char == ']' {
                        break;
                    }
                }
            }
            '[' if matches!(chars.peek(), Some('.' | '=')) => return None,
            '\\' | '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(char);
            }
            other => out.push(other),
        }
        first = false;
    }
    out.push(']');
    Some(())
}
