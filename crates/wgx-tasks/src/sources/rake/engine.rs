//! Conditions on the Ruby implementation, which are decided for the usual one (CRuby).

use std::ops::Range;

use super::lexer::{Kind, Token};
use super::structure::{Source, line_end};

/// The branch of `if` or `unless` that is taken; `None` when the condition is about something else.
pub(super) fn branch(source: &Source<'_>, at: usize) -> Option<Range<usize>> {
    let token = source.tokens.get(at)?;
    let wanted = match &token.kind {
        Kind::Name(word) if word == "if" => true,
        Kind::Name(word) if word == "unless" => false,
        _ => return None,
    };
    let end = source.ends[at];
    let start = line_end(source, at);
    if end <= at || start >= end {
        return None;
    }
    let holds = test(source.tokens.get(at + 1..start)?)?;
    let other = other_branch(source, start, end)?;
    Some(if holds == wanted { start..other } else { (other + 1).min(end)..end })
}

/// The `else` of a condition, or its end; `None` with `elsif`.
fn other_branch(source: &Source<'_>, from: usize, end: usize) -> Option<usize> {
    let mut at = from;
    while at < end {
        let token = &source.tokens[at];
        if token.is_name("elsif") {
            return None;
        }
        if token.is_name("else") {
            return Some(at);
        }
        at = source.ends[at].max(at) + 1;
    }
    Some(end)
}

/// `RUBY_ENGINE == "jruby"`, also after `defined?(RUBY_ENGINE) &&`, and `defined?(JRUBY_VERSION)`.
fn test(condition: &[Token]) -> Option<bool> {
    let mut and = condition.rsplitn(2, |token| token.is("&&") || token.is_name("and"));
    let last = and.next()?;
    if and.next().is_some_and(|guard| !guard.iter().any(|token| token.is_name("RUBY_ENGINE"))) {
        return None;
    }
    let names = |wanted: &str| last.iter().any(|token| token.is_name(wanted));
    if names("JRUBY_VERSION") && last.len() <= 5 && !last.iter().any(|token| token.is("!")) {
        return Some(false);
    }
    let [name, operator, value] = last else {
        return None;
    };
    let Kind::Text(value) = &value.kind else {
        return None;
    };
    let equal = match (name.is_name("RUBY_ENGINE"), name.is_name("RUBY_PLATFORM")) {
        (true, _) => value == "ruby",
        (_, true) if value == "java" => false,
        _ => return None,
    };
    match operator.kind {
        Kind::Punct("==") => Some(equal),
        Kind::Punct("!=") => Some(!equal),
        _ => None,
    }
}
