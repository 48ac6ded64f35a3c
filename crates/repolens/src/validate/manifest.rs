//! The manifest: its rows, what the index says of them, and the sums that the head states.

use std::collections::BTreeMap;

use contracts::repolens::report::{MergeMeta, MetaDensity};

use super::findings::{Findings, Place};
use super::links::LinkBook;
use super::rules::Rule;
use super::sections::{CATEGORIES, INDEX_TAGS, Section, TAGS};
use crate::reader::{Included, Link, Links, Row, code_span, path_cell, row};

/// First line of every table.
const HEAD: &str = "| Path | Category | Tags | Size | Tokens | Included | MD5 |";

/// What the index calls the categories and then the tags.
const LABELS: [&str; 14] = [
    "Source Files",
    "Docs",
    "Config",
    "Contracts",
    "Tests",
    "Other",
    "CI Pipelines",
    "WGX Profiles",
    "AI Context",
    "Runbooks",
    "Lock Files",
    "Scripts",
    "ADRs",
    "Feeds",
];

/// Labels that stand in every index, but for `Other` the first ones.
const ALWAYS_LISTED: usize = 8;

/// Place of `Other`, which is listed only when there are such files.
const OTHER: usize = 5;

/// Second line of every table.
const ALIGNMENT: &str = "| :--- | :--- | :--- | ---: | ---: | :--- | :--- |";

/// What a row says of a file with content, as hashes where only equality counts.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) line: u64,
    pub(super) repo: usize,
    pub(super) anchor: u64,
    pub(super) shown_path: u64,
    pub(super) category: u64,
    pub(super) tags: u64,
    pub(super) included: u64,
    pub(super) md5: Option<[u8; 16]>,
    pub(super) size_bytes: u64,
    pub(super) tokens: Option<u64>,
    /// Bytes of the file that stand here; nothing when all do.
    pub(super) kept: Option<u64>,
    pub(super) redacted: u64,
}

/// A list of files, compared without keeping it: how many, and a hash that depends on their order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    count: u64,
    sum: u64,
}

impl Tally {
    fn add(&mut self, hash: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_mul(0x0001_0000_0000_01b3).wrapping_add(hash);
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Table {
    #[default]
    Outside,
    Head,
    Rows,
}

/// Everything about rows.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    table: Table,
    /// Tables and remarks that a repository is empty.
    tables: usize,
    /// Headings of repositories.
    pub(super) headings: usize,
    pub(super) listed: Vec<Listed>,
    pub(super) rows: u64,
    pub(super) untagged: u64,
    pub(super) without_content: u64,
    bytes: u64,
    full: u64,
    tokens: Option<u64>,
    redacted: u64,
    meta_only: BTreeMap<String, u64>,
    /// Of the manifest: categories, then tags.
    by_rows: [Tally; 14],
    by_index: [Tally; 14],
    stated: [Option<u64>; 14],
    index_sections: [bool; 14],
    /// The last line of the index was about this category or tag.
    index_last: Option<usize>,
    /// Files that the tree has, and those of them that it links.
    tree: Tally,
    tree_links: Tally,
    row_links: Tally,
    /// The path of the row above, where paths can be compared as they are shown.
    path_above: Option<String>,
}

impl Manifest {
    /// The heading of a repository.
    pub(super) fn repository(&mut self, place: Place, findings: &mut Findings) {
        if self.headings != self.tables {
            findings.add(Rule::ManifestTable, place, "the repository above has no table");
        }
        self.headings += 1;
        self.tables = self.headings - 1;
        self.table = Table::Outside;
    }

    /// Where the next table belongs.
    fn repo(&self) -> usize {
        self.tables.saturating_sub(1)
    }

    pub(super) fn empty_repository(&mut self) {
        self.tables += 1;
        self.table = Table::Outside;
    }

    pub(super) fn blank(&mut self, place: Place, findings: &mut Findings) {
        if self.table == Table::Head {
            findings.add(Rule::ManifestTable, place, "the table has no second head line");
        }
        self.table = Table::Outside;
    }

    pub(super) fn row(
        &mut self,
        line: &str,
        place: Place,
        repos: &[String],
        links: &LinkBook,
        findings: &mut Findings,
    ) {
        match self.table {
            Table::Outside => {
                self.path_above = None;
                self.tables += 1;
                self.table = Table::Head;
                if line != HEAD {
                    findings.add(
                        Rule::ManifestTable,
                        place,
                        format!("a table begins with `{HEAD}`"),
                    );
                }
            }
            Table::Head => {
                self.table = Table::Rows;
                if line != ALIGNMENT {
                    findings.add(
                        Rule::ManifestTable,
                        place,
                        format!("the second line is `{ALIGNMENT}`"),
                    );
                }
            }
            Table::Rows => match row(line) {
                Ok(row) => self.file(&row, place, repos, links, findings),
                Err(what) => findings.add(Rule::ManifestRow, place, what),
            },
        }
    }

    fn file(
        &mut self,
        row: &Row<'_>,
        place: Place,
        repos: &[String],
        links: &LinkBook,
        findings: &mut Findings,
    ) {
        self.rows += 1;
        self.check_order(row, place, findings);
        self.bytes = self.bytes.saturating_add(row.size_bytes);
        check_classes(row, place, findings);
        let included = match &row.included {
            Ok(included) => included,
            Err(words) => {
                let message = format!("`{words}` is no way to be included");
                return findings.add(Rule::ManifestRow, place, message);
            }
        };
        let whole = matches!(included, Included::Full { redacted: 0 });
        if included.redacted() > 0 && row.md5.is_some() || whole && row.md5.is_none() {
            let message = "a whole file has an MD5, one with masked secrets has none";
            findings.add(Rule::ManifestRow, place, message);
        }
        self.untagged += u64::from(row.tags == "-");
        if included.has_content() != row.link.is_some() {
            let message = match row.link {
                Some(_) => "a row without content has a link",
                None => "a row with content has no link",
            };
            findings.add(Rule::ManifestRow, place, message);
        }
        if let Included::MetaOnly(reason) = included {
            self.without_content += 1;
            *self.meta_only.entry(reason.clone()).or_default() += 1;
            if row.tokens.is_some() {
                findings.add(Rule::ManifestRow, place, "a row without content states tokens");
            }
            return;
        }
        self.redacted += included.redacted();
        self.full += u64::from(matches!(included, Included::Full { .. }));
        if let Some(tokens) = row.tokens {
            *self.tokens.get_or_insert(0) += tokens;
        }
        if let Included::Truncated { of, .. } = included
            && *of != row.size_bytes
        {
            findings.add(Rule::ManifestRow, place, "`Included` states another size than `Size`");
        }
        let Some(link) = row.link else { return };
        self.count_classes(row, link, repos, links);
        self.row_links.add(links.hash(link.token));
        self.listed.push(Listed {
            line: place.line,
            repo: self.repo(),
            anchor: links.hash(link.token),
            shown_path: links.hash(row.path),
            category: links.hash(row.category),
            tags: links.hash(row.tags),
            included: links.hash(&included_words(included)),
            md5: row.md5.and_then(md5_bytes),
            size_bytes: row.size_bytes,
            tokens: row.tokens,
            kept: match included {
                Included::Truncated { kept, .. } => Some(*kept),
                _ => None,
            },
            redacted: included.redacted(),
        });
    }

    /// Rows are sorted by the bytes of their paths; escaped ones cannot be compared.
    fn check_order(&mut self, row: &Row<'_>, place: Place, findings: &mut Findings) {
        let plain = !row.path.contains(['\\', '%']);
        if plain && self.path_above.as_deref().is_some_and(|above| above >= row.path) {
            findings.add(Rule::ManifestRow, place, "the rows are not sorted by their paths");
        }
        self.path_above = plain.then(|| row.path.to_owned());
    }

    fn count_classes(&mut self, row: &Row<'_>, link: Link<'_>, repos: &[String], links: &LinkBook) {
        // Where repositories stand side by side, the index shows paths below their names.
        let hash = match repos.get(self.repo()) {
            Some(repo) if repos.len() > 1 => {
                entry_hash(&format!("{}/{}", code_span(repo), row.path), link, links)
            }
            _ => entry_hash(row.path, link, links),
        };
        if let Some(at) = CATEGORIES.iter().position(|name| *name == row.category) {
            self.by_rows[at].add(hash);
        }
        for tag in row.tags() {
            if let Some(at) = INDEX_TAGS.iter().position(|name| *name == tag) {
                self.by_rows[CATEGORIES.len() + at].add(hash);
            }
        }
    }

    /// A line `- [Label](#cat-x) (count)` or `- Label: none` of the index.
    pub(super) fn index_line(&mut self, item: &str, place: Place, findings: &mut Findings) {
        let read = match item.strip_suffix(": none") {
            Some(label) => LABELS.iter().position(|known| *known == label).zip(Some(0)),
            None => index_count(item),
        };
        match read {
            Some((at, count)) if Some(at) > self.index_last => {
                self.stated[at] = Some(count);
                self.index_last = Some(at);
            }
            _ => {
                let message = "a line of the index is `[Label](#section) (count)` or `Label: none`, in the order of the sections";
                findings.add(Rule::IndexEntry, place, message);
            }
        }
    }

    /// A line of the tree.
    pub(super) fn tree_line(
        &mut self,
        line: &str,
        place: Place,
        book: &LinkBook,
        findings: &mut Findings,
    ) {
        let name = line.trim_start_matches(' ').trim_start_matches("- ");
        let is_file = name.starts_with("📄 ") || name.starts_with("🔗 ");
        let is_folder = name.starts_with("📁 ") || name.starts_with("📦 ");
        if is_file {
            self.tree.add(0);
            if let Some(link) = Links::of(name).next() {
                self.tree_links.add(book.hash(link.token));
            }
        } else if !is_folder {
            findings.add(
                Rule::StructureTree,
                place,
                "the tree has lines for repositories, folders and files",
            );
        }
    }

    /// Compares the tree with the rows.
    fn check_tree(&self, place: Place, findings: &mut Findings) {
        if self.tree.count != self.rows {
            let message =
                format!("the tree has {} files, the manifest {}", self.tree.count, self.rows);
            findings.add(Rule::StructureTree, place, message);
        }
        // A profile may do without links in the tree, but then without any.
        if self.tree_links.count > 0 && self.tree_links != self.row_links {
            findings.add(
                Rule::StructureTree,
                place,
                "the links of the tree are not those of the manifest",
            );
        }
    }

    pub(super) fn index_section(&mut self, section: Section) {
        if let Some(at) = slot(section) {
            self.index_sections[at] = true;
        }
    }

    /// A file below `## Category: x` or `## Tag: x`.
    pub(super) fn index_file(
        &mut self,
        section: Section,
        item: &str,
        place: Place,
        book: &LinkBook,
        findings: &mut Findings,
    ) {
        match (slot(section), path_cell(item)) {
            (Some(at), Some((path, Some(link)))) => {
                self.by_index[at].add(entry_hash(path, link, book));
            }
            _ => {
                findings.add(
                    Rule::IndexEntry,
                    place,
                    "an entry of the index is one link to a file",
                );
            }
        }
    }

    /// Compares the index and the tree with the rows, after the last of them.
    pub(super) fn check_index(&self, density: MetaDensity, place: Place, findings: &mut Findings) {
        self.check_tree(place, findings);
        let names = CATEGORIES.iter().chain(&INDEX_TAGS);
        for (at, name) in names.enumerate() {
            let (rows, index) = (self.by_rows[at], self.by_index[at]);
            if density == MetaDensity::Min {
                if self.index_sections[at] || self.stated[at].is_some() {
                    findings.add(
                        Rule::Density,
                        place,
                        format!("at density `min` the index has no section for {name}"),
                    );
                }
                continue;
            }
            if rows != index {
                let message = format!(
                    "the index lists {} files under {name}, the manifest has {}{}",
                    index.count,
                    rows.count,
                    if rows.count == index.count { ", but not the same" } else { "" }
                );
                findings.add(Rule::IndexEntry, place, message);
            }
            if self.index_sections[at] != (rows.count > 0) {
                findings.add(
                    Rule::IndexEntry,
                    place,
                    format!("the index has no section for {name}, or an empty one"),
                );
            }
            if self.stated[at].is_none() && at < ALWAYS_LISTED && at != OTHER {
                findings.add(Rule::IndexEntry, place, format!("the index has no line for {name}"));
            }
            if self.stated[at].unwrap_or(0) != rows.count {
                let stated = self.stated[at].unwrap_or(0);
                findings.add(
                    Rule::IndexEntry,
                    place,
                    format!(
                        "the index counts {stated} files under {name}, the manifest {}",
                        rows.count
                    ),
                );
            }
        }
    }

    /// Compares the sums with what the head states.
    pub(super) fn check_totals(&mut self, meta: &MergeMeta, place: Place, findings: &mut Findings) {
        let mut compare = |what: &str, stated: u64, counted: u64| {
            if stated != counted {
                let message = format!("@meta states {what} {stated}, the manifest has {counted}");
                findings.add(Rule::Totals, place, message);
            }
        };
        compare("total_files", meta.total_files, self.rows);
        compare("total_size_bytes", meta.total_size_bytes, self.bytes);
        compare("coverage.included_files", meta.coverage.included_files, self.full);
        compare("masked secrets", meta.redacted.values().sum(), self.redacted);
        if let Some(stated) = meta.tokens.contents {
            compare("tokens.contents", stated, self.tokens.unwrap_or(0));
        }
        for (reason, count) in &meta.meta_only {
            compare(
                &format!("meta_only.{reason}"),
                *count,
                self.meta_only.remove(reason).unwrap_or(0),
            );
        }
        for (reason, count) in &self.meta_only {
            compare(&format!("meta_only.{reason}"), 0, *count);
        }
        let repos = meta.source_repos.len();
        let wanted = if repos > 1 { repos } else { 0 };
        if self.headings != wanted || self.tables != repos {
            let message = format!(
                "@meta names {repos} repositories, the manifest has {} tables below {} headings",
                self.tables, self.headings
            );
            findings.add(Rule::ManifestTable, place, message);
        }
    }
}

/// What stands for a file of the index: its path and its link.
fn entry_hash(path: &str, link: Link<'_>, book: &LinkBook) -> u64 {
    book.hash(path).rotate_left(7) ^ book.hash(link.token)
}

/// `[Label](#section) (count)`.
fn index_count(item: &str) -> Option<(usize, u64)> {
    let (label, rest) = item.strip_prefix('[')?.split_once("](#")?;
    let (token, count) = rest.strip_suffix(')')?.split_once(") (")?;
    let at = Section::of(token).and_then(slot)?;
    let count = count.parse().ok().filter(|number: &u64| *number > 0)?;
    (LABELS[at] == label).then_some((at, count))
}

/// The place of a category's or a tag's section in tallies.
fn slot(section: Section) -> Option<usize> {
    match section {
        Section::Category(at) => Some(at),
        Section::Tag(at) => Some(CATEGORIES.len() + at),
        _ => None,
    }
}

fn check_classes(row: &Row<'_>, place: Place, findings: &mut Findings) {
    if !CATEGORIES.contains(&row.category) {
        findings.add(Rule::Category, place, format!("`{}` is no category", row.category));
    }
    let mut last = None;
    for tag in row.tags() {
        let at = TAGS.iter().position(|known| *known == tag);
        match at {
            None => findings.add(Rule::Tag, place, format!("`{tag}` is no tag")),
            Some(_) if at <= last => {
                findings.add(
                    Rule::Tag,
                    place,
                    format!("the tag `{tag}` stands twice or out of order"),
                );
            }
            Some(_) => last = at,
        }
    }
    if row.tags.is_empty() {
        findings.add(Rule::Tag, place, "a file without tags has `-`");
    }
}

/// How an inclusion stands in the manifest and in the facts of a block.
fn included_words(included: &Included) -> String {
    let masked = |count: u64| format!("redacted: {count}");
    match included {
        Included::Full { redacted: 0 } => "full".to_owned(),
        Included::Full { redacted } => format!("full ({})", masked(*redacted)),
        Included::Truncated { kept, of, redacted: 0 } => {
            format!("truncated ({kept} of {of} bytes)")
        }
        Included::Truncated { kept, of, redacted } => {
            format!("truncated ({kept} of {of} bytes, {})", masked(*redacted))
        }
        Included::MetaOnly(reason) => format!("meta-only ({reason})"),
    }
}

/// The bytes that 32 hex digits mean.
pub(super) fn md5_bytes(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
