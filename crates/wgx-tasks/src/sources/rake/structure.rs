//! The structure of Ruby source: where statements, brackets and blocks end.

use super::lexer::{Kind, Token};

/// One file that is being read.
pub(super) struct Source<'t> {
    pub(super) file: &'t str,
    pub(super) lines: Vec<&'t str>,
    pub(super) tokens: Vec<Token>,
    /// For each opening token the closing one.
    pub(super) ends: Vec<usize>,
}

pub(super) fn is_argument(token: &Token) -> bool {
    matches!(token.kind, Kind::Symbol(_) | Kind::Text(_) | Kind::Label(_) | Kind::Name(_))
        && !["do", "end", "if", "unless"].iter().any(|word| token.is_name(word))
}

pub(super) fn after_parenthesis(source: &Source<'_>, at: usize) -> usize {
    at + usize::from(source.tokens.get(at).is_some_and(|token| token.is("(")))
}

/// `(&method(:load))`.
pub(super) fn loader_method<'s>(source: &'s Source<'_>, at: usize) -> Option<&'s str> {
    let tokens = source.tokens.get(at..at + 5)?;
    let named = tokens[1].is("&") && tokens[2].is_name("method");
    match &tokens[4].kind {
        Kind::Symbol(name) if named => Some(name),
        _ => None,
    }
}

/// The end of a statement: a line end outside of brackets that no comma or operator continues.
pub(super) fn line_end(source: &Source<'_>, from: usize) -> usize {
    let mut at = from;
    while let Some(token) = source.tokens.get(at) {
        match &token.kind {
            Kind::Newline => {
                let open = at > from && {
                    let last = &source.tokens[at - 1];
                    [",", "=>", "=", "."].iter().any(|punct| last.is(punct))
                        || matches!(last.kind, Kind::Label(_))
                };
                if !open {
                    return at;
                }
            }
            Kind::Punct(";") => return at,
            Kind::Punct("(" | "[" | "{") if source.ends[at] > at => at = source.ends[at],
            Kind::Name(word) if word == "do" && source.ends[at] > at => at = source.ends[at],
            _ => {}
        }
        at += 1;
    }
    at
}

/// The block that a call opens: the positions of `do` or `{` and of its end.
pub(super) fn block(source: &Source<'_>, from: usize, end: usize) -> Option<(usize, usize)> {
    let mut at = from;
    let mut after_operator = false;
    while at < end {
        let token = source.tokens.get(at)?;
        match &token.kind {
            Kind::Newline if !after_operator => return None,
            Kind::Name(word) if word == "do" => return closed(source, at),
            Kind::Punct("{") if !after_operator => return closed(source, at),
            Kind::Punct("(" | "[" | "{") if source.ends[at] > at => {
                at = source.ends[at];
                after_operator = false;
            }
            Kind::Punct(")") => after_operator = false,
            Kind::Punct(";") => return None,
            Kind::Newline => {}
            Kind::Punct(punct) => after_operator = !matches!(*punct, "]" | "}"),
            Kind::Label(_) => after_operator = true,
            _ => after_operator = false,
        }
        at += 1;
    }
    None
}

fn closed(source: &Source<'_>, open: usize) -> Option<(usize, usize)> {
    let close = source.ends[open];
    (close > open).then_some((open, close))
}

/// For each token that opens a block, the one that ends it; 0 for all others.
pub(super) fn block_ends(tokens: &[Token]) -> Vec<usize> {
    let mut ends = vec![0; tokens.len()];
    let mut open: Vec<(usize, bool)> = Vec::new();
    let mut loop_line = None;
    for (at, token) in tokens.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        match &token.kind {
            Kind::Punct("(" | "[" | "{") => open.push((at, true)),
            Kind::Punct(")" | "]" | "}") => {
                if open.last().is_some_and(|(_, bracket)| *bracket)
                    && let Some((from, _)) = open.pop()
                {
                    ends[from] = at;
                }
            }
            Kind::Name(word)
                if !before.is_some_and(|token| {
                    token.is(".") || token.is("&.") || token.is_name("def")
                }) =>
            {
                match word.as_str() {
                    "end" => {
                        if let Some((from, _)) = open.pop() {
                            ends[from] = at;
                        }
                    }
                    "do" if loop_line == Some(token.line) => loop_line = None,
                    "do" | "begin" | "class" | "module" | "case" => open.push((at, false)),
                    "def" if !is_endless(tokens, at) => open.push((at, false)),
                    "if" | "unless" | "while" | "until" | "for" if !is_modifier(before) => {
                        open.push((at, false));
                        if matches!(word.as_str(), "while" | "until" | "for") {
                            loop_line = Some(token.line);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    ends
}

/// Whether `if` and its like follow a value on the same line.
fn is_modifier(before: Option<&Token>) -> bool {
    match before.map(|token| &token.kind) {
        None | Some(Kind::Newline | Kind::Label(_)) => false,
        Some(Kind::Punct(punct)) => matches!(*punct, ")" | "]" | "}"),
        Some(Kind::Name(word)) => !matches!(
            word.as_str(),
            "do" | "then" | "else" | "elsif" | "begin" | "ensure" | "and" | "or" | "not" | "when"
        ),
        Some(_) => true,
    }
}

/// `def name(…) = value`.
fn is_endless(tokens: &[Token], def: usize) -> bool {
    let line = tokens[def].line;
    let rest = tokens.get(def + 2..).unwrap_or_default();
    let head = rest.iter().take_while(|token| token.line == line && token.kind != Kind::Newline);
    let mut depth = 0usize;
    for token in head {
        match &token.kind {
            Kind::Punct("(") => depth += 1,
            Kind::Punct(")") => depth = depth.saturating_sub(1),
            Kind::Punct("=") if depth == 0 => return true,
            _ if depth == 0 => return false,
            _ => {}
        }
    }
    false
}
