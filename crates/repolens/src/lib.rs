//! Turns working copies into merges that an AI can navigate, cite and trust.
//!
//! The way of a merge: scan the roots, classify every file, select by profile and filters, render,
//! validate, write. Nothing of a repository is executed, no link is followed, and whatever does not
//! stand in the merge is counted with its reason.

pub mod classify;
pub mod delta;
pub mod diff;
pub mod facts;
pub mod git;
pub mod hub;
pub mod merge;
pub mod model;
pub mod pack;
pub mod pool;
pub mod prescan;
pub mod reader;
pub mod render;
pub mod scan;
mod secrets;
pub mod select;
pub mod sidecar;
pub mod stats;
pub mod symbols;
pub mod tokens;
pub mod unpack;
pub mod validate;
pub mod watch;
