//! Which files stand in a merge, and which of them with their content.
//!
//! Filters take files out altogether and are counted in [`Repo::filtered`]; the level decides who
//! is shown in full. What only reading can tell (binary, character borders) is decided when the
//! file is read.

use std::str::FromStr;

use thiserror::Error;

use crate::classify::is_secret_file;
use crate::model::{Category, File, FilterReason, Inclusion, Kind, Reason, Repo, Snapshot, Tag};
use crate::pool::Pools;

/// Lockfiles up to this size are shown by the levels below `max`, in bytes.
const LOCKFILE_MAX: u64 = 20_000;

/// How much a merge shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// What introduces a repository: README, notes for agents, runbooks.
    Overview,
    /// And documents, configuration, contracts.
    Summary,
    /// Code, tests, configuration, contracts, pipelines; of the documents those of the overview.
    Dev,
    /// As `dev`, rendered for machines.
    MachineLean,
    /// Every text.
    #[default]
    Max,
}

impl Level {
    /// All of them, smallest first.
    pub const ALL: [Self; 5] =
        [Self::Overview, Self::Summary, Self::Dev, Self::MachineLean, Self::Max];

    /// As it stands in options and merges.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Summary => "summary",
            Self::Dev => "dev",
            Self::MachineLean => "machine-lean",
            Self::Max => "max",
        }
    }
}

/// A word that names no level.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{word}` is no level; it is one of overview, summary, dev, machine-lean, max")]
pub struct LevelError {
    /// As given.
    pub word: String,
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(word: &str) -> Result<Self, LevelError> {
        let level = Self::ALL.into_iter().find(|level| level.name() == word);
        level.ok_or_else(|| LevelError { word: word.to_owned() })
    }
}

/// What a merge is asked to show.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// How much.
    pub level: Level,
    /// Leaves out documents and whatever is in no category. [`Selection::plan_only`] is stronger.
    pub code_only: bool,
    /// Only the plan is asked for: everything is counted, so `code_only` has no effect.
    pub plan_only: bool,
    /// Only paths that contain this; stronger than every other rule.
    pub path_filter: Option<String>,
    /// Only names that end with one of these; empty for all. See [`extension`].
    pub extensions: Vec<String>,
    /// Most bytes of one file's content; nothing for all of it.
    pub max_file_bytes: Option<u64>,
    /// What a person selected before, by repository.
    pub pools: Pools,
}

/// Why something is no extension filter.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{word}` is no extension: letters, digits, `.`, `_` and `-`, such as `.rs` or `.d.ts`")]
pub struct ExtensionError {
    /// As given.
    pub word: String,
}

/// An extension filter in the form of the merge: lower case, with a leading dot.
pub fn extension(word: &str) -> Result<String, ExtensionError> {
    let bare = word.trim().trim_start_matches('*').trim_start_matches('.');
    let valid = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if bare.is_empty() || !bare.chars().all(valid) {
        return Err(ExtensionError { word: word.to_owned() });
    }
    Ok(format!(".{}", bare.to_ascii_lowercase()))
}

/// Takes out what the filters do not let through and sets [`File::inclusion`] of the rest.
pub fn select(snapshot: &mut Snapshot, selection: &Selection) {
    for repo in &mut snapshot.repos {
        select_repo(repo, selection);
    }
}

fn select_repo(repo: &mut Repo, selection: &Selection) {
    let pool = selection.pools.of(&repo.name);
    let Repo { files, filtered, .. } = repo;
    files.retain_mut(|file| {
        let forced = is_forced(&file.path);
        let out = if !passes_path(&file.path, selection) {
            Some(FilterReason::PathFilter)
        } else if !pool.lists(&file.path) {
            Some(FilterReason::Pool)
        } else if !(forced || passes_extension(&file.path, selection)) {
            Some(FilterReason::Extension)
        } else if is_cut_by_code_only(file, selection) {
            Some(FilterReason::CodeOnly)
        } else {
            None
        };
        match out {
            Some(reason) => *filtered.entry(reason).or_default() += 1,
            None => file.inclusion = inclusion(file, forced, selection),
        }
        out.is_none()
    });
}

fn passes_path(path: &str, selection: &Selection) -> bool {
    selection.path_filter.as_ref().is_none_or(|filter| path.contains(filter))
}

fn passes_extension(path: &str, selection: &Selection) -> bool {
    let path = path.to_ascii_lowercase();
    let extensions = &selection.extensions;
    extensions.is_empty() || extensions.iter().any(|extension| path.ends_with(extension.as_str()))
}

fn is_cut_by_code_only(file: &File, selection: &Selection) -> bool {
    let code_only = selection.code_only && !selection.plan_only;
    code_only && matches!(file.category, Category::Doc | Category::Other)
}

/// What every merge shows unless a path filter, a pool or `code_only` forbids it.
fn is_forced(path: &str) -> bool {
    let guard = path
        .strip_prefix(".github/workflows/")
        .is_some_and(|name| name.contains("guard") && !name.contains('/'));
    matches!(path, "README.md" | ".wgx/profile.yml") || path.ends_with(".ai-context.yml") || guard
}

fn inclusion(file: &File, forced: bool, selection: &Selection) -> Inclusion {
    let fixed = match &file.kind {
        Kind::Unread | Kind::Text | Kind::Encoded(_) => None,
        Kind::Binary => Some(Reason::Binary),
        Kind::Symlink { .. } => Some(Reason::Symlink),
        Kind::Submodule => Some(Reason::Submodule),
        Kind::LfsPointer => Some(Reason::LfsPointer),
        Kind::Special => Some(Reason::Special),
        Kind::Withheld => Some(Reason::SecretName),
        Kind::Unreadable { .. } => Some(Reason::Unreadable),
    };
    let secret = is_secret_file(&file.path).then_some(Reason::SecretFile);
    let profile = (!forced && !shows(selection.level, file)).then_some(Reason::Profile);
    match (fixed.or(secret).or(profile), selection.max_file_bytes) {
        (Some(reason), _) => Inclusion::MetaOnly(reason),
        (None, Some(max)) if file.size > max => Inclusion::Truncated { kept: max },
        (None, _) => Inclusion::Full,
    }
}

/// Whether the level shows the content of such a file.
fn shows(level: Level, file: &File) -> bool {
    let has = |tag| file.tags.contains(&tag);
    let introduces = has(Tag::AiContext) || has(Tag::Runbook);
    let large_lockfile = has(Tag::Lockfile) && file.size > LOCKFILE_MAX;
    let code = matches!(file.category, Category::Source | Category::Test);
    let agreed = matches!(file.category, Category::Config | Category::Contract);
    match level {
        Level::Max => true,
        _ if introduces => true,
        Level::Overview => false,
        _ if large_lockfile => false,
        Level::Summary => {
            agreed || file.category == Category::Doc || has(Tag::Ci) || has(Tag::WgxProfile)
        }
        Level::Dev | Level::MachineLean => code || agreed || has(Tag::Ci) || has(Tag::Lockfile),
    }
}
