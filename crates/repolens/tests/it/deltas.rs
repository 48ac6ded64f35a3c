//! The delta block: since an earlier merge, a sidecar, a revision, and between two revisions.

use std::fs;
use std::path::Path;

use contracts::repolens::merge::MergeReport;
use testkit::{Ran, TestRepo};

use crate::merging::{merged, merged_roots, repolens};
use crate::tree::Tree;

fn block(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("<!-- @delta:start -->\n")?;
    Some(rest.split_once("\n<!-- @delta:end -->").expect("a block ends").0.to_owned())
}

fn merge(repo: &TestRepo, out: &Path, words: &[&str]) -> Ran {
    let mut all = vec![".", "--json", "--out", out.to_str().expect("UTF-8")];
    all.extend(words);
    repolens(repo.path(), &all)
}

/// The block of a merge that is valid.
fn delta(repo: &TestRepo, words: &[&str]) -> String {
    let out = tempfile::tempdir().expect("a folder");
    let ran = merge(repo, out.path(), words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: MergeReport = serde_json::from_str(&ran.stdout).expect("a report");
    let file = &report.merges[0].files[0];
    let checked = repolens(out.path(), &["validate", file]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    block(&fs::read_to_string(file).expect("a merge")).expect("a delta")
}

#[test]
fn an_earlier_merge_or_its_sidecar_tells_what_changed() {
    let tree = Tree::new()
        .file("same.md", "same\n")
        .file("old/name.rs", "fn moved() {}\n")
        .file("gone.txt", "gone\n")
        .file("edited.rs", "fn a() {}\n");
    let before = merged(&tree, &["--json-sidecar", "--name", "before"]);
    let (part, sidecar) =
        (before.report.merges[0].files[0].clone(), before.report.merges[0].sidecar.clone());
    fs::remove_file(tree.root().join("gone.txt")).unwrap();
    let tree = tree
        .file("edited.rs", "fn a() { b() }\n")
        .file("new/name.rs", "fn moved() {}\n")
        .file("added.py", "1\n");
    fs::remove_file(tree.root().join("old/name.rs")).unwrap();
    for base in [part, sidecar.unwrap()] {
        let made = merged(&tree, &["--delta-from", &base]);
        let text = block(&made.text()).unwrap();
        for said in [
            "- Added: 1\n- Removed: 1\n- Changed: 1\n- Renamed: 1\n- Unchanged: 1\n",
            "### Added\n\n- `demo/added.py`",
            "### Removed\n\n- `demo/gone.txt`",
            "- `demo/edited.rs`: content, size (10 → 15 bytes)",
            "- `demo/old/name.rs` → `demo/new/name.rs`",
        ] {
            assert!(text.contains(said), "{said}\n{text}");
        }
        assert!(made.text().contains("\n    delta_reports: true\n"));
        let checked = repolens(&tree.outside(), &["validate", &made.report.merges[0].files[0]]);
        assert_eq!(checked.code, 0, "{}", checked.stdout);
    }
}

#[test]
fn nothing_changed_is_said_as_such_and_nothing_asked_is_silent() {
    let tree = Tree::new().file("a.md", "a\n").file("b.rs", "b\n");
    let base = merged(&tree, &["--name", "before"]).report.merges[0].files[0].clone();
    let made = merged(&tree, &["--delta-from", &base, "--extras", "health"]);
    let text = block(&made.text()).unwrap();
    assert!(text.contains("- Added: 0\n- Removed: 0\n- Changed: 0\n- Renamed: 0\n- Unchanged: 2"));
    assert!(!text.contains("###"), "{text}");
    let silent = merged(&tree, &["--extras", "all"]).text();
    assert!(block(&silent).is_none() && !silent.contains("delta_reports"));
}

#[test]
fn what_filters_leave_out_is_neither_added_nor_removed() {
    let tree = Tree::new().file("a.md", "a\n").file("b.rs", "b\n").file("src/c.rs", "c\n");
    let all = merged(&tree, &["--name", "all"]).report.merges[0].files[0].clone();
    let some = merged(&tree, &["--delta-from", &all, "--ext", "rs", "--path-filter", "src"]);
    let text = block(&some.text()).unwrap();
    assert!(text.contains("- Removed: 0\n") && text.contains("- Unchanged: 1\n"), "{text}");
    assert!(text.contains("leave out, not compared: 2"), "{text}");
    let narrow = merged(&tree, &["--name", "narrow", "--ext", "rs"]).report.merges[0].clone();
    let text = block(&merged(&tree, &["--delta-from", &narrow.files[0]]).text()).unwrap();
    assert!(text.contains("- Added: 1\n") && text.contains("other filters"), "{text}");
}

#[test]
fn of_a_fleet_only_the_repositories_of_the_merge_are_compared() {
    let tree = Tree::new()
        .file("a.md", "a\n")
        .outside_repo("two", &[("b.md", "b\n")])
        .outside_repo("six", &[("c.md", "c\n")]);
    let roots = ["demo", "two", "six"].map(|name| tree.outside().join(name));
    let fleet = merged_roots(&tree, &roots, &["--name", "fleet"]).report.merges[0].clone();
    let made = merged_roots(&tree, &roots[..2], &["--delta-from", &fleet.files[0]]);
    let text = block(&made.text()).unwrap();
    assert!(text.contains("- Removed: 0\n- Changed: 0\n- Renamed: 0\n- Unchanged: 2"), "{text}");
    assert!(text.contains("not in this merge, not compared: `six`"), "{text}");
}

fn history() -> TestRepo {
    let repo = TestRepo::new()
        .file("same.md", "same\n")
        .file("edited.rs", "fn a() {}\n")
        .file("swapped.rs", "fn aa() {}\n")
        .file("old.py", "print('a long enough line')\n")
        .file("gone.txt", "gone\n")
        .git();
    repo.run_git(&["tag", "v1"]);
    repo.write("edited.rs", "fn a() { b() }\n");
    repo.write("swapped.rs", "fn bb() {}\n");
    repo.run_git(&["mv", "old.py", "new.py"]);
    repo.run_git(&["rm", "-q", "gone.txt"]);
    repo.run_git(&["commit", "-qam", "Second"]);
    repo.run_git(&["tag", "v2"]);
    repo
}

#[test]
fn a_revision_is_compared_with_the_working_copy() {
    let repo = history();
    repo.write("untracked.md", "new\n");
    let text = delta(&repo, &["--delta-from", "v1"]);
    assert!(text.contains("- Base: `v1 ("), "{text}");
    for said in [
        "- Added: 1\n- Removed: 1\n- Changed: 2\n- Renamed: 1\n- Unchanged: 1\n",
        "/untracked.md`\n",
        "/swapped.rs`: content (11 → 11 bytes)",
        "/edited.rs`: content, size (10 → 15 bytes)",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    let now = delta(&repo, &["--delta-from", "HEAD", "--ext", "rs"]);
    assert!(now.contains("- Added: 0\n- Removed: 0\n- Changed: 0\n- Renamed: 0\n- Unchanged: 2"));
}

#[test]
fn two_revisions_are_compared_whatever_lies_in_the_working_copy() {
    let repo = history();
    repo.write("untracked.md", "new\n");
    repo.write("same.md", "not the same\n");
    let text = delta(&repo, &["--delta-from", "v1..v2"]);
    assert!(
        text.contains("- Added: 0\n- Removed: 1\n- Changed: 2\n- Renamed: 1\n- Unchanged: 1\n"),
        "{text}"
    );
    assert!(text.contains("- Compared with it: `v2 ("), "{text}");
}

#[test]
fn a_repository_that_names_programs_starts_none_for_a_delta() {
    let repo = history();
    let trap = tempfile::tempdir().expect("a folder");
    let flag = trap.path().join("started");
    let program = trap.path().join("program");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", flag.display())).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap();
    for key in ["core.fsmonitor", "core.pager", "diff.external", "core.sshCommand", "core.editor"] {
        repo.run_git(&["config", key, program]);
    }
    repo.run_git(&["config", "log.showSignature", "true"]);
    repo.run_git(&["config", "gpg.program", program]);
    delta(&repo, &["--delta-from", "v1"]);
    delta(&repo, &["--delta-from", "v1..v2"]);
    assert!(!flag.exists());
}

#[test]
fn what_cannot_be_compared_with_is_told() {
    let repo = history();
    let out = tempfile::tempdir().expect("a folder");
    for (base, said) in [
        ("no-such-tag", "has no commit `no-such-tag`"),
        ("v1...v2", "is no revision range"),
        ("missing_merge.md", "cannot read"),
        ("same.md", "is neither a merge nor a sidecar"),
    ] {
        let ran = merge(&repo, out.path(), &["--delta-from", base]);
        assert_eq!(ran.code, 2, "{base}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{base}: {}", ran.stderr);
    }
    let ran = merge(&repo, out.path(), &["--extras", "delta_reports"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("--delta-from"), "{}", ran.stderr);
    let bare = Tree::new().file("a.md", "a\n");
    let root = bare.root();
    let ran = repolens(&bare.outside(), &[root.to_str().unwrap(), "--delta-from", "HEAD"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("is no git repository of its own"), "{}", ran.stderr);
    assert!(fs::read_dir(out.path()).unwrap().next().is_none(), "nothing was written");
}
