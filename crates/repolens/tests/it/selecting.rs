//! Levels and filters: who is shown, who is only named, who is out.

use repolens::model::{FilterReason, Inclusion, Reason, Snapshot};
use repolens::pool::Pools;
use repolens::select::{Level, Selection, extension, select};

use crate::tree::{Tree, full, only, paths};

fn demo() -> Tree {
    Tree::new()
        .file("README.md", "x")
        .file("docs/guide.md", "x")
        .file("docs/runbook-restore.md", "x")
        .file("src/main.rs", "x")
        .file("tests/it.rs", "x")
        .file("contracts/a.json", "x")
        .file("config.toml", "x")
        .file("Cargo.lock", vec![b'x'; 20_000])
        .file("big/Cargo.lock", vec![b'x'; 20_001])
        .file("logo.svg", "x")
        .file(".env", "x")
        .file(".github/workflows/ci.yml", "x")
        .file(".github/workflows/guard.yml", "x")
        .link("link", "src/main.rs")
}

fn selected(tree: &Tree, selection: &Selection) -> Snapshot {
    let mut snapshot = tree.scan();
    select(&mut snapshot, selection);
    snapshot
}

fn at(level: Level) -> Selection {
    Selection { level, ..Selection::default() }
}

#[test]
fn every_level_shows_its_files_and_names_the_others() {
    let tree = demo();
    let shown = Level::ALL.map(|level| {
        let snapshot = selected(&tree, &at(level));
        assert_eq!(paths(&snapshot).len(), 14, "nothing is out");
        format!("{}: {}", level.name(), full(&snapshot).join(" "))
    });
    insta::assert_snapshot!(shown.join("\n"), @"
    overview: .github/workflows/guard.yml README.md docs/runbook-restore.md
    summary: .github/workflows/ci.yml .github/workflows/guard.yml Cargo.lock README.md config.toml contracts/a.json docs/guide.md docs/runbook-restore.md
    dev: .github/workflows/ci.yml .github/workflows/guard.yml Cargo.lock README.md config.toml contracts/a.json docs/runbook-restore.md src/main.rs tests/it.rs
    machine-lean: .github/workflows/ci.yml .github/workflows/guard.yml Cargo.lock README.md config.toml contracts/a.json docs/runbook-restore.md src/main.rs tests/it.rs
    max: .github/workflows/ci.yml .github/workflows/guard.yml Cargo.lock README.md big/Cargo.lock config.toml contracts/a.json docs/guide.md docs/runbook-restore.md logo.svg src/main.rs tests/it.rs
    ");
}

#[test]
fn reasons_are_the_strongest_that_hold() {
    let snapshot = selected(&demo(), &at(Level::Overview));
    let reason = |path: &str| {
        let file = only(&snapshot).files.iter().find(|file| file.path == path).unwrap();
        file.inclusion.clone()
    };
    assert_eq!(reason("src/main.rs"), Inclusion::MetaOnly(Reason::Profile));
    assert_eq!(reason("link"), Inclusion::MetaOnly(Reason::Symlink));
    assert_eq!(reason(".env"), Inclusion::MetaOnly(Reason::SecretFile));
}

#[test]
fn the_path_filter_is_stronger_than_everything() {
    let selection = Selection { path_filter: Some("src".into()), ..Selection::default() };
    let snapshot = selected(&demo(), &selection);
    assert_eq!(paths(&snapshot), ["src/main.rs"]);
    assert_eq!(only(&snapshot).filtered[&FilterReason::PathFilter], 13);
}

#[test]
fn extensions_spare_what_every_merge_shows() {
    let extensions = vec![extension("rs").unwrap(), extension("*.TOML").unwrap()];
    let selection = Selection { extensions, ..Selection::default() };
    let snapshot = selected(&demo(), &selection);
    let expected =
        [".github/workflows/guard.yml", "README.md", "config.toml", "src/main.rs", "tests/it.rs"];
    assert_eq!(paths(&snapshot), expected);
    assert_eq!(only(&snapshot).filtered[&FilterReason::Extension], 9);
    for word in ["", ".", "a b", "*", "a/b", "ä"] {
        assert!(extension(word).is_err(), "{word}");
    }
}

#[test]
fn code_only_takes_documents_and_the_rest_out_unless_only_the_plan_is_asked_for() {
    let code_only = Selection { code_only: true, ..Selection::default() };
    let snapshot = selected(&demo(), &code_only);
    assert!(!paths(&snapshot).iter().any(|path| path.ends_with(".md") || *path == "logo.svg"));
    assert_eq!(only(&snapshot).filtered[&FilterReason::CodeOnly], 5);
    let plan = Selection { plan_only: true, ..code_only };
    assert_eq!(paths(&selected(&demo(), &plan)).len(), 14);
}

#[test]
fn pools_restrict_and_a_block_is_total() {
    let with = |pool: &str| {
        let pools = Pools::parse(&format!(r#"{{"demo": {pool}}}"#)).unwrap();
        selected(&demo(), &Selection { pools, ..Selection::default() })
    };
    let partial = with(r#"["docs/", "src/main.rs"]"#);
    // Only what is listed: not even what every other merge shows.
    let expected = ["docs/guide.md", "docs/runbook-restore.md", "src/main.rs"];
    assert_eq!(paths(&partial), expected);
    assert_eq!(only(&partial).filtered[&FilterReason::Pool], 11);
    assert_eq!(paths(&with(r#"{"raw": [], "compressed": null}"#)).len(), 14);
    assert!(paths(&with("[]")).is_empty());
}

#[test]
fn large_files_are_cut_and_forced_files_are_shown_at_every_level() {
    let selection = Selection { max_file_bytes: Some(20_000), ..Selection::default() };
    let snapshot = selected(&demo(), &selection);
    let inclusion = |snapshot: &Snapshot, path: &str| {
        let file = only(snapshot).files.iter().find(|file| file.path == path).unwrap();
        file.inclusion.clone()
    };
    assert_eq!(inclusion(&snapshot, "big/Cargo.lock"), Inclusion::Truncated { kept: 20_000 });
    assert_eq!(inclusion(&snapshot, "Cargo.lock"), Inclusion::Full);
    let overview = selected(&demo(), &at(Level::Overview));
    assert_eq!(inclusion(&overview, ".github/workflows/guard.yml"), Inclusion::Full);
    assert_eq!(
        inclusion(&overview, ".github/workflows/ci.yml"),
        Inclusion::MetaOnly(Reason::Profile)
    );
}
