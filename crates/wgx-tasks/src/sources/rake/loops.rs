//! Loops over lists that are known, and the local names they bind.

use std::ops::Range;

use super::lexer::Kind;
use super::reader::{Binding, Here, Reader};
use super::structure::{Source, block, line_end, loader_method};

impl Reader<'_, '_> {
    /// `name = VALUE`, or a loop over a known list.
    pub(super) fn assignment_or_loop(
        &mut self,
        source: &Source<'_>,
        name: &str,
        here: &Here<'_>,
    ) -> usize {
        let at = here.at;
        if source.tokens.get(at + 1).is_some_and(|token| token.is("=")) {
            let end = line_end(source, at);
            let basename = self.base_name(source, at + 2);
            let value = basename.map(Binding::Text);
            if let Some(value) = value.or_else(|| Some(self.literal(source, at + 2)?.0)) {
                self.bindings.push((name.to_owned(), value));
                return at + 2;
            }
            return end.min(at + 2);
        }
        self.literal_loop(source, at, here.end, here.prefix).unwrap_or(at + 1)
    }

    /// `LIST.each do |name| … end`, also through `sort`, `uniq` and the like, and of hashes.
    pub(super) fn literal_loop(
        &mut self,
        source: &Source<'_>,
        at: usize,
        end: usize,
        prefix: &str,
    ) -> Option<usize> {
        let (binding, mut next) = self.literal(source, at)?;
        let rows: Vec<(String, Option<String>)> = match binding {
            Binding::List(values) => values.into_iter().map(|value| (value, None)).collect(),
            Binding::Pairs(pairs) => pairs,
            Binding::Text(_) => return None,
        };
        next = after_methods(source, next)?;
        if let Some(loader) = loader_method(source, next) {
            let values: Vec<String> = rows.into_iter().map(|(value, _)| value).collect();
            self.load_all(&values, loader == "require_relative");
            return Some(line_end(source, next));
        }
        let (open, close) = block(source, next, end)?;
        let (names, body) = parameters(source, open)?;
        for (key, value) in rows {
            let before = self.bindings.len();
            self.bindings.push((names.first()?.clone(), Binding::Text(key)));
            if let (Some(name), Some(value)) = (names.get(1), value) {
                self.bindings.push((name.clone(), Binding::Text(value)));
            }
            self.walk(source, Range { start: body, end: close }, prefix, false);
            self.bindings.truncate(before);
        }
        Some(close + 1)
    }

    /// `File.basename(PATH[, ENDING])`.
    fn base_name(&self, source: &Source<'_>, at: usize) -> Option<String> {
        let tokens = source.tokens.get(at..at + 5)?;
        if !(tokens[0].is_name("File") && tokens[2].is_name("basename") && tokens[3].is("(")) {
            return None;
        }
        let path = self.text(&tokens[4])?;
        let name = path.rsplit('/').next().unwrap_or(&path);
        let after = source.tokens.get(at + 5)?;
        if after.is(")") {
            return Some(name.to_owned());
        }
        let ending = self.text(source.tokens.get(at + 6).filter(|_| after.is(","))?)?;
        let stem = match ending.as_str() {
            ".*" => name.rfind('.').filter(|dot| *dot > 0).map(|dot| &name[..dot]),
            ending => name.strip_suffix(ending),
        };
        Some(stem.unwrap_or(name).to_owned())
    }
}

/// The token after methods that keep the elements of a list.
fn after_methods(source: &Source<'_>, from: usize) -> Option<usize> {
    let mut next = from;
    while source.tokens.get(next)?.is(".") {
        let Kind::Name(method) = &source.tokens.get(next + 1)?.kind else {
            return None;
        };
        next += 2;
        match method.as_str() {
            "sort" | "uniq" | "to_a" | "reverse" | "freeze" | "compact" | "keys" => {}
            "each" | "map" | "each_entry" | "each_pair" | "each_key" => break,
            _ => return None,
        }
    }
    Some(next)
}

/// The names of `|a, (b, c)|` up to the first that is not plain, and where the body begins.
fn parameters(source: &Source<'_>, open: usize) -> Option<(Vec<String>, usize)> {
    source.tokens.get(open + 1).filter(|token| token.is("|"))?;
    let mut names = Vec::new();
    let mut at = open + 2;
    loop {
        let token = source.tokens.get(at)?;
        match &token.kind {
            Kind::Name(name) => names.push(name.clone()),
            Kind::Punct("|") => return (!names.is_empty()).then_some((names, at + 1)),
            Kind::Newline => return None,
            _ => {}
        }
        at += 1;
    }
}
