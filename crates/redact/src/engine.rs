//! From text to candidates: one pass of the keyword prefilter, each hit judged by its rule, then
//! the encoded layers.

use std::cell::Cell;
use std::ops::Range;

use crate::assignment;
use crate::checksum::Verdict;
use crate::commands;
use crate::doubt::may_hold_secret;
use crate::judge;
use crate::known::Known;
use crate::layers;
use crate::manifests;
use crate::rules::{Anchor, Lead, Rule, table};
use crate::shapes;

/// Layers of encoding that are opened.
const DEPTH_MAX: usize = 2;

/// Shorter texts hold no secret that could be told from anything else.
pub(crate) const TEXT_MIN: usize = 8;

/// What the result is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Text is stored: when in doubt it is a secret.
    Mask,
    /// A person is asked to look: when in doubt it is none.
    Report,
}

/// A stretch that is taken for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) rule: &'static str,
    pub(crate) why: &'static str,
    /// What is masked.
    pub(crate) secret: Range<usize>,
    /// Where the text begins that gave it away (the name before the value).
    pub(crate) context: usize,
    pub(crate) rank: Rank,
    /// The encodings it was found under, outermost first.
    pub(crate) layers: Vec<&'static str>,
}

/// Which candidate names an overlap; lower wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    Format,
    Shape,
    Name,
    Known,
    /// Nothing was found, but not everything was looked at.
    Doubt,
}

/// What a search needs besides the text.
#[derive(Clone, Copy)]
pub(crate) struct Search<'a> {
    pub(crate) purpose: Purpose,
    pub(crate) known: Option<&'a Known>,
    pub(crate) depth: usize,
    /// How many bytes may still be unpacked in this search, all runs and depths together.
    pub(crate) budget: &'a Cell<usize>,
}

/// Everything found in `text`, overlaps joined, in order. `masked` holds the masks already in it.
pub(crate) fn find(text: &[u8], search: Search<'_>, masked: &[Range<usize>]) -> Vec<Candidate> {
    let mut found = Vec::new();
    if text.len() < TEXT_MIN {
        return found;
    }
    if let Some(known) = search.known {
        known.find(text, &mut found);
    }
    if !may_hold_secret(text) {
        return settle(found, masked);
    }
    keywords(text, search.purpose, masked, &mut found);
    manifests::find(text, &mut found);
    if search.depth < DEPTH_MAX {
        layers::find(text, Search { depth: search.depth + 1, ..search }, masked, &mut found);
    }
    settle(found, masked)
}

/// Candidates without the masks that the text already holds, overlaps joined, in order.
pub(crate) fn settle(found: Vec<Candidate>, masked: &[Range<usize>]) -> Vec<Candidate> {
    join(subtract(found, masked))
}

fn keywords(text: &[u8], purpose: Purpose, masked: &[Range<usize>], found: &mut Vec<Candidate>) {
    let table = table();
    let mut name_end = 0;
    table.keywords(text, |word, lead, range| {
        if is_masked(masked, range.start) {
            return;
        }
        match lead {
            Lead::Rule(index) => apply(&table.rules[index], word, text, range, found),
            Lead::Name if range.start < name_end => {}
            Lead::Name => {
                let name = assignment::name_around(text, &range);
                name_end = name.end;
                shapes::named(text, name, purpose, found);
            }
            Lead::Pem => found.extend(shapes::private_key(text, range.start)),
            Lead::Address => found.extend(shapes::address(text, range.start, purpose)),
            Lead::Command => commands::in_text(text, range, purpose, found),
        }
    });
}

pub(crate) fn is_masked(masked: &[Range<usize>], at: usize) -> bool {
    let after = masked.partition_point(|mask| mask.start <= at);
    after > 0 && masked[after - 1].contains(&at)
}

pub(crate) fn apply(
    rule: &'static Rule,
    word: &str,
    text: &[u8],
    hit: Range<usize>,
    found: &mut Vec<Candidate>,
) {
    if text[hit.clone()] != *word.as_bytes() {
        return;
    }
    let secret = match rule.anchor {
        Anchor::Start => anchored(rule, text, hit.start),
        Anchor::Around => surrounding(rule, text, &hit),
        Anchor::Near => None,
    };
    found.extend(secret.map(|(context, secret)| candidate(rule, context, secret)));
}

pub(crate) fn candidate(rule: &'static Rule, context: usize, secret: Range<usize>) -> Candidate {
    let (id, why) = (rule.id, rule.why);
    Candidate { rule: id, why, secret, context, rank: Rank::Format, layers: Vec::new() }
}

/// A match of a rule that must begin at `start`.
pub(crate) fn anchored(
    rule: &'static Rule,
    text: &[u8],
    start: usize,
) -> Option<(usize, Range<usize>)> {
    let own_name = rule.words.iter().any(|word| word.ends_with('='));
    if !own_name && !begins_at(text, start) {
        return None;
    }
    let expression = rule.expression()?;
    let secret = if expression.captures_len() > 1 {
        expression.captures(&text[start..])?.get(1)?.range()
    } else {
        expression.find(&text[start..])?.range()
    };
    let secret = start + secret.start..start + secret.end;
    // The word itself may look like filler; what follows it must not.
    let word = rule.words.iter().find(|word| text[start..].starts_with(word.as_bytes()));
    let chosen = secret.start.max(start + word.map_or(0, |word| word.len()));
    accepts(rule, text, &secret, chosen).then_some((start, secret))
}

fn surrounding(
    rule: &'static Rule,
    text: &[u8],
    hit: &Range<usize>,
) -> Option<(usize, Range<usize>)> {
    let from = hit.start.saturating_sub(130);
    let window = &text[from..(hit.end + 130).min(text.len())];
    let matches = rule.expression()?.find_iter(window).map(|m| from + m.start()..from + m.end());
    let secret = matches.into_iter().find(|m| m.start <= hit.start && hit.end <= m.end)?;
    let fits = begins_at(text, secret.start) && accepts(rule, text, &secret, secret.start);
    fits.then_some((secret.start, secret))
}

/// Whether a match is a secret; what its issuer chose begins at `chosen`.
fn accepts(rule: &Rule, text: &[u8], secret: &Range<usize>, chosen: usize) -> bool {
    if text.get(secret.end).is_some_and(u8::is_ascii_alphanumeric) {
        return false;
    }
    let value = &text[secret.clone()];
    match rule.check.map_or(Verdict::Open, |check| check.judge(value)) {
        Verdict::Confirmed => true,
        Verdict::Refuted => false,
        Verdict::Open => {
            let chosen = text.get(chosen..secret.end).unwrap_or(value);
            judge::entropy(value) >= rule.entropy && !judge::is_placeholder(chosen)
        }
    }
}

/// Whether a token may begin here: no letter or digit before it, except one that belongs to an
/// escape (`\n`, `%3D`).
pub(crate) fn begins_at(text: &[u8], start: usize) -> bool {
    match &text[start.saturating_sub(3)..start] {
        [.., last] if !last.is_ascii_alphanumeric() => true,
        [.., b'\\', b'n' | b't' | b'r'] => true,
        [b'%', high, low] => high.is_ascii_hexdigit() && low.is_ascii_hexdigit(),
        rest => rest.is_empty(),
    }
}

/// Takes the masks out of the candidates; what remains around a mask is masked on its own.
fn subtract(found: Vec<Candidate>, masked: &[Range<usize>]) -> Vec<Candidate> {
    if masked.is_empty() {
        return found;
    }
    let mut rest = Vec::with_capacity(found.len());
    for candidate in found {
        let mut at = candidate.secret.start;
        let first = masked.partition_point(|mask| mask.end <= at);
        let inside = masked[first..].iter().take_while(|mask| mask.start < candidate.secret.end);
        for mask in inside {
            rest.extend(piece(&candidate, at..mask.start));
            at = mask.end;
        }
        rest.extend(piece(&candidate, at..candidate.secret.end));
    }
    rest
}

fn piece(candidate: &Candidate, range: Range<usize>) -> Option<Candidate> {
    (range.start < range.end).then(|| Candidate { secret: range, ..candidate.clone() })
}

/// Sorts and joins overlapping candidates; the most specific one gives the name.
fn join(mut found: Vec<Candidate>) -> Vec<Candidate> {
    found.sort_by_key(|candidate| (candidate.secret.start, candidate.secret.end));
    let mut joined: Vec<Candidate> = Vec::with_capacity(found.len());
    for candidate in found {
        match joined.last_mut() {
            Some(last) if candidate.secret.start < last.secret.end => {
                let union = last.secret.start..last.secret.end.max(candidate.secret.end);
                let context = last.context.min(candidate.context);
                let key = |c: &Candidate| (c.rank, c.layers.len());
                if key(&candidate) < key(last) {
                    *last = candidate;
                }
                last.secret = union;
                last.context = context;
            }
            _ => joined.push(candidate),
        }
    }
    joined
}
