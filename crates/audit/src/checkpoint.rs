//! Checkpoints as C2SP's tlog-checkpoint defines them: origin, size and root of the tree, signed as a note.
//!
//! One extension line names the hash of the checkpoint before, so that none can be taken out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::SigningKey;
use crate::merkle::{self, Hash};
use crate::note;

/// What a checkpoint states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Which log: the name of its keys.
    pub(crate) origin: String,
    /// How many lines it covers.
    pub(crate) size: u64,
    /// Root of the tree over these lines.
    pub(crate) root: [u8; 32],
    /// Hash of the checkpoint before, as a leaf; of the origin for the first.
    pub(crate) prev: [u8; 32],
}

impl Checkpoint {
    /// The text that is signed.
    fn text(&self) -> String {
        let root = STANDARD.encode(self.root);
        format!("{}\n{}\n{root}\nprev {}\n", self.origin, self.size, merkle::hex(&self.prev))
    }

    pub(crate) fn sign(&self, key: &SigningKey) -> String {
        note::sign(&self.text(), &[key])
    }

    /// Reads the text of a note; `None` unless it is exactly what [`Checkpoint::text`] writes.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next()?.to_owned();
        let size = lines.next()?.parse().ok()?;
        let root = STANDARD.decode(lines.next()?).ok()?.try_into().ok()?;
        let prev = merkle::from_hex(lines.next()?.strip_prefix("prev ")?)?;
        let checkpoint = Self { origin, size, root, prev };
        (checkpoint.text() == text).then_some(checkpoint)
    }
}

/// What the first checkpoint of a log names as the one before.
pub(crate) fn first_prev(origin: &str) -> Hash {
    merkle::leaf_hash(origin.as_bytes())
}
