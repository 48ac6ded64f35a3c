//! Packs: memories that travel. A pack is a set of facts with their objects; importing is set union, in
//! which tombstones win, so any order of imports comes to the same state.

mod export;
mod format;
mod import;

pub use export::{ExportOptions, Exported};
pub use format::PackError;
pub use import::{ImportLimits, Imported};
