//! What the sections of a merge are rendered from: the selected files, what reading them told, the options.

use std::collections::BTreeMap;

use contracts::repolens::report;

use crate::model::{Category, File, Inclusion, Kind, Reason, Repo, Snapshot, Tag};
use crate::render::anchors::Names;
use crate::select::Level;

/// What reading a file told.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// MD5 and SHA-256 of the bytes on disk, where there are any.
    pub hashes: Option<Hashes>,
    /// What stands in the merge.
    pub emitted: Option<Emitted>,
}

/// Hashes of a file on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashes {
    /// For the manifest.
    pub md5: [u8; 16],
    /// For the sidecar and `file_meta`.
    pub sha256: [u8; 32],
}

/// What stands in the merge of one file.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// SHA-256 of the content as it stands there; nothing when it is that of the file.
    pub sha256: Option<Box<[u8; 32]>>,
    /// Bytes of the content.
    pub bytes: u64,
    /// Lines, a last one without an end included.
    pub lines: u64,
    /// Tokens, when they were counted.
    pub tokens: Option<u64>,
    /// Masked secrets, rule and count, by rule.
    pub redacted: Box<[(&'static str, u64)]>,
    /// Length of the whole block.
    pub block: u64,
    /// Where the content lies in the block, piece by piece: offset and length.
    pub pieces: Pieces,
}

/// Ranges of a content in its block.
#[derive(Debug, Clone)]
pub enum Pieces {
    /// In one zone, from this offset.
    One(u64),
    /// In several zones: offset and length of each.
    Many(Box<[(u64, u64)]>),
}

/// How merges are rendered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Profile.
    pub level: Level,
    /// No contents.
    pub plan_only: bool,
    /// Code alone.
    pub code_only: bool,
    /// Without interpretation.
    pub meta_none: bool,
    /// What is said about every file.
    pub density: report::MetaDensity,
    /// The density was chosen by the automatic rule, because a filter is active.
    pub throttled: bool,
    /// Limit of a file.
    pub max_file_bytes: Option<u64>,
    /// Larger files stand in pieces.
    pub split_files: bool,
    /// Limit of a part.
    pub split_size: Option<u64>,
    /// Text that every path holds.
    pub path_filter: Option<String>,
    /// Extensions with dots.
    pub extensions: Vec<String>,
    /// The extras.
    pub extras: report::Extras,
    /// Headings that are bare tokens.
    pub nav_headings: bool,
    /// `YYYY-MM-DDTHH:MM:SSZ`.
    pub generated_at: String,
}

impl Settings {
    /// What sections there are.
    pub fn render_mode(&self) -> report::RenderMode {
        match (self.plan_only, self.code_only) {
            (true, _) => report::RenderMode::PlanOnly,
            (_, true) => report::RenderMode::CodeOnly,
            _ => report::RenderMode::Full,
        }
    }

    /// How many hotspots a lens has.
    pub fn hotspots(&self) -> usize {
        match self.density {
            _ if self.meta_none => 0,
            report::MetaDensity::Min => 0,
            report::MetaDensity::Standard => 3,
            report::MetaDensity::Full => 8,
        }
    }
}

/// The files of a merge and which file block stands in which.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    /// Names of the part files, without folders.
    pub files: Vec<String>,
    /// Part of every file block, from 0; empty when all stand in the first.
    pub of: Vec<u32>,
}

impl Parts {
    /// The part of a file.
    pub fn part(&self, index: usize) -> usize {
        self.of.get(index).map_or(0, |part| *part as usize)
    }
}

/// Everything a section may look at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The selected files.
    pub snapshot: &'a Snapshot,
    /// By the number of the file.
    pub facts: &'a [Facts],
    /// Anchors and ids.
    pub names: &'a Names,
    /// Options.
    pub settings: &'a Settings,
    /// Sums.
    pub totals: &'a Totals,
    /// Files of the merge.
    pub parts: &'a Parts,
    /// Prepared texts of extras that need more than a look at the files.
    pub notes: &'a ExtraTexts,
    /// Ties parts and sidecar together.
    pub merge_id: &'a str,
}

/// Texts of extras that are made before rendering.
#[derive(Debug, Clone, Default)]
pub struct ExtraTexts {
    /// What the delta says.
    pub delta: Option<String>,
    /// What augment files of the repositories say: name, text.
    pub augment: Vec<(String, String)>,
    /// Purposes of the repositories, without secrets.
    pub purposes: Vec<Option<String>>,
    /// Secrets masked in these texts.
    pub masked: u64,
    /// What manifests and workflows declare, by repository.
    pub organism: Vec<super::extras::organism::Organism>,
}

/// A file with its places.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Number of the repository.
    pub repo_index: usize,
    /// Number among all files.
    pub index: usize,
    /// The repository.
    pub repo: &'a Repo,
    /// The file.
    pub file: &'a File,
    /// What reading it told.
    pub facts: &'a Facts,
}

impl Entry<'_> {
    /// Whether there is a file block.
    pub fn has_content(&self) -> bool {
        !matches!(self.file.inclusion, Inclusion::MetaOnly(_))
    }

    /// Tokens of what stands in the merge, else its bytes on disk: how heavy a file is.
    pub fn weight(&self) -> u64 {
        let tokens = self.facts.emitted.as_ref().and_then(|emitted| emitted.tokens);
        tokens.unwrap_or(self.file.size)
    }
}

impl<'a> View<'a> {
    /// The files of one repository.
    pub fn of_repo(self, repo_index: usize) -> impl Iterator<Item = Entry<'a>> {
        let repo = &self.snapshot.repos[repo_index];
        let first = self.names.index(repo_index, 0);
        repo.files.iter().enumerate().map(move |(at, file)| Entry {
            repo_index,
            index: first + at,
            repo,
            file,
            facts: &self.facts[first + at],
        })
    }

    /// All files, in the order of the merge.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        (0..self.snapshot.repos.len()).flat_map(move |repo| self.of_repo(repo))
    }

    /// Whether several repositories stand in it.
    pub fn is_fleet(self) -> bool {
        self.snapshot.repos.len() > 1
    }

    /// The target of a link to a file from the first part; nothing without content.
    pub fn target(self, entry: Entry<'_>) -> Option<String> {
        if !entry.has_content() || self.settings.plan_only {
            return None;
        }
        let anchor = self.names.anchor(entry.repo, entry.file, entry.index);
        let file = match self.parts.part(entry.index) {
            0 => "",
            part => self.parts.files.get(part).map_or("", String::as_str),
        };
        Some(format!("{file}#{anchor}"))
    }

    /// `label` as a link to the file, or as it is when there is nothing to link to.
    pub fn link(self, entry: Entry<'_>, label: &str) -> String {
        let code = super::names::code(label);
        match self.target(entry) {
            Some(target) => format!("[{code}]({target})"),
            None => code,
        }
    }

    /// The path of a file where repositories may stand side by side.
    pub fn path(self, entry: Entry<'_>) -> String {
        match self.is_fleet() {
            true => format!("{}/{}", entry.repo.name, entry.file.path),
            false => entry.file.path.clone(),
        }
    }

    /// What was merged, in words.
    pub fn scope(self) -> String {
        let names: Vec<&str> = self.snapshot.repos.iter().map(|repo| repo.name.as_str()).collect();
        match names.as_slice() {
            [] => "no repository".to_owned(),
            [name] => format!("single repo {}", super::names::code(name)),
            names => {
                let shown: Vec<String> =
                    names.iter().map(|name| super::names::code(name)).collect();
                format!("{} repos: {}", names.len(), shown.join(", "))
            }
        }
    }
}

/// Sums over the files of a merge.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// Files in the manifest.
    pub files: u64,
    /// Their bytes on disk.
    pub bytes: u64,
    /// Files with their full content.
    pub full: u64,
    /// Files with the beginning of their content.
    pub truncated: u64,
    /// Text files.
    pub text: u64,
    /// Tokens of the contents, when they were counted.
    pub tokens: Option<u64>,
    /// Masked secrets by rule.
    pub redacted: BTreeMap<String, u64>,
    /// Secrets masked outside of contents: in names, targets of links, purposes and extras.
    pub redacted_elsewhere: u64,
    /// Files without content by reason.
    pub meta_only: BTreeMap<String, u64>,
    /// What is not in the manifest, by reason.
    pub left_out: BTreeMap<String, u64>,
}

impl Totals {
    /// Counts.
    pub fn new(snapshot: &Snapshot, facts: &[Facts]) -> Self {
        let mut totals = Self::default();
        let files = snapshot.repos.iter().flat_map(|repo| &repo.files);
        let mut counted = true;
        let mut tokens = 0;
        for (file, facts) in files.zip(facts) {
            totals.files += 1;
            totals.bytes += file.size;
            totals.text += u64::from(is_text(&file.kind));
            match file.inclusion {
                Inclusion::Full => totals.full += 1,
                Inclusion::Truncated { .. } => totals.truncated += 1,
                Inclusion::MetaOnly(reason) => {
                    *totals.meta_only.entry(reason_word(reason).to_owned()).or_default() += 1;
                }
            }
            let Some(emitted) = &facts.emitted else { continue };
            match emitted.tokens {
                Some(count) => tokens += count,
                None => counted = false,
            }
            for (rule, count) in &emitted.redacted {
                *totals.redacted.entry((*rule).to_owned()).or_default() += count;
            }
        }
        totals.tokens = counted.then_some(tokens);
        for repo in &snapshot.repos {
            totals.redacted_elsewhere += repo.masked_names;
            for skipped in &repo.skipped {
                *totals.left_out.entry(skip_word(skipped.reason).to_owned()).or_default() += 1;
            }
            for (reason, count) in &repo.filtered {
                *totals.left_out.entry(filter_word(*reason).to_owned()).or_default() += count;
            }
        }
        totals
    }

    /// How many secrets were masked.
    pub fn redacted_sum(&self) -> u64 {
        self.redacted.values().sum()
    }

    /// Percent of the text files with full content, with one decimal.
    pub fn coverage(&self) -> report::Coverage {
        let pct = match self.text {
            0 => 100.0,
            text => ((self.full * 1000) as f64 / text as f64).floor() / 10.0,
        };
        report::Coverage { included_files: self.full, text_files: self.text, coverage_pct: pct }
    }
}

/// Whether a file can stand in a merge with its content. What was not read may well be text.
fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Encoded(_) | Kind::Unread)
}

/// The word for a category.
pub fn category_word(category: Category) -> &'static str {
    match category {
        Category::Source => "source",
        Category::Doc => "doc",
        Category::Config => "config",
        Category::Contract => "contract",
        Category::Test => "test",
        Category::Other => "other",
    }
}

/// The word for a tag.
pub fn tag_word(tag: Tag) -> &'static str {
    match tag {
        Tag::AiContext => "ai-context",
        Tag::Runbook => "runbook",
        Tag::Lockfile => "lockfile",
        Tag::Script => "script",
        Tag::Ci => "ci",
        Tag::Adr => "adr",
        Tag::Feed => "feed",
        Tag::WgxProfile => "wgx-profile",
    }
}

/// The words for tags, `-` for none.
pub fn tags(file: &File) -> String {
    if file.tags.is_empty() {
        return "-".to_owned();
    }
    let words: Vec<&str> = file.tags.iter().map(|tag| tag_word(*tag)).collect();
    words.join(", ")
}

/// The word for a reason.
pub fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Profile => "profile",
        Reason::Binary => "binary",
        Reason::Symlink => "symlink",
        Reason::Submodule => "submodule",
        Reason::LfsPointer => "lfs pointer",
        Reason::Special => "special",
        Reason::Unreadable => "unreadable",
        Reason::SecretFile => "secret file",
        Reason::SecretName => "secret name",
        Reason::TooLarge => "too large",
        Reason::Changed => "changed while read",
    }
}

fn skip_word(reason: crate::model::SkipReason) -> &'static str {
    use crate::model::SkipReason;
    match reason {
        SkipReason::Ignored => "ignored",
        SkipReason::Tooling => "tooling",
        SkipReason::GitFolder => "git folder",
        SkipReason::OwnOutput => "earlier merge",
    }
}

fn filter_word(reason: crate::model::FilterReason) -> &'static str {
    use crate::model::FilterReason;
    match reason {
        FilterReason::PathFilter => "path filter",
        FilterReason::Extension => "extension filter",
        FilterReason::Pool => "pool",
        FilterReason::CodeOnly => "code only",
    }
}

/// How much of a file stands in the merge, as the manifest says it.
pub fn included(entry: Entry<'_>) -> String {
    let masked: u64 = { entry.facts.emitted.as_ref() }
        .map_or(0, |emitted| emitted.redacted.iter().map(|(_, count)| count).sum());
    match (entry.file.inclusion.clone(), masked) {
        (Inclusion::Full, 0) => "full".to_owned(),
        (Inclusion::Full, masked) => format!("full (redacted: {masked})"),
        (Inclusion::Truncated { kept }, 0) => {
            format!("truncated ({kept} of {} bytes)", entry.file.size)
        }
        (Inclusion::Truncated { kept }, masked) => {
            format!("truncated ({kept} of {} bytes, redacted: {masked})", entry.file.size)
        }
        (Inclusion::MetaOnly(reason), _) => format!("meta-only ({})", reason_word(reason)),
    }
}

/// Bytes for people: `120 bytes`, `1.2 KiB (1234 bytes)`.
pub fn size(bytes: u64) -> String {
    match bytes {
        1 => return "1 byte".to_owned(),
        0..1024 => return format!("{bytes} bytes"),
        _ => {}
    }
    format!("{} ({bytes} bytes)", short_size(bytes))
}

/// Bytes for people, without the exact number.
pub fn short_size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes} B"),
        1024..1_048_576 => (1024, "KiB"),
        1_048_576..1_073_741_824 => (1_048_576, "MiB"),
        _ => (1_073_741_824, "GiB"),
    };
    // In tenths, rounded half up, without floating point.
    let tenths = (u128::from(bytes) * 10 + unit / 2) / unit;
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}
