//! Redaction of complete texts, for merges and packs: what was masked stays countable and placeable,
//! and a text without secrets is handed back as it came.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use crate::engine::{Candidate, Purpose};
use crate::mask::Redactor;

/// How far a search goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Secrets that stand in the text as they are. A prefilter passes over most of it, about a
    /// gigabyte a second; for merges.
    Fast,
    /// Also those under base64, hexadecimal, percent, JSON and Unicode escapes, gzip and UTF-16,
    /// two layers deep; for packs and evidence.
    Deep,
}

/// A text in which every secret is replaced by its mask. Lines are never dropped, but a key block of
/// several lines becomes one mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'t> {
    /// The text that was given, not copied, where it holds no secret.
    pub text: Cow<'t, str>,
    /// What was masked, in order, without overlaps.
    pub spans: Vec<Span>,
}

/// One masked secret. It never holds the secret itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Id of the rule ([`crate::rules`] lists them all).
    pub rule: &'static str,
    /// Where the secret lies in the text that was given, in bytes.
    pub source: Range<usize>,
    /// Where its mask lies in the text that came out, in bytes.
    pub output: Range<usize>,
}

impl Redacted<'_> {
    /// How many secrets each rule found; rules that found none are left out.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for span in &self.spans {
            *counts.entry(span.rule).or_default() += 1;
        }
        counts
    }
}

impl Redactor {
    /// Replaces the secrets of a text, as [`Redactor::scan`] judges them: only what a person would
    /// call a secret, so that code about secrets stays readable. Allowing comments and allowed
    /// values do not count here.
    pub fn redact<'t>(&self, text: &'t str, depth: Depth) -> Redacted<'t> {
        let found = self.report(text.as_bytes(), depth);
        if found.is_empty() {
            return Redacted { text: Cow::Borrowed(text), spans: Vec::new() };
        }
        let mut out = String::with_capacity(text.len() + found.len() * 32);
        let mut spans: Vec<Span> = Vec::with_capacity(found.len());
        let mut at = 0;
        for candidate in found {
            // Rules end beside ASCII; a bound inside a character would only come from a length limit.
            let start = text.floor_char_boundary(candidate.secret.start).max(at);
            let end = text.ceil_char_boundary(candidate.secret.end);
            out.push_str(&text[at..start]);
            let mask = self.mask_of(candidate.rule, &text.as_bytes()[start..end]);
            let output = out.len()..out.len() + mask.len();
            out.push_str(&mask);
            spans.push(Span { rule: candidate.rule, source: start..end, output });
            at = end;
        }
        out.push_str(&text[at..]);
        Redacted { text: Cow::Owned(out), spans }
    }

    /// How many secrets [`Redactor::redact`] would mask. Nothing is copied.
    pub fn count(&self, text: &str, depth: Depth) -> usize {
        self.report(text.as_bytes(), depth).len()
    }

    fn report(&self, bytes: &[u8], depth: Depth) -> Vec<Candidate> {
        match depth {
            Depth::Fast => self.search_fast(bytes),
            Depth::Deep => self.search(bytes, Purpose::Report),
        }
    }
}
