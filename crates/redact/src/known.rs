//! Values that are known to be secret, masked wherever they appear.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};

use crate::args::is_secret_name;
use crate::engine::{Candidate, Rank};

/// Shorter values would mask ordinary words.
const VALUE_MIN: usize = 8;

/// The secret values of an environment.
#[derive(Debug)]
pub(crate) struct Known {
    values: AhoCorasick,
}

impl Known {
    /// Takes the values of secret-looking names. `None` when there is none.
    pub(crate) fn new<'a>(variables: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Self> {
        let secret = variables.filter(|(name, value)| is_secret_name(name) && is_worth(value));
        let values: Vec<&str> = secret.map(|(_, value)| value).collect();
        if values.is_empty() {
            return None;
        }
        let values = AhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostLongest)
            .kind(Some(AhoCorasickKind::NoncontiguousNFA))
            .build(values);
        values.ok().map(|values| Self { values })
    }

    pub(crate) fn find(&self, text: &[u8], found: &mut Vec<Candidate>) {
        found.extend(self.values.find_iter(text).map(|hit| Candidate {
            rule: "known-value",
            why: "value of a secret environment variable",
            secret: hit.range(),
            context: hit.start(),
            rank: Rank::Known,
            layers: Vec::new(),
        }));
    }
}

/// Paths, words of tutorials and booleans are values of secret names too (`TOKEN_FILE`), and would
/// mask half a log.
fn is_worth(value: &str) -> bool {
    let path = value.starts_with('/') && !value.ends_with('=') && value.matches('/').count() > 1;
    let blank = value.trim().is_empty();
    value.len() >= VALUE_MIN
        && !path
        && !blank
        && !["password", "passw0rd", "changeme", "disabled", "required"].contains(&value)
}
