//! The fake's tokens: a word with the space before it, in pieces of at most eight characters.

use contracts::hauski::engine::{Alternative, Token};

use super::numbers::Numbers;

/// Characters of a token at most.
const LONGEST: usize = 8;

/// Takes a text apart; joined again, the pieces are the text.
pub fn split(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut characters = 0;
    let mut word = false;
    for c in text.chars() {
        let begins = c.is_whitespace() && word;
        match tokens.last_mut() {
            Some(token) if !begins && characters < LONGEST => {
                token.push(c);
                characters += 1;
            }
            _ => {
                tokens.push(c.to_string());
                characters = 1;
                word = false;
            }
        }
        word |= !c.is_whitespace();
    }
    tokens
}

/// How many tokens a text has.
pub fn count(text: &str) -> u32 {
    u32::try_from(split(text).len()).unwrap_or(u32::MAX)
}

/// A token with probabilities that depend on it and its place alone.
pub fn with_probabilities(text: &str, place: u32, alternatives: u32) -> Token {
    let mut numbers = Numbers::of(&format!("{place}:{text}"));
    let logprob = -numbers.part();
    let own = Alternative { token: text.to_owned(), bytes: text.as_bytes().to_vec(), logprob };
    let others = (1..alternatives).map(|rank| {
        let token = format!("{text}{rank}");
        let bytes = token.clone().into_bytes();
        Alternative { token, bytes, logprob: logprob - f64::from(rank) }
    });
    let top = std::iter::once(own).chain(others).take(alternatives as usize).collect();
    Token { token: text.to_owned(), bytes: text.as_bytes().to_vec(), logprob, top }
}
