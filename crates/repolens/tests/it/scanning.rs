//! The walk: what is listed, in which order, and what is never opened.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use repolens::model::Kind;
use repolens::scan::{ScanError, ScanOptions, scan};

use crate::tree::{Tree, kind, only, paths, skipped};

#[test]
fn files_are_listed_in_the_order_of_their_bytes_whatever_the_number_of_threads() {
    let mut tree = Tree::new();
    for name in ["b/z", "a-b", "a/b", "a.b", "Ab", "ä", "b/a/c"] {
        tree = tree.file(name, "x");
    }
    let expected = ["Ab", "a-b", "a.b", "a/b", "b/a/c", "b/z", "ä"];
    for threads in [1, 2, 16] {
        let options = ScanOptions { threads, ..ScanOptions::default() };
        assert_eq!(paths(&tree.scan_with(&options)), expected);
    }
}

#[test]
fn ignore_files_hold_with_their_precedence_and_are_counted() {
    let tree = Tree::new()
        .file(".gitignore", "*.log\n/build/\n!keep.log\nsub/deep/\n")
        .file(".ignore", "!seen.log\n")
        .file("sub/.gitignore", "!back.log\nlocal\n")
        .file(".repolensignore", "secret-plan.md\nback2.log\n")
        .file("sub/.repolensignore", "!secret-plan.md\n")
        .file(".git/info/exclude", "mine.txt\n")
        .file("a.log", "x")
        .file("keep.log", "x")
        .file("seen.log", "x")
        .file("mine.txt", "x")
        .file("build/out", "x")
        .file("sub/build/in", "x")
        .file("sub/back.log", "x")
        .file("sub/local", "x")
        .file("sub/deep/x", "x")
        .file("secret-plan.md", "x")
        .file("sub/secret-plan.md", "x");
    let snapshot = tree.scan();
    let expected = [
        ".gitignore",
        ".ignore",
        ".repolensignore",
        "keep.log",
        "seen.log",
        "sub/.gitignore",
        "sub/.repolensignore",
        "sub/back.log",
        "sub/build/in",
        "sub/secret-plan.md",
    ];
    assert_eq!(paths(&snapshot), expected);
    insta::assert_snapshot!(skipped(&snapshot).join("\n"), @r"
    .git/ GitFolder
    a.log Ignored
    build/ Ignored
    mine.txt Ignored
    secret-plan.md Ignored
    sub/deep/ Ignored
    sub/local Ignored
    ");

    let all = tree.scan_with(&ScanOptions { no_ignore: true, ..ScanOptions::default() });
    assert_eq!(skipped(&all), [".git/ GitFolder"]);
    assert!(paths(&all).contains(&"build/out"));
}

#[test]
fn ignore_files_above_the_root_and_of_the_person_do_not_count_unless_asked() {
    let tree = Tree::new().file("a.txt", "x").file("b.txt", "x");
    fs::write(tree.outside().join(".gitignore"), "a.txt\n").unwrap();
    let global = tree.outside().join("global");
    fs::write(&global, "b.txt\n").unwrap();
    assert_eq!(paths(&tree.scan()), ["a.txt", "b.txt"]);
    let options = ScanOptions { global_ignore: Some(global), ..ScanOptions::default() };
    assert_eq!(paths(&tree.scan_with(&options)), ["a.txt"]);
}

#[test]
fn an_ignore_file_that_is_a_link_or_too_large_is_not_obeyed_and_said_so() {
    let tree = Tree::new().file("a", "x").folder("sub");
    fs::write(tree.outside().join("rules"), "a\n").unwrap();
    symlink("../rules", tree.root().join(".gitignore")).unwrap();
    fs::write(tree.root().join("sub/.ignore"), vec![b'\n'; (1 << 20) + 1]).unwrap();
    let snapshot = tree.scan();
    assert!(paths(&snapshot).contains(&"a"));
    insta::assert_snapshot!(only(&snapshot).notes.join("\n"), @r"
    `.gitignore` was not obeyed: a link stands in its way
    `sub/.ignore` was not obeyed: larger than 1048576 bytes
    ");
}

#[test]
fn folders_that_tools_fill_are_left_out_by_what_they_are() {
    let tree = Tree::new()
        .file("node_modules/a/index.js", "x")
        .file("env/pyvenv.cfg", "x")
        .file("env/lib/a.py", "x")
        .file("out/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n")
        .file("out/x", "x")
        .file("fake/CACHEDIR.TAG", "no signature")
        .file("build/source.rs", "x")
        .file("target.rs", "x");
    let snapshot = tree.scan();
    assert_eq!(paths(&snapshot), ["build/source.rs", "fake/CACHEDIR.TAG", "target.rs"]);
    assert_eq!(skipped(&snapshot), ["env/ Tooling", "node_modules/ Tooling", "out/ Tooling"]);
}

/// Checkout links (CVE-2024-32002 and its kin): links are listed as links and lead nowhere.
#[test]
fn links_are_listed_and_never_followed() {
    let tree = Tree::new().file("a/b.txt", "x").folder("c");
    fs::write(tree.outside().join("outside.txt"), "x").unwrap();
    fs::create_dir(tree.outside().join("out")).unwrap();
    fs::write(tree.outside().join("out/file"), "x").unwrap();
    let tree = tree
        .link("loop", ".")
        .link("a/up", "../..")
        .link("escape", "../outside.txt")
        .link("c/out", "../../out")
        .link("absolute", "/etc/passwd")
        .link("dangling", "nowhere")
        .link("README.md", "../outside.txt");
    let snapshot = tree.scan();
    let links: Vec<_> = only(&snapshot)
        .files
        .iter()
        .map(|file| match &file.kind {
            Kind::Symlink { target } => format!("{} -> {target}", file.path),
            kind => format!("{} {kind:?}", file.path),
        })
        .collect();
    insta::assert_snapshot!(links.join("\n"), @r"
    README.md -> ../outside.txt
    a/b.txt Unread
    a/up -> ../..
    absolute -> /etc/passwd
    c/out -> ../../out
    dangling -> nowhere
    escape -> ../outside.txt
    loop -> .
    ");
    assert_eq!(only(&snapshot).purpose(), None);
}

#[test]
fn pipes_and_sockets_are_listed_and_never_opened() {
    let tree = Tree::new().file("a", "x");
    let _socket = UnixListener::bind(tree.root().join("socket")).unwrap();
    let pipe = tree.root().join("README.md");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
    let snapshot = tree.scan();
    assert_eq!(*kind(&snapshot, "README.md"), Kind::Special);
    assert_eq!(*kind(&snapshot, "socket"), Kind::Special);
}

#[test]
fn another_repository_inside_is_one_entry() {
    let tree = Tree::new()
        .file("sub/.git", "gitdir: ../.git/modules/sub\n")
        .file("sub/a.rs", "x")
        .file("vendored/.git/HEAD", "ref: refs/heads/main\n")
        .file("vendored/b.rs", "x")
        .file("c.rs", "x");
    let snapshot = tree.scan();
    assert_eq!(paths(&snapshot), ["c.rs", "sub", "vendored"]);
    assert_eq!(*kind(&snapshot, "sub"), Kind::Submodule);
    assert_eq!(*kind(&snapshot, "vendored"), Kind::Submodule);
}

#[test]
fn names_of_every_kind_are_listed() {
    let tree = Tree::new()
        .file("line\nbreak.txt", "x")
        .file("..hidden", "x")
        .file("...", "x")
        .file("🦀.rs", "x")
        .file("Case", "x")
        .file("case", "x")
        .file("back\\slash", "x")
        .file("\u{1b}[31mred", "x")
        .file("percent%41", "x");
    let snapshot = tree.scan();
    let expected = [
        "\u{1b}[31mred",
        "...",
        "..hidden",
        "Case",
        "back\\slash",
        "case",
        "line\nbreak.txt",
        "percent%41",
        "🦀.rs",
    ];
    assert_eq!(paths(&snapshot), expected);
    assert!(only(&snapshot).files.iter().all(|file| !file.escaped));
}

#[test]
fn names_that_are_no_text_are_escaped_without_clashing() {
    let tree =
        Tree::new().file(b"a%\xff", "x").file("a%25%FF", "real").file(b"d\xfe/\xe4.txt", "x");
    let snapshot = tree.scan();
    assert_eq!(paths(&snapshot), ["%61%25%FF", "a%25%FF", "d%FE/%E4.txt"]);
    let raw: Vec<_> =
        only(&snapshot).files.iter().map(|file| file.raw_path().into_owned()).collect();
    assert_eq!(raw, [&b"a%\xff"[..], b"a%25%FF", b"d\xfe/\xe4.txt"]);
}

#[test]
fn a_folder_of_100_000_entries_and_a_very_deep_one_are_walked() {
    let tree = Tree::new().folder("wide");
    for number in 0..100_000 {
        fs::File::create(tree.root().join(format!("wide/{number:06}"))).unwrap();
    }
    let deep = vec!["d"; 1500].join("/");
    let tree = tree.folder(&deep).file(format!("{deep}/end"), "x");
    let snapshot = tree.scan();
    let files = &only(&snapshot).files;
    assert_eq!(files.len(), 100_001);
    assert!(files[0].path.ends_with("/end"));
    assert_eq!(files[100_000].path, "wide/099999");
}

#[test]
fn roots_are_checked_before_anything_is_read() {
    let tree = Tree::new().file("sub/a", "x");
    let (root, sub) = (tree.root(), tree.root().join("sub"));
    let fail = |roots: &[std::path::PathBuf]| {
        let place = tree.outside().canonicalize().unwrap();
        let error = scan(roots, &ScanOptions::default()).unwrap_err().to_string();
        error.replace(place.to_str().unwrap(), "T")
    };
    let dotted = root.join("sub/..");
    let all = [
        fail(&[]),
        fail(&vec![root.clone(); 41]),
        fail(&[root.clone(), dotted]),
        fail(&[root.clone(), sub.clone()]),
        fail(&[sub.clone(), root.clone()]),
        fail(&[root.join("sub/a")]),
        fail(&[root.join("none")]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    no folder to scan: name at least one working copy
    41 folders to scan; one merge takes at most 40
    `T/demo` and `T/demo/sub/..` are the same folder: name it once
    `T/demo/sub` lies inside `T/demo`: name one of them, or its parts with --path-filter
    `T/demo/sub` lies inside `T/demo`: name one of them, or its parts with --path-filter
    `T/demo/sub/a` is not a folder: name the working copy, and a file with --path-filter
    cannot scan `T/demo/none`: No such file or directory (os error 2)
    ");
    let missing = scan(&[root.join("none")], &ScanOptions::default());
    assert!(matches!(missing, Err(ScanError::Unreadable { .. })));
}

#[test]
fn the_purpose_comes_from_the_readme_and_else_from_the_introduction() {
    let readme = Tree::new().file("README.md", "# T\n\nFrom it.\n").file("docs/intro.md", "Not.");
    assert_eq!(only(&readme.scan()).purpose(), Some("From it."));
    let intro = Tree::new().file("README.md", "# T\n").file("docs/intro.md", "Intro.");
    assert_eq!(only(&intro.scan()).purpose(), Some("Intro."));
    let none = Tree::new().file("docs/README.md", "No.").file("README.txt", "No.");
    assert_eq!(only(&none.scan()).purpose(), None);
}
