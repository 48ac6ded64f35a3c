//! Literals, known variables and what simple expressions over them give.

use super::lexer::{Kind, Token};
use super::reader::{Binding, Reader};
use super::structure::Source;

impl Reader<'_, '_> {
    /// A literal or known value that begins at a token, and the token after it.
    pub(super) fn literal(&self, source: &Source<'_>, at: usize) -> Option<(Binding, usize)> {
        let token = source.tokens.get(at)?;
        match &token.kind {
            Kind::Words(words) => Some((Binding::List(words.clone()), at + 1)),
            Kind::Text(_) | Kind::Symbol(_) => Some((Binding::Text(self.text(token)?), at + 1)),
            Kind::Punct("[") => {
                let close = source.ends[at].max(at);
                let mut items = Vec::new();
                for token in source.tokens.get(at + 1..close).unwrap_or_default() {
                    match &token.kind {
                        Kind::Punct(",") | Kind::Newline => {}
                        Kind::Text(_) | Kind::Symbol(_) => items.push(self.text(token)?),
                        _ => return None,
                    }
                }
                Some((Binding::List(items), close + 1))
            }
            Kind::Punct("{") => {
                let close = source.ends[at].max(at);
                let pairs = self.pairs(source.tokens.get(at + 1..close)?)?;
                Some((Binding::Pairs(pairs), close + 1))
            }
            Kind::Name(name) if matches!(name.as_str(), "Dir" | "FileList" | "Rake::FileList") => {
                let open = (at + 1..at + 4).find(|open| {
                    let token = source.tokens.get(*open);
                    token.is_some_and(|token| token.is("[") || token.is("("))
                })?;
                let close = source.ends[open].max(open);
                let patterns = self.path(source, open + 1..close)?;
                Some((Binding::List(self.matching(&patterns)), close + 1))
            }
            Kind::Name(name) => {
                let found = self.bindings.iter().rev().find(|(known, _)| known == name)?;
                Some((found.1.clone(), at + 1))
            }
            _ => None,
        }
    }

    /// The pairs of a hash whose keys are literals; a value that is not one text stays open.
    fn pairs(&self, tokens: &[Token]) -> Option<Vec<(String, Option<String>)>> {
        let mut pairs = Vec::new();
        let mut depth = 0usize;
        let mut entry: Vec<&Token> = Vec::new();
        for token in tokens {
            match &token.kind {
                Kind::Punct("(" | "[" | "{") => depth += 1,
                Kind::Punct(")" | "]" | "}") => depth = depth.saturating_sub(1),
                Kind::Newline => continue,
                Kind::Punct(",") if depth == 0 => {
                    pairs.push(self.pair(&entry)?);
                    entry.clear();
                    continue;
                }
                _ => {}
            }
            entry.push(token);
        }
        if !entry.is_empty() {
            pairs.push(self.pair(&entry)?);
        }
        Some(pairs)
    }

    fn pair(&self, entry: &[&Token]) -> Option<(String, Option<String>)> {
        let (key, rest) = entry.split_first()?;
        let rest = match (&key.kind, rest) {
            (Kind::Label(_), rest) => rest,
            (Kind::Symbol(_) | Kind::Text(_), [arrow, rest @ ..]) if arrow.is("=>") => rest,
            _ => return None,
        };
        let value = match rest {
            [value] => self.text(value),
            _ => None,
        };
        Some((self.text(key)?, value))
    }

    /// The text of a name, with known variables filled in.
    pub(super) fn text(&self, token: &Token) -> Option<String> {
        match &token.kind {
            Kind::Symbol(text) | Kind::Text(text) | Kind::Label(text) => self.interpolate(text),
            Kind::Name(name) => {
                let found = self.bindings.iter().rev().find(|(known, _)| known == name)?;
                match &found.1 {
                    Binding::Text(text) => Some(text.clone()),
                    Binding::List(_) | Binding::Pairs(_) => None,
                }
            }
            _ => None,
        }
    }

    fn interpolate(&self, text: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("#{") {
            let (name, after) = after.split_once('}')?;
            filled.push_str(before);
            let found = self.bindings.iter().rev().find(|(known, _)| known == name.trim())?;
            let Binding::Text(value) = &found.1 else {
                return None;
            };
            filled.push_str(value);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}
