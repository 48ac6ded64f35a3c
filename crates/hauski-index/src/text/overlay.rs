//! Passages that are applied and not committed yet: an index in memory beside the one on disk, searched by the same scorer, so
//! that a write is found at once and a delete hides at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::analysis::{Fields, Kind};
use super::query::Phrase;
use super::schema::{self, Field};
use crate::Attributes;

/// A passage that waits for its commit.
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) attributes: Attributes,
    pub(super) kind: Kind,
    pub(super) fields: Fields,
}

impl Pending {
    /// The analysed text of a field.
    pub(super) fn text(&self, field: Field) -> &str {
        match field {
            Field::Prose if self.kind == Kind::Prose => &self.fields.main,
            Field::Code if self.kind != Kind::Prose => &self.fields.main,
            Field::Prose | Field::Code => "",
            Field::Title => &self.fields.title,
            Field::Parts => &self.fields.parts,
            Field::Names => &self.fields.names,
        }
    }
}

#[derive(Default)]
pub(super) struct Overlay {
    docs: Vec<Option<Arc<Pending>>>,
    by_id: HashMap<u64, usize>,
    /// Documents, ascending, and how often the term stands there.
    terms: HashMap<String, Vec<(u32, u32)>>,
    /// Of each segment on disk: documents that were replaced or deleted since.
    pub(super) hidden: Vec<BTreeSet<u32>>,
}

impl Overlay {
    pub(super) fn new(segments: usize) -> Self {
        Self { hidden: vec![BTreeSet::new(); segments], ..Self::default() }
    }

    /// The passages in it.
    pub(super) fn ids(&self) -> impl Iterator<Item = u64> {
        self.by_id.keys().copied()
    }

    pub(super) fn put(&mut self, pending: Arc<Pending>) {
        self.delete(pending.id);
        let doc = self.docs.len();
        for field in Field::ALL {
            for (_, term) in schema::terms(pending.text(field)) {
                let postings = self.terms.entry(key(field, term)).or_default();
                match postings.last_mut() {
                    Some((last, count)) if *last == doc as u32 => *count += 1,
                    _ => postings.push((doc as u32, 1)),
                }
            }
        }
        self.by_id.insert(pending.id, doc);
        self.docs.push(Some(pending));
    }

    pub(super) fn delete(&mut self, id: u64) {
        if let Some(doc) = self.by_id.remove(&id) {
            self.docs[doc] = None;
        }
    }

    pub(super) fn hide(&mut self, segment: usize, doc: u32) {
        if let Some(hidden) = self.hidden.get_mut(segment) {
            hidden.insert(doc);
        }
    }

    pub(super) fn get(&self, doc: u32) -> Option<&Pending> {
        self.docs.get(doc as usize)?.as_deref()
    }

    /// What waits under an id.
    pub(super) fn pending(&self, id: u64) -> Option<Arc<Pending>> {
        self.docs.get(*self.by_id.get(&id)?)?.clone()
    }

    pub(super) fn live(&self) -> impl Iterator<Item = &Pending> {
        self.docs.iter().flatten().map(|pending| &**pending)
    }

    /// Takes out what is live, in the order in which it came.
    pub(super) fn drain(&mut self) -> Vec<Arc<Pending>> {
        self.docs.drain(..).flatten().collect()
    }

    /// Live documents with a term, and how often it stands there.
    pub(super) fn postings<'a>(
        &'a self,
        field: Field,
        term: &str,
    ) -> impl Iterator<Item = (u32, u32)> + use<'a> {
        let postings = self.terms.get(&key(field, term)).map(Vec::as_slice).unwrap_or_default();
        postings.iter().copied().filter(|(doc, _)| self.docs[*doc as usize].is_some())
    }
}

fn key(field: Field, term: &str) -> String {
    let mut key = String::with_capacity(term.len() + 1);
    key.push(char::from(b'0' + field as u8));
    key.push_str(term);
    key
}

/// Whether the words of a phrase stand so in an analysed field.
pub(super) fn stands_in(phrase: &Phrase, field: &str) -> bool {
    phrase.readings.iter().any(|reading| {
        let mut starts: Option<BTreeSet<u32>> = None;
        for (distance, wanted) in reading {
            let here: BTreeSet<u32> = schema::terms(field)
                .filter(|(_, term)| term == wanted)
                .filter_map(|(position, _)| (position as u32).checked_sub(*distance))
                .collect();
            starts = Some(match starts {
                None => here,
                Some(starts) => starts.intersection(&here).copied().collect(),
            });
        }
        starts.is_some_and(|starts| !starts.is_empty())
    })
}
