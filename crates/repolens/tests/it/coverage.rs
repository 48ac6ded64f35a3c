//! `docs/spec-coverage.md` names, for every line of the specification, tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace().join(path)).expect("the document can be read")
}

/// The rows of the table: lines of the specification, names of tests.
fn rows() -> Vec<(BTreeSet<usize>, Vec<String>)> {
    let text = read("docs/spec-coverage.md");
    let table =
        text.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit());
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let mut lines = BTreeSet::new();
        for range in cells[0].split(", ") {
            let (from, to) = range.split_once('–').unwrap_or((range, range));
            let number = |text: &str| text.parse::<usize>().expect("a line number");
            lines.extend(number(from)..=number(to));
        }
        let tests = cells[2].split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (lines, tests)
    };
    table.map(row).collect()
}

#[test]
fn every_line_of_the_specification_is_covered() {
    let covered: BTreeSet<usize> = rows().into_iter().flat_map(|(lines, _)| lines).collect();
    let text = read("docs/repolens-spec-v2.4.md");
    let says_something = |line: &str| {
        let line = line.trim();
        !(line.is_empty() || line == "---" || line.starts_with('#') || line.starts_with("```"))
    };
    let missing: Vec<usize> = { text.lines().enumerate() }
        .filter(|(_, line)| says_something(line))
        .map(|(at, _)| at + 1)
        .filter(|line| !covered.contains(line))
        .collect();
    assert_eq!(missing, [] as [usize; 0]);
}

#[test]
fn every_named_test_exists() {
    let mut sources = String::new();
    for folder in ["crates/repolens/tests/it", "crates/repolens/src", "crates/xtask/src"] {
        collect(&workspace().join(folder), &mut sources);
    }
    for (lines, tests) in rows() {
        assert!(!tests.is_empty(), "no test for {lines:?}");
        for test in tests {
            let declared = format!("#[test]\nfn {test}()");
            let inner = format!("#[test]\n    fn {test}()");
            assert!(sources.contains(&declared) || sources.contains(&inner), "no test {test}");
        }
    }
}

fn collect(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            collect(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(&path).expect("the source can be read"));
        }
    }
}
