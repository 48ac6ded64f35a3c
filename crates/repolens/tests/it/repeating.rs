//! Merges again and again into the same folder, also into the working copy itself; and what filters keep out of
//! the words of a merge.

use std::fs;
use std::path::Path;

use contracts::repolens::merge::MergeReport;

use crate::merging::{merged, repolens};
use crate::tree::Tree;

fn run(tree: &Tree, words: &[&str]) -> MergeReport {
    let ran = repolens(&tree.root(), &[words, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    serde_json::from_str(&ran.stdout).expect("a report")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = { fs::read_dir(folder).expect("a folder") }
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.contains("_merge."))
        .collect();
    names.sort();
    names
}

#[test]
fn a_merge_in_the_working_copy_is_not_merged_by_the_next_one() {
    let tree = Tree::new().file("a.md", "a\n").file("notes_merge.md", "# about a merge\n");
    let words = ["--name", "x", "--json-sidecar", "--no-cache"];
    let first = run(&tree, &words);
    let bytes = fs::read(tree.root().join("x_merge.md")).unwrap();
    let second = run(&tree, &words);
    assert_eq!(second.merges[0].left_out["earlier merge"], 2);
    assert_eq!(first.merges[0].total_files, 2, "a file that is only called like a merge stays");
    assert_eq!(second.merges[0].total_files, 2);
    let third = run(&tree, &words);
    assert_eq!(second, third);
    assert!(bytes.len() + 200 > fs::read(tree.root().join("x_merge.md")).unwrap().len());
    // Elsewhere an earlier merge is a file as any other.
    let elsewhere = merged(&tree, &[]);
    assert_eq!(elsewhere.report.merges[0].total_files, 4);
}

#[test]
fn parts_that_a_new_merge_does_not_have_are_removed_and_named() {
    let text = "a line of text\n".repeat(400);
    let mut tree = Tree::new();
    for number in 0..6 {
        tree = tree.file(format!("{number}.txt"), &text);
    }
    let out = tree.outside().join("out");
    let made = merged(&tree, &["--name", "x", "--split-size", "12KB", "--json-sidecar"]);
    let parts = made.report.merges[0].files.len();
    assert!(parts > 2, "{parts}");
    fs::write(out.join("x_part99_merge.md"), "notes of a person\n").unwrap();
    fs::write(out.join("y_merge.md"), "# WC-Merge Report (Part 1/1)\n").unwrap();
    let made = merged(&tree, &["--name", "x"]);
    assert_eq!(names(&out), ["x_merge.md", "x_part99_merge.md", "y_merge.md"]);
    let notes = &made.report.merges[0].notes;
    assert_eq!(notes.len(), parts + 1, "{notes:?}");
    assert!(
        notes.iter().all(|note| note.ends_with("of an earlier merge of this name was removed"))
    );
}

#[test]
fn what_is_filtered_out_says_nothing_by_another_way() {
    let tree = Tree::new()
        .file("README.md", "# T\n\nThe purpose.\n")
        .file("demo_augment.yml", "a: of the augment file\n")
        .file("src/a.rs", "fn a() {}\n");
    let speaks = merged(&tree, &["--extras", "augment_sidecar"]).text();
    assert!(speaks.contains("Declared Purpose: The purpose."));
    let pool = tree.outside().join("pool.json");
    let path = pool.to_str().unwrap().to_owned();
    for entry in ["[]", r#"{"compressed": ["src"]}"#] {
        fs::write(&pool, format!("{{\"demo\": {entry}}}")).unwrap();
        let made = merged(&tree, &["--extras", "augment_sidecar", "--pool", &path]);
        assert!(!made.text().contains("The purpose.") && !made.text().contains("of the augment"));
        let listed = if entry == "[]" { 0 } else { 1 };
        assert_eq!(made.report.merges[0].total_files, listed, "{entry}");
    }
    let made = merged(&tree, &["--extras", "augment_sidecar", "--path-filter", "src/"]).text();
    assert!(!made.contains("The purpose.") && !made.contains("of the augment file"));
}

#[test]
fn a_marker_in_an_augment_file_is_told_from_the_real_one() {
    let tree = Tree::new().file("a.md", "a\n");
    let marker = |text: &str| {
        let at = text.find("file:id=\"FILE:f_").expect("a marker");
        text[at..at + 29].to_owned()
    };
    let first = marker(&merged(&tree, &[]).text());
    let tree = tree.file("demo_augment.yml", format!("note: <!-- {first} -->\n"));
    let made = merged(&tree, &["--extras", "augment_sidecar", "--json-sidecar"]);
    let text = made.text();
    assert!(!text.contains("\n  salt: 0\n"), "{text}");
    for file in made.sidecar().files {
        let marker = file.content_ref.expect("both have content").marker;
        assert_eq!(text.matches(&marker).count(), 1, "{marker}");
    }
}
