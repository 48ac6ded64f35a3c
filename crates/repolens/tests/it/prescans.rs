//! Prescans: what a person chooses from.

use contracts::repolens::prescan::{PrescanNode, PrescanReport};
use repolens::prescan::prescan;
use repolens::scan::ScanOptions;
use repolens::tokens::Vocabulary;

use crate::tree::Tree;

fn scanned(tree: &Tree) -> PrescanReport {
    let count = |text: &str| Vocabulary::default().count(text);
    prescan(&[tree.root()], &ScanOptions::default(), None, Some(&count)).expect("it can be scanned")
}

fn lines(node: &PrescanNode, out: &mut Vec<String>) {
    let tokens = node.tokens.map_or("-".to_owned(), |tokens| tokens.to_string());
    out.push(format!("{:?} {:?} {} {tokens}", node.path, node.kind, node.size));
    node.children.iter().for_each(|child| lines(child, out));
}

fn demo() -> Tree {
    Tree::new()
        .file("src/a/main.rs", "fn main() {}\n")
        .file("src/lib.rs", "")
        .file("data.bin", b"\0\0")
        .file(".env", "A=1\n")
        .file(".gitignore", "out\n")
        .file("out/x", "x")
        .file("README.md", "hello world")
        .link("link", "src")
}

#[test]
fn a_tree_has_the_sizes_and_tokens_of_all_below() {
    let report = scanned(&demo());
    let repo = &report.repos[0];
    let mut seen = Vec::new();
    lines(&repo.tree, &mut seen);
    insta::assert_snapshot!(seen.join("\n"), @r#"
    "" Folder 37 8
    "src" Folder 13 4
    "src/a" Folder 13 4
    "src/a/main.rs" Text 13 4
    "src/lib.rs" Text 0 0
    ".env" Secret 4 -
    ".gitignore" Text 4 2
    "README.md" Text 11 2
    "data.bin" Binary 2 -
    "link" Other 3 -
    "#);
    assert_eq!((repo.file_count, repo.left_out), (7, 1));
    assert_eq!((repo.total_bytes, repo.total_tokens), (repo.tree.size, repo.tree.tokens.unwrap()));
}

#[test]
fn the_signature_changes_with_paths_and_sizes_alone() {
    let signature = |tree: &Tree| scanned(tree).repos[0].signature.clone();
    let first = signature(&demo());
    assert_eq!(first, signature(&demo()));
    assert_eq!(first, signature(&demo().file("README.md", "HELLO WORLD")));
    assert_ne!(first, signature(&demo().file("README.md", "hello")));
    assert_ne!(first, signature(&demo().file("new", "")));
}

#[test]
fn a_prescan_is_shown_as_a_tree_and_as_json() {
    let tree = demo();
    let root = tree.root();
    let shown = crate::merging::repolens(&tree.outside(), &["prescan", root.to_str().unwrap()]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains("     a/\n"), "{}", shown.stdout);
    assert!(!shown.stdout.contains("main.rs"), "two levels by default: {}", shown.stdout);
    let words = ["prescan", "--json", root.to_str().unwrap()];
    let report = crate::merging::repolens(&tree.outside(), &words);
    let report: PrescanReport = serde_json::from_str(&report.stdout).expect("the report");
    assert_eq!(report, scanned(&tree));
}
