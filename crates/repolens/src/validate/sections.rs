//! The sections of a merge and the order they have.

use contracts::repolens::report::{Extras, RenderMode};

/// The categories, in the order of the index.
pub(super) const CATEGORIES: [&str; 6] = ["source", "doc", "config", "contract", "test", "other"];

/// The tags, in the order of a file's tags.
pub(super) const TAGS: [&str; 8] =
    ["ai-context", "runbook", "lockfile", "script", "ci", "adr", "feed", "wgx-profile"];

/// The tags, in the order of the index: those that the specification lists come first.
pub(super) const INDEX_TAGS: [&str; 8] =
    ["ci", "wgx-profile", "ai-context", "runbook", "lockfile", "script", "adr", "feed"];

/// The extras with a section, in their order.
pub(super) const EXTRAS: [&str; 6] =
    ["health", "organism-index", "fleet-panorama", "augment", "delta", "heatmap"];

/// A section of level 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// What stands above the first heading.
    Preamble,
    SourceProfile,
    ProfileDescription,
    ReadingPlan,
    Plan,
    /// Its place in [`EXTRAS`].
    Extra(usize),
    Structure,
    Index,
    /// Its place in [`CATEGORIES`].
    Category(usize),
    /// Its place in [`INDEX_TAGS`].
    Tag(usize),
    Manifest,
    Content,
}

impl Section {
    /// The section of a token; nothing for tokens of other places.
    pub(super) fn of(token: &str) -> Option<Self> {
        let at = |list: &[&str], name: &str| list.iter().position(|item| *item == name);
        Some(match token {
            "source-profile" => Self::SourceProfile,
            "profile-description" => Self::ProfileDescription,
            "reading-plan" => Self::ReadingPlan,
            "plan" => Self::Plan,
            "structure" => Self::Structure,
            "index" => Self::Index,
            "manifest" => Self::Manifest,
            "content" => Self::Content,
            _ => match token.split_once('-') {
                Some(("cat", name)) => Self::Category(at(&CATEGORIES, name)?),
                Some(("tag", name)) => Self::Tag(at(&INDEX_TAGS, name)?),
                _ => Self::Extra(at(&EXTRAS, token)?),
            },
        })
    }

    /// The words of its heading; nothing where they are free.
    pub(super) fn title(self) -> Option<String> {
        Some(match self {
            Self::SourceProfile => "Source & Profile".to_owned(),
            Self::ProfileDescription => "Profile Description".to_owned(),
            Self::ReadingPlan => "Reading Plan".to_owned(),
            Self::Plan => "Plan".to_owned(),
            Self::Structure => "📁 Structure".to_owned(),
            Self::Index => "Index".to_owned(),
            Self::Category(at) => format!("Category: {}", CATEGORIES[at]),
            Self::Tag(at) => format!("Tag: {}", INDEX_TAGS[at]),
            Self::Manifest => "🧾 Manifest".to_owned(),
            Self::Content => "📄 Content".to_owned(),
            Self::Preamble | Self::Extra(_) => return None,
        })
    }

    /// Its name in messages.
    pub(super) fn name(self) -> String {
        match self {
            Self::Preamble => "the head".to_owned(),
            Self::Extra(at) => EXTRAS[at].to_owned(),
            _ => self.title().unwrap_or_default(),
        }
    }

    /// Whether a merge of this render mode has to have it.
    pub(super) fn is_demanded(self, mode: RenderMode) -> bool {
        match self {
            Self::SourceProfile | Self::ProfileDescription | Self::ReadingPlan => true,
            Self::Plan | Self::Structure | Self::Index | Self::Manifest | Self::Content => {
                mode != RenderMode::PlanOnly
            }
            Self::Preamble | Self::Extra(_) | Self::Category(_) | Self::Tag(_) => false,
        }
    }

    /// Whether a merge of this render mode may have it.
    pub(super) fn is_allowed(self, mode: RenderMode) -> bool {
        mode != RenderMode::PlanOnly || self <= Self::Plan
    }

    /// The sections that some merge has to have.
    pub(super) const DEMANDED: [Self; 8] = [
        Self::SourceProfile,
        Self::ProfileDescription,
        Self::ReadingPlan,
        Self::Plan,
        Self::Structure,
        Self::Index,
        Self::Manifest,
        Self::Content,
    ];
}

/// Whether the extra at this place of [`EXTRAS`] was asked for.
pub(super) fn asked_for(extra: usize, extras: &Extras) -> bool {
    let flags = [
        extras.health,
        extras.organism_index,
        extras.fleet_panorama,
        extras.augment_sidecar,
        extras.delta_reports,
        extras.heatmap,
    ];
    flags.get(extra).copied().unwrap_or(false)
}
