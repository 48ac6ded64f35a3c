//! What is known of contents, kept between runs: hashes, token counts, whether a text is clean of
//! secrets. Nothing here decides what stands in a merge; it only spares work that was done before.

mod cache;
mod file;

pub use cache::{Cache, Known, Seen, build_id};
