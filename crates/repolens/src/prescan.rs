//! What there is to choose from before a merge: trees with sizes, token counts and a signature.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contracts::repolens::prescan::{PrescanKind, PrescanNode, PrescanRepo, PrescanReport, SCHEMA};
use sha2::{Digest as _, Sha256};

use crate::merge::{MergeError, TokenCounter, look_at};
use crate::model::{File, Inclusion, Kind, Reason, Repo};
use crate::render::anchors::hex;
use crate::render::view::Facts;
use crate::scan::{ScanOptions, scan};
use crate::select::{Selection, select};

/// Scans the working copies and counts their texts. `cache` is the folder of facts, used and filled as
/// by a merge.
pub fn prescan(
    roots: &[PathBuf],
    options: &ScanOptions,
    cache: Option<&Path>,
    tokens: Option<&TokenCounter>,
) -> Result<PrescanReport, MergeError> {
    let mut snapshot = scan(roots, options)?;
    select(&mut snapshot, &Selection::default());
    let mut facts = look_at(&mut snapshot, cache, tokens, options.threads)?.into_iter();
    let repos = snapshot.repos.iter();
    let repos = repos.map(|repo| of_repo(repo, facts.by_ref().take(repo.files.len())));
    Ok(PrescanReport { schema: SCHEMA.to_owned(), repos: repos.collect() })
}

fn of_repo(repo: &Repo, facts: impl Iterator<Item = Facts>) -> PrescanRepo {
    let mut signature = Sha256::new();
    let mut root = Folder::default();
    for (file, facts) in repo.files.iter().zip(facts) {
        // No path holds a NUL, so no two trees have the same text.
        signature.update(format!("{}\0{}\n", file.path, file.size));
        let tokens = facts.emitted.and_then(|emitted| emitted.tokens);
        root.add(&file.path, leaf(file, tokens));
    }
    let tree = root.node(String::new());
    PrescanRepo {
        name: repo.name.clone(),
        signature: hex(&signature.finalize()),
        file_count: repo.files.len() as u64,
        total_bytes: tree.size,
        total_tokens: tree.tokens.unwrap_or(0),
        left_out: repo.skipped.len() as u64,
        tree,
    }
}

fn leaf(file: &File, tokens: Option<u64>) -> PrescanNode {
    let kind = match (&file.kind, &file.inclusion) {
        (_, Inclusion::MetaOnly(Reason::SecretFile | Reason::SecretName)) => PrescanKind::Secret,
        (Kind::Text | Kind::Encoded(_), _) => PrescanKind::Text,
        (Kind::Binary, _) => PrescanKind::Binary,
        _ => PrescanKind::Other,
    };
    PrescanNode { path: file.path.clone(), kind, size: file.size, tokens, children: Vec::new() }
}

/// A folder while its tree grows.
#[derive(Default)]
struct Folder {
    folders: BTreeMap<String, Folder>,
    files: Vec<PrescanNode>,
}

impl Folder {
    fn add(&mut self, path: &str, leaf: PrescanNode) {
        let mut folder = self;
        if let Some((folders, _)) = path.rsplit_once('/') {
            for name in folders.split('/') {
                folder = folder.folders.entry(name.to_owned()).or_default();
            }
        }
        folder.files.push(leaf);
    }

    fn node(self, path: String) -> PrescanNode {
        let below = |name: &str| match path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        };
        let folders = self.folders.into_iter().map(|(name, folder)| folder.node(below(&name)));
        let children: Vec<PrescanNode> = folders.chain(self.files).collect();
        let size = children.iter().map(|child| child.size).sum();
        let tokens = children.iter().filter_map(|child| child.tokens).reduce(|a, b| a + b);
        PrescanNode { path, kind: PrescanKind::Folder, size, tokens, children }
    }
}
