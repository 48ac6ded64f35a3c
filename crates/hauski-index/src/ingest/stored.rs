//! Between what a pass says and what the truth keeps.

use std::collections::HashMap;
use std::path::Path;

use contracts::hauski::index::{SourceRef as StoredSource, TrustLevel};

use super::document::{Document, Known, Seen, Trust};
use crate::chunk::{Chunk, Kind};
use crate::truth;

impl Seen {
    /// As the truth keeps it beside the hash: `chunker-size-mtime-ctime-inode-read`, in decimal.
    #[must_use]
    pub fn stamp(&self) -> String {
        let Self { size, mtime_ns, ctime_ns, inode, read_ns, chunker, .. } = self;
        format!("{chunker}:{size}:{mtime_ns}:{ctime_ns}:{inode}:{read_ns}")
    }

    /// Reads a stamp; nothing when it is none of ours.
    #[must_use]
    pub fn of_stamp(stamp: &str, hash: [u8; 32]) -> Option<Self> {
        let mut words = stamp.split(':');
        let seen = Self {
            chunker: words.next()?.parse().ok()?,
            size: words.next()?.parse().ok()?,
            mtime_ns: words.next()?.parse().ok()?,
            ctime_ns: words.next()?.parse().ok()?,
            inode: words.next()?.parse().ok()?,
            read_ns: words.next()?.parse().ok()?,
            hash,
        };
        words.next().is_none().then_some(seen)
    }
}

/// What the truth knows of one collection, held in memory for a pass.
#[derive(Clone, Debug, Default)]
pub struct KnownDocuments {
    collection: String,
    documents: HashMap<String, (Option<Seen>, [u8; 32])>,
}

impl KnownDocuments {
    /// From [`truth::Truth::known`].
    #[must_use]
    pub fn new(collection: &str, known: Vec<truth::Known>) -> Self {
        let documents = known.into_iter().map(|known| {
            let seen = known.stamp.and_then(|stamp| Seen::of_stamp(&stamp, known.hash));
            (known.doc_id, (seen, known.hash))
        });
        Self { collection: collection.to_owned(), documents: documents.collect() }
    }

    fn get(&self, collection: &str, doc_id: &str) -> Option<&(Option<Seen>, [u8; 32])> {
        if collection == self.collection { self.documents.get(doc_id) } else { None }
    }
}

impl Known for KnownDocuments {
    fn file(&self, collection: &str, doc_id: &str) -> Option<Seen> {
        self.get(collection, doc_id)?.0
    }

    fn hash(&self, collection: &str, doc_id: &str) -> Option<[u8; 32]> {
        self.get(collection, doc_id).map(|(_, hash)| *hash)
    }

    fn doc_ids(&self, collection: &str) -> Vec<String> {
        if collection == self.collection {
            self.documents.keys().cloned().collect()
        } else {
            Vec::new()
        }
    }
}

impl Document {
    /// As the truth takes it. `root` is the folder that its path lies below, for those who open citations.
    #[must_use]
    pub fn stored(self, root: Option<&Path>) -> truth::Document {
        let language =
            self.tags.iter().find(|(name, _)| name == "lang").map(|(_, value)| value.clone());
        let trust_level = match self.source.trust {
            Trust::Low => TrustLevel::Low,
            Trust::Medium => TrustLevel::Medium,
            Trust::High => TrustLevel::High,
        };
        truth::Document {
            collection: self.collection,
            source: StoredSource {
                origin: self.source.origin,
                id: self.source.id,
                trust_level,
                ..StoredSource::default()
            },
            title: (!self.title.is_empty()).then_some(self.title),
            file: root.and_then(|root| Some(root.join(&self.path).to_str()?.to_owned())),
            path: Some(self.path),
            doc_id: self.doc_id,
            language,
            at_ms: Some(self.at_ms),
            hash: self.hash,
            stamp: self.file.map(|seen| seen.stamp()),
            tags: self.tags.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
            passages: self.chunks.into_iter().map(passage).collect(),
            ..truth::Document::default()
        }
    }
}

/// As what the words of a passage are read.
pub(crate) fn passage_kind(kind: Kind) -> truth::PassageKind {
    match kind {
        Kind::Code | Kind::Config | Kind::Settings => truth::PassageKind::Code,
        Kind::Markdown | Kind::Prose | Kind::Rows => truth::PassageKind::Prose,
        Kind::Log => truth::PassageKind::Log,
        Kind::Turns => truth::PassageKind::Conversation,
    }
}

/// A passage as the truth keeps it.
pub(crate) fn passage(chunk: Chunk) -> truth::Passage {
    truth::Passage {
        kind: passage_kind(chunk.kind),
        header: chunk.header,
        text: chunk.text,
        span: Some(chunk.span.start as u64..chunk.span.end as u64),
        lines: Some((u64::from(chunk.lines.0), u64::from(chunk.lines.1))),
        hash: chunk.hash,
        ..truth::Passage::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let seen = Seen {
            size: 1,
            mtime_ns: -2,
            ctime_ns: 3,
            inode: u64::MAX,
            read_ns: 5,
            hash: [7; 32],
            chunker: 1,
        };
        assert_eq!(Seen::of_stamp(&seen.stamp(), [7; 32]), Some(seen));
        for broken in ["", "1:2:3", "1:2:3:4:5:6:7", "a:1:1:1:1:1"] {
            assert_eq!(Seen::of_stamp(broken, [0; 32]), None, "{broken}");
        }
    }
}
