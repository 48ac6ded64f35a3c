//! The lenses of the hotspots: each a stated rule over paths, categories and sizes.

use crate::model::{Category, Tag};
use crate::render::view::{Entry, View};

/// A way of looking at a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lens {
    Guidance,
    EntryPoints,
    Contracts,
    Pipelines,
    Configuration,
    Core,
    Tests,
}

/// Names of files where programs and packages begin.
const ENTRY_NAMES: [&str; 10] =
    ["main", "__main__", "lib", "index", "app", "cli", "server", "manage", "wsgi", "asgi"];

impl Lens {
    pub(super) const ALL: [Self; 7] = [
        Self::Guidance,
        Self::EntryPoints,
        Self::Contracts,
        Self::Pipelines,
        Self::Configuration,
        Self::Core,
        Self::Tests,
    ];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Guidance => "Guidance",
            Self::EntryPoints => "Entry points",
            Self::Contracts => "Contracts",
            Self::Pipelines => "Pipelines",
            Self::Configuration => "Configuration",
            Self::Core => "Core",
            Self::Tests => "Tests",
        }
    }

    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::Guidance => "tagged `ai-context`, `runbook` or `adr`; shallowest first",
            Self::EntryPoints => {
                "source files called `main`, `__main__`, `lib`, `index`, `app`, `cli`, `server`, `manage`, `wsgi` or `asgi`; shallowest first"
            }
            Self::Contracts => "category `contract`; largest first",
            Self::Pipelines => "tagged `ci`; largest first",
            Self::Configuration => "category `config` without a tag; shallowest first",
            Self::Core => "category `source`; largest first",
            Self::Tests => "category `test`; largest first",
        }
    }

    fn shows(self, entry: Entry<'_>) -> bool {
        let file = entry.file;
        let has = |tag| file.tags.contains(&tag);
        match self {
            Self::Guidance => has(Tag::AiContext) || has(Tag::Runbook) || has(Tag::Adr),
            Self::EntryPoints => file.category == Category::Source && is_entry(&file.path),
            Self::Contracts => file.category == Category::Contract,
            Self::Pipelines => has(Tag::Ci),
            Self::Configuration => file.category == Category::Config && file.tags.is_empty(),
            Self::Core => file.category == Category::Source,
            Self::Tests => file.category == Category::Test,
        }
    }

    fn shallow_first(self) -> bool {
        matches!(self, Self::Guidance | Self::EntryPoints | Self::Configuration)
    }

    /// The first files of the lens that stand in the merge with content.
    pub(super) fn files(self, view: View<'_>, most: usize) -> Vec<Entry<'_>> {
        let mut found: Vec<Entry<'_>> =
            view.entries().filter(|entry| entry.has_content() && self.shows(*entry)).collect();
        found.sort_by_key(|entry| {
            let depth = entry.file.path.matches('/').count();
            let depth = if self.shallow_first() { depth } else { 0 };
            (depth, std::cmp::Reverse(entry.weight()), entry.index)
        });
        found.truncate(most);
        found
    }
}

/// Whether a source file is called like one where programs begin.
pub(super) fn is_entry(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let stem = name.split('.').next().unwrap_or(name);
    ENTRY_NAMES.contains(&stem)
}
