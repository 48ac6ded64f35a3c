//! Anchors and the links to them, across parts. Links are forgotten as soon as their target is met.

use std::collections::hash_map::{HashMap, RandomState};
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;

use super::findings::{Findings, Place};
use super::rules::Rule;
use crate::reader::Link;

/// Tokens are kept as hashes under a key that is new in every process, so that a merge of a hundred
/// thousand files needs little memory and no merge can be made to collide.
#[derive(Debug, Default)]
pub(super) struct LinkBook {
    keys: RandomState,
    anchors: HashSet<(usize, u64)>,
    waiting: HashMap<(usize, u64), (Place, Box<str>)>,
    /// Names of parts that links use, with the first place.
    names: BTreeMap<String, Place>,
}

impl LinkBook {
    pub(super) fn hash(&self, text: &str) -> u64 {
        self.keys.hash_one(text)
    }

    pub(super) fn anchor(&mut self, token: &str, place: Place, findings: &mut Findings) {
        let key = (place.part.unwrap_or(0), self.hash(token));
        self.waiting.remove(&key);
        if !self.anchors.insert(key) {
            findings.add(
                Rule::AnchorUnique,
                place,
                format!("the anchor `{token}` stands twice in this part"),
            );
        }
    }

    pub(super) fn link(&mut self, link: Link<'_>, place: Place) {
        let part = if link.file.is_empty() {
            place.part.unwrap_or(0)
        } else {
            if !self.names.contains_key(link.file) {
                self.names.insert(link.file.to_owned(), place);
            }
            part_number(link.file).map_or(usize::MAX, |number| number.wrapping_sub(1))
        };
        let key = (part, self.hash(link.token));
        if !self.anchors.contains(&key) {
            self.waiting.entry(key).or_insert_with(|| (place, link.token.into()));
        }
    }

    /// Reports every link that leads nowhere. `any_names`: parts may have been renamed.
    pub(super) fn finish(&mut self, parts: &[String], any_names: bool, findings: &mut Findings) {
        // The keys are random, the findings and which of them are kept must not be.
        let mut waiting: Vec<_> = std::mem::take(&mut self.waiting).into_values().collect();
        waiting.sort_unstable_by(|(place, token), (other, other_token)| {
            (place.part, place.line, token).cmp(&(other.part, other.line, other_token))
        });
        for (place, token) in waiting {
            let message = format!("no place has the anchor `{token}` that this links to");
            findings.add(Rule::LinkTarget, place, message);
        }
        for (name, place) in std::mem::take(&mut self.names) {
            let given = part_number(&name).and_then(|number| parts.get(number.wrapping_sub(1)));
            if given.is_none_or(|given| *given != name && !any_names) {
                let message = format!("links lead to `{name}`, but no such part was given");
                findings.add(Rule::LinkTarget, place, message);
            }
        }
    }
}

/// N of `NAME_partN_merge.md`.
pub(super) fn part_number(name: &str) -> Option<usize> {
    name.strip_suffix("_merge.md")?.rsplit_once("_part")?.1.parse().ok()
}
