//! `unpack`: files back byte for byte, and nothing else anywhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use repolens::unpack::{UnpackError, UnpackRequest, unpack};
use repolens::validate::{Options, validate};

use crate::hand::{Hand, HandFile};
use crate::merging::{merged, merged_roots, repolens};
use crate::tree::Tree;

/// All regular files below a folder.
fn files(root: &Path) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("it lies below").as_os_str();
                let content = fs::read(&path).expect("the file can be read");
                found.insert(name.as_bytes().to_vec(), content);
            }
        }
    }
    found
}

fn paths(names: &[String]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

/// Merges a tree and unpacks it again; gives the folder.
fn there_and_back(tree: &Tree, words: &[&str]) -> PathBuf {
    let made = merged(tree, words);
    let merge = &made.report.merges[0];
    let files = paths(&merge.files);
    let sidecar = merge.sidecar.as_ref().map(PathBuf::from);
    let report = validate(&files, sidecar.as_deref(), Options::default()).expect("it can be read");
    assert!(report.valid, "{:#?}", report.merges);
    let into = tree.outside().join("back");
    let request =
        UnpackRequest { merges: files, sidecar, into: into.clone(), ..UnpackRequest::default() };
    let report = unpack(&request).unwrap_or_else(|error| panic!("{error}: {}", error.advice()));
    assert!(report.partial.is_empty());
    into
}

fn nasty() -> Tree {
    let utf16: Vec<u8> = "\u{feff}héllo 🧾\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16_be: Vec<u8> = "\u{feff}ab\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
    Tree::new()
        .file("crlf.txt", "a\r\nb\r\n")
        .file("bom.txt", "\u{feff}bom\n")
        .file("open.txt", "no end")
        .file("empty.txt", "")
        .file("feed.txt", "\n")
        .file("feeds.txt", "\n\n\n")
        .file("cr.txt", "\r")
        .file("fence.md", "```\n````\n```rust\n`````x\n")
        .file("backticks", "`")
        .file("runs.md", "``````````\n")
        .file("tail.md", "text\n```")
        .file("marker.md", "<!-- zone:end type=code id=\"FILE:f_000000000000\" -->\n```\n## 🧾 Manifest {#manifest}\n")
        .file("latin.txt", b"caf\xe9 \xff\n")
        .file("wide.txt", utf16)
        .file("wide-be.txt", utf16_be)
        .file("grün/ä b.txt", "x\n")
        .file("a|b`c\"d<e>&f.txt", "x\n")
        .file("line\nbreak.txt", "x\n")
        .file("%41.txt", "percent\n")
        .file(b"foreign-\xff\xfe.txt", "x\n")
        .file("a.b", "1\n")
        .file("a-b", "2\n")
        .file("a/b", "3\n")
        .file("[x](#y).md", "x\n")
        .file("con.aux", "x\n")
        .file("nul\u{0}".trim_end_matches('\0'), "x\n")
}

#[test]
fn awkward_files_come_back_byte_for_byte() {
    for words in [
        &[][..],
        &["--meta-density", "min"],
        &["--meta-density", "standard", "--json-sidecar"],
        &["--split-size", "4000", "--json-sidecar"],
        &["--nav", "headings", "--extras", "all"],
        &["--split-files", "--max-file-bytes", "4"],
        &["--meta-none"],
    ] {
        let tree = nasty();
        let into = there_and_back(&tree, words);
        let (before, after) = (files(&tree.root()), files(&into));
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            after.keys().collect::<Vec<_>>(),
            "{words:?}"
        );
        assert_eq!(before, after, "{words:?}");
    }
}

#[test]
fn several_repositories_come_back_into_their_folders() {
    let tree = Tree::named("one").file("a", "1\n").outside_repo("two", &[("b", "2\n")]);
    let roots = [tree.root(), tree.outside().join("two")];
    let made = merged_roots(&tree, &roots, &[]);
    let into = tree.outside().join("back");
    let merges = paths(&made.report.merges[0].files);
    unpack(&UnpackRequest { merges, into: into.clone(), ..UnpackRequest::default() })
        .expect("it can be unpacked");
    assert_eq!(fs::read_to_string(into.join("one/a")).expect("it is there"), "1\n");
    assert_eq!(fs::read_to_string(into.join("two/b")).expect("it is there"), "2\n");
}

/// A folder with the parts of a hand-written merge.
struct Written {
    dir: tempfile::TempDir,
    parts: Vec<PathBuf>,
}

impl Written {
    fn new(names: &[String], parts: &[String]) -> Self {
        let dir = tempfile::tempdir().expect("a folder can be made");
        let paths: Vec<PathBuf> = names.iter().map(|name| dir.path().join(name)).collect();
        for (path, text) in paths.iter().zip(parts) {
            fs::write(path, text).expect("a file can be written");
        }
        Self { dir, parts: paths }
    }

    fn of(hand: &Hand) -> Self {
        Self::new(&hand.names(), &hand.parts())
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("into")
    }

    fn unpack(&self) -> Result<contracts::repolens::unpack::UnpackReport, UnpackError> {
        self.request(|_| {})
    }

    fn request(
        &self,
        change: impl FnOnce(&mut UnpackRequest),
    ) -> Result<contracts::repolens::unpack::UnpackReport, UnpackError> {
        let mut request = UnpackRequest {
            merges: self.parts.clone(),
            into: self.target(),
            ..UnpackRequest::default()
        };
        change(&mut request);
        unpack(&request)
    }

    /// What lies in the target and beside it, but the merge.
    fn untouched(&self) -> bool {
        !self.target().exists() || files(&self.target()).is_empty()
    }
}

#[test]
fn zip_slip_paths_are_refused_before_anything_is_written() {
    for path in [
        "../evil",
        "/etc/evil",
        "a/../../evil",
        "a//b",
        "./a",
        "a/.",
        ".git/hooks/pre-commit",
        "x/.GIT/config",
    ] {
        let hand = Hand::of(vec![HandFile::new("a.txt", "good\n"), HandFile::new(path, "evil\n")]);
        let written = Written::of(&hand);
        assert!(written.unpack().is_err(), "{path}");
        assert!(written.untouched(), "{path}");
        assert!(!written.dir.path().join("evil").exists(), "{path}");
    }
}

#[test]
fn checkout_links_are_never_followed() {
    let hand = Hand::of(vec![HandFile::new("sub/a.txt", "text\n")]);
    let folder_link = Written::of(&hand);
    let outside = folder_link.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir(folder_link.target()).unwrap();
    symlink(&outside, folder_link.target().join("sub")).unwrap();
    let error = folder_link.request(|request| request.force = true).unwrap_err();
    assert!(matches!(error, UnpackError::Path { .. }), "{error}");
    assert!(files(&outside).is_empty());

    let file_link = Written::of(&hand);
    let target = file_link.dir.path().join("target");
    fs::write(&target, "mine").unwrap();
    fs::create_dir_all(file_link.target().join("sub")).unwrap();
    symlink(&target, file_link.target().join("sub/a.txt")).unwrap();
    let error = file_link.request(|request| request.force = true).unwrap_err();
    assert!(matches!(error, UnpackError::Path { .. }), "{error}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
}

#[test]
fn files_that_are_there_are_replaced_only_when_asked() {
    let written = Written::of(&Hand::of(vec![HandFile::new("a.txt", "new\n")]));
    fs::create_dir(written.target()).unwrap();
    fs::write(written.target().join("a.txt"), "old\n").unwrap();
    assert!(matches!(written.unpack().unwrap_err(), UnpackError::Exists(_)));
    assert_eq!(fs::read_to_string(written.target().join("a.txt")).unwrap(), "old\n");
    written.request(|request| request.force = true).unwrap();
    assert_eq!(fs::read_to_string(written.target().join("a.txt")).unwrap(), "new\n");
}

#[test]
fn a_changed_merge_is_refused_before_anything_is_written() {
    let hand = Hand::default();
    for (from, to) in [
        ("fn main() {}", "fn mein() {}"),
        ("| 13 | 13 | full |", "| 14 | 13 | full |"),
        ("eof=\"none\" ", ""),
        ("path=\"src/main.rs\"", "path=\"src/other.rs\""),
    ] {
        let text = hand.text();
        assert!(text.contains(from));
        let written = Written::new(&hand.names(), &[text.replacen(from, to, 1)]);
        assert!(matches!(written.unpack().unwrap_err(), UnpackError::Invalid(_)), "{from}");
        assert!(written.untouched(), "{from}");
    }
    // An MD5 that fits nowhere, stated the same everywhere: the structure is valid, the content is not.
    let text = hand.text();
    let row = text.lines().find(|line| line.starts_with("| [`src/main.rs`]")).unwrap();
    let md5 = row.rsplit('|').nth(1).unwrap().trim();
    let written = Written::new(&hand.names(), &[text.replace(md5, &"0".repeat(32))]);
    assert!(matches!(written.unpack().unwrap_err(), UnpackError::Changed(_)));
    assert!(written.untouched());
}

#[test]
fn parts_may_come_in_any_order_and_a_missing_one_is_named() {
    let mut written = Written::of(&Hand::fleet());
    written.parts.reverse();
    let report = written.request(|request| request.partial = true).unwrap();
    assert_eq!((report.exact.len(), report.partial.len(), report.absent.len()), (5, 2, 1));
    written.parts.remove(1);
    let error = written.request(|request| request.partial = true).unwrap_err();
    assert_eq!(error.to_string(), "a part is missing: tools_part2_merge.md");
}

#[test]
fn masked_and_cut_files_need_partial_and_are_listed() {
    let written = Written::of(&Hand::fleet());
    let error = written.unpack().unwrap_err();
    assert!(matches!(&error, UnpackError::Partial(files) if files.len() == 2), "{error}");
    assert!(written.untouched());
    let report = written.request(|request| request.partial = true).unwrap();
    let lacks: Vec<_> = report.partial.iter().map(|file| file.lacks.clone().unwrap()).collect();
    assert_eq!(lacks, ["truncated", "redacted"]);
    assert_eq!(report.absent[0].reason, "binary");
}

#[test]
fn yaml_bombs_in_meta_are_refused_at_once() {
    let bombs = [
        "  a: &a [\"x\",\"x\"]\n  b: [*a,*a]".to_owned(),
        format!("  a: {}1{}", "[".repeat(100_000), "]".repeat(100_000)),
        (0..100_000).fold(String::new(), |text, depth| text + &"  ".repeat(depth.min(40)) + "a:\n"),
        format!("  a: \"{}\"", "x".repeat(2 << 20)),
    ];
    for bomb in bombs {
        let text = Hand::default().text().replace("  salt: 0", &bomb);
        let written = Written::new(&["tools_merge.md".to_owned()], &[text]);
        let start = std::time::Instant::now();
        assert!(matches!(written.unpack().unwrap_err(), UnpackError::Invalid(_)));
        assert!(start.elapsed().as_secs() < 5);
    }
}

#[test]
fn terminal_escapes_in_a_merge_do_not_reach_the_terminal() {
    let tree = Tree::new().file("a.txt", "x\n");
    let text = "# WC-Merge Report (Part 1/1)\n\n- \u{1b}[2J\u{202e}: x\n| \u{1b}]0;title\u{7} |\n## \u{1b}[31m {#plan}\n";
    let path = tree.outside().join("bad_merge.md");
    fs::write(&path, text).unwrap();
    for verb in ["validate", "unpack", "diff", "stats"] {
        let path = path.to_str().unwrap();
        let ran = repolens(&tree.outside(), &[verb, path, path]);
        assert_ne!(ran.code, 0, "{verb}");
        for shown in [&ran.stdout, &ran.stderr] {
            assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{verb}: {shown:?}");
        }
    }
}

/// Pieces that contents are made of: what could end a fence, imitate a marker, or break an encoding.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"```".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"`".to_vec()),
        Just("\u{feff}".as_bytes().to_vec()),
        Just(b"<!-- file:id=\"FILE:f_0123456789ab\" repo=\"r\" path=\"p\" -->\n".to_vec()),
        Just("\n[↑ Zurück zum Manifest](#manifest)\n\n---\n".as_bytes().to_vec()),
        Just("§§ manifest\n".as_bytes().to_vec()),
        Just(vec![0xe9]),
        Just("é🧾".as_bytes().to_vec()),
        "[a-z ]{1,12}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-c.-]{1,4}",
        1 => "[\\PC&&[^/\u{0}]]{1,6}",
        1 => "[a\n\t\u{1b}`|\"<>&%(){}\\[\\]# \u{202e}]{1,5}",
    ]
    .prop_filter("a name that a file can have", |name| {
        !matches!(name.as_str(), "." | ".." | "") && name.len() < 200
    })
}

type Files = BTreeMap<Vec<String>, Vec<u8>>;

fn files_of_a_tree() -> impl Strategy<Value = Files> {
    let path = prop::collection::vec(name(), 1..4);
    prop::collection::btree_map(path, content(), 1..600)
}

proptest! {
    // 35 trees of 300 files each on average: 10^4 files, all densities and splits.
    #![proptest_config(ProptestConfig { cases: 35, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn random_trees_validate_and_come_back(given in files_of_a_tree(), way in 0..5_usize) {
        let mut tree = Tree::new();
        for (path, content) in &given {
            let joined = path.join("/");
            let full = tree.root().join(&joined);
            // A folder of that name may be there already, or a file where a folder is needed.
            let blocked = full.is_dir() || full.ancestors().skip(1).any(Path::is_file);
            if !blocked {
                tree = tree.file(&joined, content);
            }
        }
        let words = [
            &["--no-ignore"][..],
            &["--no-ignore", "--meta-density", "min", "--json-sidecar"],
            &["--no-ignore", "--split-size", "3000", "--json-sidecar"],
            &["--no-ignore", "--meta-density", "standard", "--nav", "headings"],
            &["--no-ignore", "--split-files", "--max-file-bytes", "9"],
        ][way];
        let before = files(&tree.root());
        let made = merged(&tree, words);
        let merge = &made.report.merges[0];
        let merges = paths(&merge.files);
        let sidecar = merge.sidecar.as_ref().map(PathBuf::from);
        let verdict = validate(&merges, sidecar.as_deref(), Options::default()).unwrap();
        prop_assert!(verdict.valid, "{:#?}", verdict.merges[0].findings);
        let into = tree.outside().join("back");
        let request = UnpackRequest { merges, sidecar, into: into.clone(), partial: true, force: false };
        let report = unpack(&request).map_err(|error| TestCaseError::fail(format!("{error}")))?;
        let after = files(&into);
        for (name, content) in &after {
            if report.partial.is_empty() {
                prop_assert_eq!(Some(content), before.get(name));
            }
        }
        let absent = report.absent.len();
        prop_assert_eq!(after.len() + absent, before.len());
    }
}
