//! What the process does, in an order that its number tells, and what must be there afterwards.

use std::collections::{BTreeMap, BTreeSet};

use super::Dice;

/// Documents that take turns.
const DOCUMENTS: u64 = 24;

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// Puts a version of a document, also where it was forgotten.
    Put { document: u64, version: u64 },
    /// Takes it away.
    Remove { document: u64 },
    /// Forgets it.
    Forget { document: u64 },
}

impl Op {
    pub(super) fn of(number: u64) -> Self {
        let mut dice = Dice(number.wrapping_mul(0x1234_5678_9abc_def1));
        let document = dice.below(DOCUMENTS);
        match dice.below(20) {
            0..=2 => Self::Remove { document },
            3 => Self::Forget { document },
            _ => Self::Put { document, version: number },
        }
    }
}

/// A word that stands in one version only.
pub(super) fn word(version: u64) -> String {
    format!("quokka{version}zz")
}

pub(super) fn name(document: u64) -> String {
    format!("document-{document}")
}

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model {
    /// Version by document.
    pub(super) live: BTreeMap<u64, u64>,
    /// Versions that were replaced, removed or forgotten.
    pub(super) gone: BTreeSet<u64>,
    /// Those of them that were forgotten: not a byte of them is left.
    pub(super) forgotten: BTreeSet<u64>,
}

impl Model {
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Put { document, version } => {
                self.gone.extend(self.live.insert(*document, *version));
            }
            Op::Remove { document } => self.gone.extend(self.live.remove(document)),
            Op::Forget { document } => {
                let version = self.live.remove(document);
                self.gone.extend(version);
                self.forgotten.extend(version);
            }
        }
    }
}
