//! Cutting a range that nothing is known of: at blank lines, at lines that stand further out, at the ends of sentences
//! and words, and if need be between any two characters.

use std::ops::Range;

use super::pack::Packer;

/// Whether a character counts as nothing: blanks and byte order marks.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// A range without the blanks at its ends.
pub(super) fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start_matches(is_blank).len());
    let end = range.end - (part.len() - part.trim_end_matches(is_blank).len());
    if start < end { start..end } else { range.start..range.start }
}

/// The lines of a range, each with its line feed.
pub(super) fn lines(text: &str, range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        if at >= range.end {
            return None;
        }
        let rest = &text.as_bytes()[at..range.end];
        let end = memchr::memchr(b'\n', rest).map_or(range.end, |feed| at + feed + 1);
        let line = at..end;
        at = end;
        Some(line)
    })
}

/// Cuts a range into windows that fit.
pub(super) fn windows(packer: &Packer<'_>, range: Range<usize>) -> Vec<Range<usize>> {
    let mut windows = Vec::new();
    let mut rest = range;
    while !packer.fits(&rest) {
        let cut = cut(packer, &rest);
        windows.push(rest.start..cut);
        rest = cut..rest.end;
    }
    if !rest.is_empty() {
        windows.push(rest);
    }
    windows
}

/// The best place to end the first window of a range that is too large. Always behind its start.
fn cut(packer: &Packer<'_>, range: &Range<usize>) -> usize {
    let text = packer.text();
    let limit = text.floor_char_boundary(packer.reach(range));
    // Blanks in front cost nothing; what counts is what stands behind them.
    let first = range.start + {
        let part = &text[range.start..limit];
        part.len() - part.trim_start_matches(is_blank).len()
    };
    let least = first + (limit.saturating_sub(first)) / 2;
    by_line(text, range.start, least, limit)
        .or_else(|| by_sentence(text, least, limit))
        .or_else(|| by_blank(text, least, limit))
        .filter(|cut| *cut > range.start)
        .unwrap_or_else(|| {
            if limit > range.start { limit } else { text.ceil_char_boundary(range.start + 1) }
        })
        .min(range.end)
}

/// A beginning of a line in `least..=limit`: behind a blank line if there is one, else where the least indented line
/// begins, the last of its like.
fn by_line(text: &str, start: usize, least: usize, limit: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut best: Option<(usize, usize)> = None;
    let from = memchr::memrchr(b'\n', &bytes[start..least]).map_or(start, |feed| start + feed + 1);
    let mut blank_before = false;
    for line in lines(text, from..limit) {
        let whole = line.end <= limit && bytes[line.end - 1] == b'\n';
        let content = text[line.clone()].trim_matches(is_blank);
        if line.start >= least && line.start > start && !content.is_empty() {
            let part = &text[line.clone()];
            let indent = part.len() - part.trim_start().len();
            let closes = content.starts_with(['}', ')', ']']) || content.starts_with("end");
            let cost = if blank_before { 0 } else { 2 + indent * 2 + usize::from(closes) };
            if best.is_none_or(|(least_cost, _)| cost <= least_cost) {
                best = Some((cost, line.start));
            }
        }
        blank_before = content.is_empty();
        if whole && line.end == limit {
            // The line behind the limit was not looked at: a place like any other.
            let cost = if blank_before { 0 } else { 4 };
            if best.is_none_or(|(least_cost, _)| cost <= least_cost) {
                best = Some((cost, line.end));
            }
        }
    }
    best.map(|(_, at)| at).filter(|at| *at > start)
}

fn by_sentence(text: &str, least: usize, limit: usize) -> Option<usize> {
    let part = text.get(text.ceil_char_boundary(least)..limit)?;
    let base = limit - part.len();
    let ends = part.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?' | ';' | '。'));
    let mut place = ends.filter_map(|(at, c)| {
        let behind = at + c.len_utf8();
        let next = part[behind..].chars().next()?;
        (next.is_whitespace() || c == '。').then_some(behind)
    });
    place.next_back().map(|behind| base + behind)
}

fn by_blank(text: &str, least: usize, limit: usize) -> Option<usize> {
    let part = text.get(text.ceil_char_boundary(least)..limit)?;
    let base = limit - part.len();
    let blank = part.rfind(is_blank).map(|at| base + at);
    blank.or_else(|| part.rfind([',', ';', '}', '&', '|']).map(|at| base + at + 1))
}
