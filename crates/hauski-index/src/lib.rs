//! Finds passages in everything the house knows, and says where each of them stands.
//!
//! SQLite is the truth (`truth/`); the text index (`text/`) and the vectors (`vectors/`) are derived from it and healed
//! from a watermark when they are opened. Every part names a passage by its [`ChunkId`].

pub mod chunk;
pub mod codesearch;
pub mod embed;
pub mod failpoint;
mod filter;
pub mod fuse;
mod index;
pub mod ingest;
pub mod text;
pub mod trust;
pub mod truth;
pub mod vectors;

pub use filter::{Attributes, ChunkId, Filter};
pub use index::{Clock, Index, IndexError, IndexOptions, Line, NewSource};
