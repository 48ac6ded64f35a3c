//! How many WordPiece tokens a text has, told from the shape of its words alone.
//!
//! An uncased BERT vocabulary gives every punctuation mark and every Chinese, Japanese or Korean character a token of
//! its own; words are cut into the longest known pieces. Of a word only its length is looked at: short English words
//! are one token, and the longer a word the likelier it is a compound. A change from lower to upper case and from
//! letters to digits ends a word, because no piece reaches across it by more than chance.

use std::ops::Range;

/// Tenths of a token.
type Tenths = u32;

/// Estimated tokens, without the two that every input is framed by.
#[must_use]
pub fn estimate(text: &str) -> usize {
    let mut sum: Tenths = 0;
    walk(text, |_, cost| sum = sum.saturating_add(cost));
    whole(sum)
}

fn whole(tenths: Tenths) -> usize {
    tenths.div_ceil(10) as usize
}

/// The estimate of every range of a text, in constant time.
pub(super) struct Counter {
    /// Cost of everything before a byte.
    before: Vec<Tenths>,
}

impl Counter {
    pub(super) fn new(text: &str) -> Self {
        let mut before = vec![0; text.len() + 1];
        let (mut sum, mut filled): (Tenths, usize) = (0, 0);
        walk(text, |end, cost| {
            before[filled..end].fill(sum);
            filled = end;
            sum = sum.saturating_add(cost);
        });
        before[filled..].fill(sum);
        Self { before }
    }

    pub(super) fn count(&self, range: &Range<usize>) -> usize {
        let at = |place: usize| self.before.get(place).copied().unwrap_or_default();
        whole(at(range.end).saturating_sub(at(range.start)))
    }

    /// The first place from `start` on at which more than `tokens` have been used, or `end`.
    pub(super) fn reach(&self, start: usize, end: usize, tokens: usize) -> usize {
        let base = self.before.get(start).copied().unwrap_or_default();
        let most = u32::try_from(tokens).unwrap_or(u32::MAX / 16).saturating_mul(10);
        let window = self.before.get(start..=end).unwrap_or_default();
        let within = window.partition_point(|sum| sum.saturating_sub(base) <= most);
        (start + within.saturating_sub(1)).min(end)
    }
}

/// What a byte belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    Lower,
    Upper,
    Digit,
    /// A token of its own.
    Mark,
    /// First byte of a character that is not ASCII.
    Wide,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Mark; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            0..=b' ' | 0x7F => Class::Blank,
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Digit,
            0x80.. => Class::Wide,
            _ => Class::Mark,
        };
        byte += 1;
    }
    classes
};

/// Calls `token` with the end and the cost of every word and mark, in order.
fn walk(text: &str, mut token: impl FnMut(usize, Tenths)) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match CLASSES[bytes[at] as usize] {
            Class::Blank => at += 1,
            Class::Mark => {
                at += 1;
                token(at, 10);
            }
            Class::Digit => {
                let end = run(bytes, at, |class| class == Class::Digit);
                token(end, digits(end - at));
                at = end;
            }
            Class::Lower | Class::Upper => {
                let capitals = run(bytes, at, |class| class == Class::Upper);
                let end = run(bytes, capitals, |class| class == Class::Lower);
                let (end, letters, foreign) = accented(text, end, end - at);
                token(end, word(letters, foreign));
                at = end;
            }
            Class::Wide => {
                let end = text.ceil_char_boundary(at + 1);
                let latin = bytes[at] < 0xCA;
                if latin {
                    let (end, letters, foreign) = accented(text, at, 0);
                    token(end.max(at + 1), word(letters.max(1), foreign));
                    at = end.max(text.ceil_char_boundary(at + 1));
                } else {
                    token(end, 10);
                    at = end;
                }
            }
        }
    }
}

/// Goes on over letters with accents and small letters behind them: where the word ends, how many letters it has, and
/// whether any had an accent.
fn accented(text: &str, mut end: usize, mut letters: usize) -> (usize, usize, bool) {
    let bytes = text.as_bytes();
    let mut foreign = false;
    // Two-byte characters up to U+024F: Latin with accents.
    while bytes.get(end).is_some_and(|byte| (0xC3..=0xC9).contains(byte)) {
        let next = text.ceil_char_boundary(end + 1);
        foreign = true;
        let tail = run(bytes, next, |class| class == Class::Lower);
        letters += 1 + (tail - next);
        end = tail;
    }
    (end, letters, foreign)
}

fn run(bytes: &[u8], mut at: usize, is: impl Fn(Class) -> bool) -> usize {
    while at < bytes.len() && is(CLASSES[bytes[at] as usize]) {
        at += 1;
    }
    at
}

/// A longer word than this is one unknown token for the model; here it still costs something, so that a line without
/// blanks is cut.
const UNKNOWN_LETTERS: usize = 100;

fn word(letters: usize, foreign: bool) -> Tenths {
    let cost = match letters {
        0..=3 => 10,
        4..=6 => 11,
        7..=9 => 15,
        10..=12 => 24,
        13..=UNKNOWN_LETTERS => number(letters) * 10 / 4,
        _ => number(UNKNOWN_LETTERS) * 10 / 4 + number(letters - UNKNOWN_LETTERS) * 10 / 8,
    };
    if foreign { cost + number(letters.min(UNKNOWN_LETTERS)) } else { cost }
}

fn digits(count: usize) -> Tenths {
    if count <= 2 { 10 } else { number(count) * 10 / 2 }
}

fn number(count: usize) -> Tenths {
    u32::try_from(count).unwrap_or(u32::MAX / 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_words_are_counted() {
        assert_eq!(estimate(""), 0);
        assert_eq!(estimate(" \n\t"), 0);
        assert_eq!(estimate("the cat"), 2);
        assert_eq!(estimate("==> {}"), 5);
        assert_eq!(estimate("漢字かな"), 4);
        assert!(estimate("getUserName") <= 4);
        assert!(estimate("Verantwortlichkeit") >= 4);
        assert!(estimate(&"x".repeat(10_000)) > 200);
    }

    #[test]
    fn a_counter_knows_every_range() {
        let text = "fn größe(x: u32) -> Größe { übergröße + 0x1F }\n\u{1F600} ok";
        let counter = Counter::new(text);
        assert_eq!(counter.count(&(0..text.len())), estimate(text));
        for (at, _) in text.char_indices() {
            assert!(counter.count(&(0..at)) <= estimate(text));
            let both = counter.count(&(0..at)) + counter.count(&(at..text.len()));
            assert!(both >= estimate(text), "{at}");
        }
        let reached = counter.reach(0, text.len(), 3);
        assert!(counter.count(&(0..reached)) <= 3);
        assert_eq!(counter.reach(0, text.len(), 10_000), text.len());
    }
}
