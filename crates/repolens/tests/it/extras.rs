//! Every extra where it speaks and where it is silent.

use crate::merging::{merged, merged_roots};
use crate::tree::Tree;

/// The block of an extra, without its comments; nothing when there is none.
fn block(text: &str, name: &str) -> Option<String> {
    let start = format!("<!-- @{name}:start -->\n");
    let end = format!("\n<!-- @{name}:end -->");
    let (_, rest) = text.split_once(&start)?;
    Some(rest.split_once(&end).expect("a block ends").0.to_owned())
}

fn extra(tree: &Tree, flag: &str, name: &str) -> String {
    let text = merged(tree, &["--extras", flag]).text();
    assert!(text.contains(&format!("\n    {flag}: true\n")), "{flag} in @meta");
    block(&text, name).unwrap_or_else(|| panic!("{name} is there"))
}

#[test]
fn extras_only_add() {
    let tree = Tree::new().file("README.md", "R.\n").file("src/main.rs", "fn main() {}\n");
    let without = merged(&tree, &[]).text();
    let with =
        merged(&tree, &["--extras", "health,organism_index,augment_sidecar,ai_heatmap"]).text();
    let mut stripped = with.clone();
    for name in ["health", "organism-index", "augment", "heatmap"] {
        let inner = block(&with, name).expect("it was asked for");
        let whole = format!("<!-- @{name}:start -->\n{inner}\n<!-- @{name}:end -->\n\n");
        assert_eq!(with.matches(&whole).count(), 1, "{name}");
        stripped = stripped.replace(&whole, "");
    }
    let flags = |line: &&str| {
        !line.contains("Merge-Id")
            && !line.contains("merge_id")
            && !line.trim().ends_with(": true")
            && !line.contains("extras:")
    };
    let left: Vec<&str> = stripped.lines().filter(flags).collect();
    let right: Vec<&str> = without.lines().filter(flags).collect();
    assert_eq!(left, right);
}

#[test]
fn health_says_what_is_missing_by_its_thresholds() {
    let healthy = Tree::new()
        .file("README.md", "R.\n")
        .file("LICENSE", "MIT\n")
        .file("AGENTS.md", "a\n")
        .file(".github/workflows/ci.yml", "on: push\n")
        .file("tests/test_a.py", "1\n")
        .file("contracts/a.schema.json", "{}\n");
    let text = extra(&healthy, "health", "health");
    assert!(text.contains("| demo | ok | wgx profile | README, licence, pipeline, tests, contracts, notes for an AI |"), "{text}");
    let poor = Tree::new().file("src/main.rs", "fn main() {}\n");
    let text = extra(&poor, "health", "health");
    assert!(text.contains("| demo | critical | README, licence, pipeline, tests, contracts, notes for an AI, wgx profile | nothing |"), "{text}");
    assert!(block(&merged(&poor, &[]).text(), "health").is_none());
}

#[test]
fn the_organism_index_names_what_is_declared() {
    let tree = Tree::new()
        .file("Cargo.toml", "[package]\nname = \"tool\"\n[[bin]]\nname = \"other\"\n")
        .file("src/main.rs", "fn main() {}\n")
        .file("web/package.json", r#"{"name":"web","bin":{"serve":"s.js"},"scripts":{"build":"x"}}"#)
        .file("py/pyproject.toml", "[project.scripts]\nrun-it = \"a:b\"\n")
        .file(".github/workflows/ci.yml", "name: CI # all\non:\n  push:\n    branches: [main]\n  schedule:\n    - cron: x\njobs: {}\n")
        .file("docs/adr/001.md", "# One\n");
    let text = extra(&tree, "organism_index", "organism-index");
    for said in [
        "  - program other – [`Cargo.toml`](#file-demo-Cargo-toml)",
        "  - program tool – [`Cargo.toml`]",
        "  - program serve – [`web/package.json`]",
        "  - script build – [`web/package.json`]",
        "  - program run-it – [`py/pyproject.toml`]",
        "  - CI, on push, schedule – [`.github/workflows/ci.yml`]",
        "- Entry points by name: 1\n  - [`src/main.rs`]",
        "- Contracts: none",
        "- Runbooks and decisions: 1\n  - [`docs/adr/001.md`]",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let silent = extra(&Tree::new().file("a.txt", "x\n"), "organism_index", "organism-index");
    assert_eq!(silent.matches(": none").count(), 5, "{silent}");
}

#[test]
fn the_fleet_panorama_compares_and_needs_a_fleet() {
    let tree = Tree::new()
        .file("README.md", "R.\n")
        .file("justfile", "a:\n")
        .file("src/a.rs", "1\n")
        .outside_repo("two", &[("README.md", "R.\n"), ("justfile", "b:\n")])
        .outside_repo("six", &[("README.md", "R.\n")]);
    let roots = ["demo", "two", "six"].map(|name| tree.outside().join(name));
    let text = merged_roots(&tree, &roots, &["--extras", "fleet_panorama"]).text();
    let text = block(&text, "fleet-panorama").expect("three repositories are a fleet");
    assert!(text.contains("| | demo | six | two |"), "{text}");
    assert!(text.contains("| source | 1 | 0 | 0 |"), "{text}");
    assert!(text.contains("- Files of the roots and workflows that all 3 have: 1"), "{text}");
    assert!(text.contains("  - `justfile`: not in six"), "{text}");
    let alone = merged(&tree, &["--extras", "fleet_panorama"]).text();
    assert!(block(&alone, "fleet-panorama").is_none() && !alone.contains("fleet_panorama: true"));
}

#[test]
fn augment_shows_the_repositorys_own_words_without_secrets() {
    let token = format!("ghp_{}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0gqM");
    let tree =
        Tree::new().file("demo_augment.yml", format!("hotspots:\n  - src\ntoken: {token}\n"));
    let text = extra(&tree, "augment_sidecar", "augment");
    assert!(text.contains("```yaml\nhotspots:\n  - src\n"), "{text}");
    assert!(!text.contains(&token) && text.contains("«redacted:"), "{text}");
    let silent = extra(&Tree::new().file("a", "x\n"), "augment_sidecar", "augment");
    assert!(silent.contains("No augment file: looked for `demo_augment.yml`"), "{silent}");
}

#[test]
fn the_heatmap_shows_shares_by_either_name() {
    let tree =
        Tree::new().file("big/a.txt", "word ".repeat(900)).file("b.txt", "word ".repeat(100));
    let text = extra(&tree, "heatmap", "heatmap");
    assert!(text.contains("- Half of it stands in the 1 heaviest files"), "{text}");
    assert!(text.contains("| [`big/a.txt`](#file-demo-big-a-txt) |"), "{text}");
    assert!(text.contains("- Files that hold 10 % or more: "), "{text}");
    let alias = merged(&tree, &["--extras", "ai_heatmap"]).text();
    assert_eq!(block(&alias, "heatmap").as_deref(), Some(text.as_str()));
    let silent = extra(&Tree::new().file("a.bin", b"\0"), "heatmap", "heatmap");
    assert!(silent.contains("so there is no mass to show"), "{silent}");
}
