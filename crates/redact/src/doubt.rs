//! A first look that needs no rules: most short texts (names, descriptions, paths) cannot hold a secret,
//! and a program that only masks such texts never reads the rules.

use crate::commands;
use crate::rules::NAME_WORDS;

/// Longer texts are searched at once: they nearly always hold one of the words.
const TEXT_MAX: usize = 2048;

/// Every token format, and every encoded text that could hold a secret, holds a run of so many characters.
const RUN_MIN: usize = 16;

/// Whether a text may hold a secret. `false` is certain, `true` is a reason to search.
pub fn may_hold_secret(text: &[u8]) -> bool {
    text.len() > TEXT_MAX || has_run(text) || has_sign(text) || has_word(text)
}

fn has_run(text: &[u8]) -> bool {
    let in_run =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-');
    text.split(|byte| !in_run(*byte)).any(|run| run.len() >= RUN_MIN)
}

/// Escapes, addresses with a user, and texts that are none.
fn has_sign(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b'\\' | b'%' | b'~' | 0 | 0x1b | 0x1f))
        || memchr::memmem::find(text, b"://").is_some()
        || memchr::memmem::find(text, b"-----BEGIN").is_some()
}

fn has_word(text: &[u8]) -> bool {
    let words = NAME_WORDS.iter().copied().chain(commands::words()).chain(["machine"]);
    let words: Vec<&[u8]> = words.map(str::as_bytes).collect();
    let letter = |byte: u8| 1_u32 << (byte.to_ascii_lowercase().wrapping_sub(b'a') & 31);
    let first = words.iter().fold(0, |letters, word| letters | letter(word[0]));
    let is_word = |at: usize| {
        let here = |word: &&[u8]| {
            text.get(at..at + word.len()).is_some_and(|here| here.eq_ignore_ascii_case(word))
        };
        words.iter().any(here)
    };
    (0..text.len()).any(|at| first & letter(text[at]) != 0 && is_word(at))
}
