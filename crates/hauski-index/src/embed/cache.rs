//! Under which name a vector is kept, so that no text is embedded twice by the same weights.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Kind, ModelId};

/// Text and weights. Equal keys mean equal vectors.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CacheKey {
    /// SHA-256 of what was embedded, in hexadecimal digits: for a passage that of its text alone.
    pub text: String,
    /// [`ModelId::revision`].
    pub revision: String,
}

impl CacheKey {
    /// The key of a text.
    pub fn new(text: &str, kind: Kind, model: &ModelId) -> Self {
        let mut hash = Sha256::new();
        if kind == Kind::Query {
            // No passage begins so: a chunk holds text, and text holds no zero byte.
            hash.update(b"query\0");
        }
        hash.update(text);
        let mut hex = String::with_capacity(64);
        for byte in hash.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
        }
        Self { text: hex, revision: model.revision.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(revision: &str) -> ModelId {
        ModelId { name: "tiny".to_owned(), revision: revision.to_owned(), dims: 8 }
    }

    #[test]
    fn a_passage_is_kept_under_the_hash_of_its_text() {
        let key = CacheKey::new("abc", Kind::Passage, &model("one"));
        assert_eq!(key.text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(key.revision, "one");
    }

    #[test]
    fn questions_passages_and_weights_do_not_mix() {
        let passage = CacheKey::new("abc", Kind::Passage, &model("one"));
        assert_ne!(passage, CacheKey::new("abc", Kind::Query, &model("one")));
        assert_ne!(passage, CacheKey::new("abc", Kind::Passage, &model("two")));
        assert_eq!(passage, CacheKey::new("abc", Kind::Passage, &model("one")));
    }
}
