//! Names of repositories and files that imitate what stands around them: every merge of them is valid and
//! comes back as the same files.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use contracts::repolens::report::Extras;
use jiff::Timestamp;
use proptest::prelude::*;
use repolens::merge::{Density, MergeRequest, Mode, Progress, Target, merge};
use repolens::scan::ScanOptions;
use repolens::select::Selection;
use repolens::validate::{Options, validate};

use crate::merging::repolens;

struct Silent;

impl Progress for Silent {
    fn total(&self, _files: usize) {}
    fn files(&self, _done: usize) {}
}

fn request(roots: Vec<PathBuf>, out: &Path, split: bool, min: bool, nav: bool) -> MergeRequest {
    MergeRequest {
        roots,
        scan: ScanOptions::default(),
        selection: Selection::default(),
        mode: Mode::Combined,
        density: if min { Density::Min } else { Density::Full },
        meta_none: false,
        split_files: false,
        split_size: split.then_some(4_000),
        extras: Extras {
            health: true,
            organism_index: true,
            fleet_panorama: true,
            augment_sidecar: true,
            delta_reports: false,
            json_sidecar: true,
            heatmap: true,
        },
        delta_from: None,
        nav_headings: nav,
        generated_at: Timestamp::UNIX_EPOCH,
        threads: 1,
        debug: false,
        cache: None,
        target: Target::Folder(out.to_owned()),
        name: Some("odd".to_owned()),
        dated: true,
    }
}

/// What structure is made of, in pieces.
fn name() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        "B",
        "ä",
        "😀",
        " ",
        "  ",
        "-",
        "--",
        ".",
        "_",
        "[",
        "]",
        "](#a)",
        "](",
        "(",
        ")",
        "{",
        "}",
        " {#x}",
        "{#manifest}",
        "#",
        "##",
        "`",
        "```",
        "|",
        " | ",
        "<",
        ">",
        "<!-- ",
        " -->",
        "\"",
        "'",
        "&",
        "&lt;",
        "\\",
        "*",
        "**",
        "~",
        "!",
        "$",
        "%",
        "%41",
        ":",
        ": ",
        ",",
        ", ",
        ";",
        "=",
        "@",
        "^",
        "\n",
        "\r",
        "\t",
        "\u{1b}",
        "\u{a0}",
        "\u{2028}",
        "\u{202e}",
        "\u{85}",
        "\u{301}",
        "\u{feff}",
        "§§ manifest",
        "file:id=",
        "No file.",
        "_part2_merge.md",
        "manifest",
        "content",
        "📦 ",
        "📄 ",
        "none",
    ]);
    prop::collection::vec(pieces, 1..6).prop_map(|pieces| pieces.concat()).prop_filter(
        "a name",
        |name| {
            name.len() < 120 && !matches!(name.as_str(), "." | ".." | ".git") && !name.contains('/')
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn odd_names_are_safe_everywhere(
        repos in prop::collection::btree_set(name(), 1..4),
        files in prop::collection::btree_set(name(), 1..5),
        (split, min, nav) in (any::<bool>(), any::<bool>(), any::<bool>()),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut roots = Vec::new();
        for repo in &repos {
            let root = dir.path().join("in").join(repo);
            fs::create_dir_all(&root).unwrap();
            for file in &files {
                fs::write(root.join(file), format!("of {file}\n")).unwrap();
            }
            fs::write(root.join("README.md"), format!("# T\n\nAbout {repo} and {files:?}.\n")).unwrap();
            fs::write(root.join(format!("{repo}_augment.yml")), "a: 1\n").unwrap();
            roots.push(root);
        }
        let out = dir.path().join("out");
        let merged = merge(&request(roots, &out, split, min, nav), None, &Silent);
        let merged = merged.map_err(|error| TestCaseError::fail(error.to_string()))?.remove(0);
        let report = validate(&merged.files, merged.sidecar.as_deref(), Options::default()).unwrap();
        prop_assert!(report.valid, "{:#?}", report.merges[0].findings);
        prop_assert_eq!(report.merges.len(), 1);
    }
}

#[test]
fn repositories_with_signs_in_their_names_come_back_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let name = "x [y](#z) {#manifest} *b* & `c` | d";
    let file = "a](#b) {#c} [d] \\ `e`.md";
    let root = dir.path().join(name);
    fs::create_dir(&root).unwrap();
    fs::write(root.join(file), "text\n").unwrap();
    let second = dir.path().join("plain");
    fs::create_dir(&second).unwrap();
    fs::write(second.join("b.md"), "b\n").unwrap();
    let roots = [root.to_str().unwrap(), second.to_str().unwrap()];
    let out = dir.path().join("out");
    let words = ["--out", out.to_str().unwrap(), "--name", "odd", "--extras", "all"];
    let ran = repolens(dir.path(), &[&roots[..], &words].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let merge = out.join("odd_merge.md");
    let text = fs::read_to_string(&merge).unwrap();
    assert!(text.contains("\n## 📦 x \\u{5b}y\\u{5d}(#z) \\u{7b}#manifest\\u{7d} \\u{2a}b\\u{2a}"));
    let back = dir.path().join("back");
    let ran = repolens(dir.path(), &["unpack", merge.to_str().unwrap(), back.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(fs::read(back.join(name).join(file)).unwrap(), b"text\n");
    assert!(fs::read_dir(&back).unwrap().all(|entry| {
        let entry = entry.unwrap().file_name();
        [name.as_bytes(), b"plain"].contains(&entry.as_bytes())
    }));
}
