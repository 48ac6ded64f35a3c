//! The database that everything else is derived from.

mod bad_places;
mod forgetting;
pub(crate) use forgetting::holds;
mod writing;

use contracts::hauski::index::{SourceRef, TrustLevel};
use hauski_index::truth::{Document, Passage, Truth};

/// A time that no clock of a test shows.
pub(crate) const NOW: i64 = 1_790_000_000_000;

pub(crate) async fn open(home: &std::path::Path) -> Truth {
    Truth::open(home).await.unwrap()
}

/// A document of passages with these texts.
pub(crate) fn document(doc_id: &str, texts: &[&str]) -> Document {
    let passage = |text: &&str| Passage { text: (*text).to_owned(), ..Passage::default() };
    Document {
        collection: "notes".to_owned(),
        doc_id: doc_id.to_owned(),
        source: SourceRef {
            origin: "test".to_owned(),
            id: doc_id.to_owned(),
            trust_level: TrustLevel::High,
            ..SourceRef::default()
        },
        passages: texts.iter().map(passage).collect(),
        ..Document::default()
    }
}
