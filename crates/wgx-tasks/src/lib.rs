//! What a repository offers and running it: root, profile, discovery, environment fingerprint and
//! process tree.
//!
//! Discovery is a static parse: nothing in this crate executes anything from the repository unless a
//! caller asks for it through [`process`].

pub mod document;
pub mod files;
pub mod fingerprint;
pub mod git;
pub mod native;
pub mod platform;
pub mod process;
pub mod profile;
pub mod root;
pub mod sources;
pub mod task;
pub mod tools;
