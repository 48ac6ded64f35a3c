//! Where the tokens go: the files of a merge or of working copies as a tree of sizes.

mod svg;

use std::collections::BTreeMap;

use contracts::repolens::stats::{SCHEMA, StatsNode, StatsReport};

use crate::reader::Outline;

pub use svg::svg;

/// Children of one folder that are listed; the others are summed up in a node of kind `rest`.
const CHILDREN_MAX: usize = 200;

/// The size of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sized {
    /// Name of the repository.
    pub repo: String,
    /// Path in it, with `/`.
    pub path: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Tokens; nothing when they were not counted, or when there is no content.
    pub tokens: Option<u64>,
}

/// The files of a merge, from its manifest. Paths are those that it shows.
pub fn of_merge(outline: &Outline) -> Vec<Sized> {
    let repos = outline.meta.as_ref().map(|meta| meta.merge.source_repos.as_slice());
    let repos = repos.unwrap_or_default();
    let rows = outline.rows.iter();
    rows.map(|row| Sized {
        repo: repos.get(row.repo).or(repos.first()).cloned().unwrap_or_default(),
        path: row.shown_path.clone(),
        bytes: row.size_bytes,
        tokens: row.tokens,
    })
    .collect()
}

/// The tree over files, the largest first.
pub fn stats(files: &[Sized]) -> StatsReport {
    let mut root = Folder::default();
    for file in files {
        let names = std::iter::once(file.repo.as_str()).chain(file.path.split('/'));
        root.add(&names.collect::<Vec<_>>(), file);
    }
    let counted = files.iter().any(|file| file.tokens.is_some());
    StatsReport {
        schema: SCHEMA.to_owned(),
        sorted_by: if counted { "tokens" } else { "bytes" }.to_owned(),
        total: root.node(String::new(), 0),
    }
}

/// Deepest folder of the tree; what lies deeper is summed up.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Default)]
struct Folder {
    files: u64,
    bytes: u64,
    tokens: Option<u64>,
    is_file: bool,
    below: BTreeMap<String, Folder>,
}

impl Folder {
    fn add(&mut self, names: &[&str], file: &Sized) {
        let mut folder = self;
        for (depth, name) in names.iter().enumerate() {
            folder.count(file);
            if depth >= DEPTH_MAX {
                return;
            }
            folder = folder.below.entry((*name).to_owned()).or_default();
        }
        folder.count(file);
        folder.is_file = true;
    }

    fn count(&mut self, file: &Sized) {
        self.files += 1;
        self.bytes = self.bytes.saturating_add(file.bytes);
        if let Some(tokens) = file.tokens {
            let sum = self.tokens.unwrap_or(0).saturating_add(tokens);
            self.tokens = Some(sum);
        }
    }

    fn node(self, name: String, depth: usize) -> StatsNode {
        let kind = match depth {
            0 => "all",
            1 => "repository",
            _ if self.is_file => "file",
            _ => "folder",
        };
        let mut children: Vec<StatsNode> =
            self.below.into_iter().map(|(name, folder)| folder.node(name, depth + 1)).collect();
        children.sort_by(|a, b| weight(b).cmp(&weight(a)).then_with(|| a.name.cmp(&b.name)));
        if children.len() > CHILDREN_MAX {
            let rest = children.split_off(CHILDREN_MAX - 1);
            children.push(sum_up(&rest));
        }
        StatsNode {
            name,
            kind: kind.to_owned(),
            files: self.files,
            bytes: self.bytes,
            tokens: self.tokens,
            children,
        }
    }
}

fn sum_up(rest: &[StatsNode]) -> StatsNode {
    StatsNode {
        name: format!("{} more", rest.len()),
        kind: "rest".to_owned(),
        files: rest.iter().map(|node| node.files).sum(),
        bytes: rest.iter().map(|node| node.bytes).fold(0, u64::saturating_add),
        tokens: rest
            .iter()
            .filter_map(|node| node.tokens)
            .fold(None, |sum, tokens| Some(sum.unwrap_or(0_u64).saturating_add(tokens))),
        children: Vec::new(),
    }
}

/// What the tree is sorted by.
fn weight(node: &StatsNode) -> (u64, u64) {
    (node.tokens.unwrap_or(0), node.bytes)
}
