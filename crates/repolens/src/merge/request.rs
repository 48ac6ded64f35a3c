//! What a merge is asked for, and what it answers.

use std::fs;
use std::path::PathBuf;

use contracts::repolens::report::Extras;
use jiff::Timestamp;

use crate::delta::Base;
use crate::render::view::Totals;
use crate::scan::ScanOptions;
use crate::select::Selection;

/// How much is said about every file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Density {
    /// Paths only.
    Min,
    /// No hashes.
    Standard,
    /// Everything.
    Full,
    /// `standard` where a filter is active, else `full`.
    #[default]
    Auto,
}

/// Whether repositories stand in one merge or in one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// All in one.
    #[default]
    Combined,
    /// One each.
    PerRepo,
}

/// Where a merge goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Files in this folder, which is made when it is not there.
    Folder(PathBuf),
    /// One file, handed over open and rewound.
    Stream,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct MergeRequest {
    /// The working copies.
    pub roots: Vec<PathBuf>,
    /// How to walk.
    pub scan: ScanOptions,
    /// What to show.
    pub selection: Selection,
    /// One merge or one a repository.
    pub mode: Mode,
    /// How much is said about every file.
    pub density: Density,
    /// Nothing is interpreted. Stronger than [`Selection::plan_only`], which would leave the manifest out.
    pub meta_none: bool,
    /// Files above `max_file_bytes` stand in pieces instead of being cut.
    pub split_files: bool,
    /// Most bytes of a part; nothing for a merge in one file.
    pub split_size: Option<u64>,
    /// The extras.
    pub extras: Extras,
    /// What the delta extra compares with; [`Extras::delta_reports`] asks for it.
    pub delta_from: Option<Base>,
    /// Headings that are bare tokens.
    pub nav_headings: bool,
    /// When.
    pub generated_at: Timestamp,
    /// Threads; 0 is one for every core. The merge does not depend on it.
    pub threads: usize,
    /// Whether [`Merged::debug`] is filled.
    pub debug: bool,
    /// Where facts are kept between runs; nothing for a merge that neither reads nor leaves any.
    pub cache: Option<PathBuf>,
    /// Where to.
    pub target: Target,
    /// First part of the file names; made from the options when it is not given.
    pub name: Option<String>,
    /// Whether a name that is made carries the time; without it, a later merge replaces an earlier one.
    pub dated: bool,
}

/// Follows a merge.
pub trait Progress: Sync {
    /// So many files are in all merges of this call together.
    fn total(&self, files: usize);
    /// So many files of the current merge are done.
    fn files(&self, done: usize);
}

/// A merge that was made.
#[derive(Debug)]
pub struct Merged {
    /// The parts, in order; empty for [`Target::Stream`].
    pub files: Vec<PathBuf>,
    /// The sidecar.
    pub sidecar: Option<PathBuf>,
    /// The merge itself, for [`Target::Stream`].
    pub stream: Option<fs::File>,
    /// Bytes of all parts.
    pub bytes: u64,
    /// What it holds.
    pub totals: Totals,
    /// What has to be said.
    pub notes: Vec<String>,
    /// Minimum information of the debug mode (specification 11).
    pub debug: Vec<String>,
}
