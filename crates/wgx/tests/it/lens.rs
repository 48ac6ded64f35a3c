//! `wgx lens` hands over to `repolens`.

use std::fs;
use std::path::Path;

use testkit::{Run, TestRepo};

/// A copy of wgx in a folder of the repository, so that nothing lies beside it but what the test puts there.
fn lonely_wgx(repo: &TestRepo) -> String {
    let program = repo.path().join("alone/wgx");
    fs::create_dir_all(repo.path().join("alone")).expect("wgx can be copied");
    // By a program of its own: a child that another test starts meanwhile would hold the copy open for writing, and what is
    // open for writing cannot be started.
    let path = program.to_str().expect("a readable path");
    let copied = Run::new("cp", repo.path()).args([env!("CARGO_BIN_EXE_wgx"), path]).go();
    assert_eq!(copied.code, 0, "{copied:?}");
    program.to_str().expect("wgx can be copied").to_owned()
}

fn lens(program: &str, dir: &Path) -> Run {
    Run::new(program, dir).args(["lens", "a b", "--level", "dev"])
}

const FAKE: &str = "#!/bin/sh\nprintf '<%s>' \"$0\" \"$@\"; exit 3\n";

#[test]
fn the_program_beside_wgx_comes_before_the_one_on_the_search_path() {
    let repo = TestRepo::new().executable("bin/repolens", FAKE);
    let program = lonely_wgx(&repo);
    let path = format!("{}:/usr/bin:/bin", repo.path().join("bin").display());
    let ran = lens(&program, repo.path()).env("PATH", &path).go();
    assert_eq!((ran.code, ran.stdout.ends_with("<a b><--level><dev>")), (3, true), "{ran:?}");
    let repo = repo.executable("alone/repolens", FAKE);
    let ran = lens(&program, repo.path()).env("PATH", &path).go();
    assert!(ran.stdout.contains("alone/repolens>"), "{ran:?}");
}

#[test]
fn a_missing_program_is_named_with_what_to_do() {
    let repo = TestRepo::new();
    let program = lonely_wgx(&repo);
    let ran = lens(&program, repo.path()).env("PATH", "/nowhere").go();
    assert_eq!(ran.code, 127);
    assert!(ran.stderr.contains("repolens lies neither beside wgx nor on the search path"));
    assert!(ran.stderr.contains("cargo install"), "{}", ran.stderr);
}
