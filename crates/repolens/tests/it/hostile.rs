//! Working copies that do not want to be merged: files that cannot be read, files that change meanwhile, and
//! configurations that name programs.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use contracts::repolens::merge::MergeReport;
use testkit::{Run, TestRepo};

use crate::merging::{merged, repolens};
use crate::tree::Tree;

/// The number of nobody, for whom permissions count.
const NOBODY: &str = "65534";

#[test]
fn what_may_not_be_read_is_listed_with_its_reason() {
    let tree = Tree::new()
        .file("open.md", "open\n")
        .file("closed.md", "closed\n")
        .file("folder/inside.md", "inside\n");
    let out = tree.outside().join("out");
    fs::create_dir(&out).unwrap();
    let allow = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&tree.outside(), 0o777);
    allow(&out, 0o777);
    allow(&tree.root().join("closed.md"), 0o000);
    allow(&tree.root().join("folder"), 0o000);
    // Permissions mean nothing to root.
    let program = tree.outside().join("repolens");
    testkit::copy_program(Path::new(env!("CARGO_BIN_EXE_repolens")), &program);
    let group = format!("--regid={NOBODY}");
    let user = format!("--reuid={NOBODY}");
    let root = tree.root();
    let words =
        [program.to_str().unwrap(), root.to_str().unwrap(), "--json", "--no-cache", "--out"];
    let words = [&words[..], &[out.to_str().unwrap()]].concat();
    let is_root = fs::metadata("/proc/self")
        .is_ok_and(|about| std::os::unix::fs::MetadataExt::uid(&about) == 0);
    let ran = if is_root {
        let unprivileged =
            [&[user.as_str(), group.as_str(), "--clear-groups"][..], &words].concat();
        Run::new("setpriv", &tree.outside()).args(&unprivileged).go()
    } else {
        Run::new(words[0], &tree.outside()).args(&words[1..]).go()
    };
    allow(&tree.root().join("folder"), 0o755);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: MergeReport = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report.merges[0].meta_only["unreadable"], 2);
    let text = fs::read_to_string(&report.merges[0].files[0]).unwrap();
    assert!(
        text.contains("| `closed.md` | doc | - | 7 | - | meta-only (unreadable) | - |"),
        "{text}"
    );
    assert!(text.contains("| `folder` |") && text.contains("\nopen\n"), "{text}");
}

#[test]
fn a_file_that_changes_while_it_is_read_stands_as_it_was_at_one_moment() {
    let tree = Tree::new().file("a.md", "a\n").file("log.txt", "0\n");
    let path = tree.root().join("log.txt");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0_usize;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                let line = format!("{}\n", number % 10);
                fs::write(&path, line.repeat(number % 4000 + 1)).unwrap();
            }
        });
        for _ in 0..12 {
            let made = merged(&tree, &["--json-sidecar"]);
            let checked = repolens(&tree.outside(), &["validate", &made.report.merges[0].files[0]]);
            assert_eq!(checked.code, 0, "{}", checked.stdout);
            let file =
                made.sidecar().files.into_iter().find(|file| file.path == "log.txt").unwrap();
            match file.reason.as_deref() {
                None => {
                    let emitted = file.emitted.unwrap();
                    assert_eq!(file.sha256.as_deref(), Some(emitted.sha256_emitted.as_str()));
                    assert_eq!(file.size_bytes, emitted.bytes);
                }
                Some(reason) => assert_eq!(reason, "changed while read"),
            }
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_merge_starts_no_program_that_a_repository_names() {
    let repo = TestRepo::new()
        .file("a.md", "a\n")
        .file(".gitattributes", "* filter=trap diff=trap\n")
        .git();
    let trap = tempfile::tempdir().unwrap();
    let flag = trap.path().join("started");
    let program = trap.path().join("program");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", flag.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let program = program.to_str().unwrap();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "diff.external",
        "diff.trap.textconv",
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "gpg.program",
    ] {
        repo.run_git(&["config", key, program]);
    }
    let hooks = repo.path().join(".git/hooks");
    fs::create_dir_all(&hooks).unwrap();
    for hook in ["post-index-change", "reference-transaction", "post-checkout"] {
        fs::copy(program, hooks.join(hook)).unwrap();
    }
    let out = trap.path().join("out");
    let out = out.to_str().unwrap();
    for words in [
        &[".", "--extras", "all", "--out", out][..],
        &["pack", "a thing", "--budget", "500"],
        &["prescan", "."],
        &["stats", "."],
        &[".", "--delta-from", "HEAD", "--out", out],
    ] {
        let ran = repolens(repo.path(), words);
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
        assert!(!flag.exists(), "{words:?}");
    }
}
