//! Text: what is found, in which order, and what is gone when it is gone.

mod durable;
mod found;

use hauski_index::text::{Kind, TextChange, TextFound, TextIndex, TextParams, TextQuery};
use hauski_index::{Attributes, ChunkId};

/// A passage of prose in collection 1.
fn put(id: u64, text: &str) -> TextChange {
    of_kind(id, "", text, Kind::Prose)
}

fn of_kind(id: u64, title: &str, text: &str, kind: Kind) -> TextChange {
    let attributes = Attributes { collection: 1, ..Attributes::default() };
    TextChange::Put {
        id: ChunkId(id),
        attributes,
        title: title.into(),
        text: text.into(),
        kind,
        language: None,
    }
}

fn with(mut change: TextChange, set: impl FnOnce(&mut Attributes)) -> TextChange {
    if let TextChange::Put { attributes, .. } = &mut change {
        set(attributes);
    }
    change
}

fn ask(words: &str) -> TextQuery {
    TextQuery {
        words: words.into(),
        k: 10,
        params: TextParams { explain: true, ..TextParams::default() },
        ..TextQuery::default()
    }
}

fn search(index: &TextIndex, query: &TextQuery) -> TextFound {
    index.search(query).expect("searches")
}

/// Ids of the hits, best first.
fn ids(index: &TextIndex, words: &str) -> Vec<u64> {
    search(index, &ask(words)).hits.iter().map(|hit| hit.id.0).collect()
}
