//! Reads merges as a stream: every byte is seen once, and memory does not grow with the contents.
//!
//! [`Reader`] is fed bytes in any portions and tells a [`Sink`] what it meets: one [`Event`] for every
//! line that belongs to the structure, and raw bytes for whatever stands inside a fence. Nothing inside
//! a fence is ever taken for structure. The format is described in `docs/merge-format.md`.

mod event;
mod file_meta;
mod grammar;
mod meta;
mod names;
mod outline;
mod stream;

pub use event::{Event, Position, Sink};
pub use file_meta::FileMeta;
pub use grammar::{
    Attributes, FileMarker, Included, Link, Links, Row, Zone, classify, is_part_name, key_value,
    path_cell, row,
};
pub use meta::{MetaError, parse as parse_meta};
pub(crate) use names::hex;
pub use names::{
    anchor_base, anchor_hash, code_span, file_id, nfc, plain_name, printable, slug,
    unescape_attribute,
};
pub use outline::{Block, ManifestRow, Outline, OutlineError, Outliner, Piece, outline};
pub use stream::{LINE_LIMIT_BYTES, Reader};

use crate::model::Encoding;

/// The encoding that an `encoding="…"` attribute names; `None` for a name that the format does not know.
pub fn encoding(name: &str) -> Option<Encoding> {
    match name {
        "latin-1" => Some(Encoding::Latin1),
        "utf-16le" => Some(Encoding::Utf16Le),
        "utf-16be" => Some(Encoding::Utf16Be),
        _ => None,
    }
}
