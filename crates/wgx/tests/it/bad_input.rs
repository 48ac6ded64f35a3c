//! Files and places that nobody hopes for: a clear error, nothing executed, nothing lost, no panic.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use testkit::{Ran, Run, TestRepo, has_program, is_root, not_run};

use crate::world::{WGX, Wgx};

/// What must hold whatever was read: quick, no panic.
fn listed(repo: &TestRepo) -> Ran {
    let begin = Instant::now();
    let ran = repo.wgx(&["list", "--json"]);
    assert!(begin.elapsed() < Duration::from_secs(5), "it took {:?}", begin.elapsed());
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

/// The note about a file that could not be read.
fn broken_note(repo: &TestRepo) -> serde_json::Value {
    let report = listed(repo).json();
    assert_eq!(report["complete"], false);
    let notes = report["notes"].as_array().unwrap();
    notes.iter().find(|note| note["broken"] == true).expect("a broken file is said").clone()
}

#[test]
fn a_broken_profile_is_named_with_its_line() {
    let repo = TestRepo::new().profile("tasks:\n  a: x\n  b: [\n").file("Makefile", "m:\n\ttrue\n");
    let note = broken_note(&repo);
    assert_eq!(note["file"], ".wgx/profile.yml");
    assert!(note["line"].as_u64().is_some_and(|line| line >= 3), "{note}");
    let ran = repo.expect(0, &["list"]);
    assert!(ran.stdout.contains("make Makefile"), "the others are still listed: {}", ran.stdout);
    assert!(ran.stderr.contains(".wgx/profile.yml:"), "{}", ran.stderr);
    repo.expect(123, &["run", "a"]);
}

#[test]
fn bombs_deep_nests_and_huge_files_cost_an_error_and_no_time() {
    let mut bomb = String::from("tasks:\n  x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n");
    for depth in 1..12 {
        let aliases = vec![format!("*x{}", depth - 1); 10].join(",");
        bomb.push_str(&format!("  x{depth}: &x{depth} [{aliases}]\n"));
    }
    let deep = format!("tasks:\n  a: {}", "[".repeat(100_000));
    let huge = format!("tasks:\n  a: x\n{}", "# filler\n".repeat(4_000_000));
    let json = format!("{{\"scripts\": {}", "{\"a\":".repeat(100_000));
    for (name, text) in [
        (".wgx/profile.yml", bomb),
        (".wgx/profile.yml", deep),
        (".wgx/profile.yml", huge),
        ("package.json", json),
    ] {
        let repo = TestRepo::new().file(name, text);
        if name != "package.json" {
            assert_eq!(broken_note(&repo)["file"], name);
        }
        listed(&repo);
    }
}

#[test]
fn bytes_that_are_no_text_are_said() {
    let repo = TestRepo::new().file("justfile", b"a:\n  echo \0\nb:\n  echo b\n");
    listed(&repo);
    let repo = TestRepo::new().file("justfile", b"a:\n  echo \xff\xfe\n");
    assert_eq!(broken_note(&repo)["file"], "justfile");
}

#[test]
fn names_that_are_not_utf8_and_links_in_circles_do_no_harm() {
    let repo = TestRepo::new().justfile("a:\n  true\n");
    let odd = repo.path().join(OsStr::from_bytes(b"odd-\xff-name"));
    fs::write(&odd, "x").unwrap();
    fs::create_dir(repo.path().join("sub")).unwrap();
    symlink("..", repo.path().join("sub/loop")).unwrap();
    symlink("Makefile", repo.path().join("Makefile")).unwrap();
    let report = repo.expect(0, &["list", "--deep", "--json"]).json();
    assert_eq!(report["tasks"][0]["id"], "just:a", "{report}");
    assert_eq!(repo.expect(0, &["-C", "sub", "list"]).code, 0);
}

#[test]
fn a_pipe_in_place_of_a_task_file_does_not_hang() {
    let repo = TestRepo::new().file("Makefile", "m:\n\ttrue\n");
    let path = repo.path().join("justfile");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let report = listed(&repo).json();
    assert_eq!(report["tasks"][0]["id"], "make:m");
    assert_eq!(broken_note(&repo)["file"], "justfile");
}

/// A home that nobody may write: as root, wgx runs as a user without rights.
#[test]
fn a_read_only_home_can_be_read_and_a_run_says_why_it_does_not_start() {
    let repo = TestRepo::new().profile("tasks:\n  a: echo ran\n").open_for_all();
    repo.expect(0, &["run", "a"]);
    make_read_only(&repo.home());
    let call = |words: &[&str]| {
        let run = repo.run(WGX, words).env("HOME", "/");
        if is_root() { run.as_nobody().go() } else { run.go() }
    };
    let probe = repo.run("touch", &[repo.home().join("probe").to_str().unwrap()]);
    let probe = if is_root() { probe.as_nobody().go() } else { probe.go() };
    assert_ne!(probe.code, 0, "the home can be written, so this test would say nothing");
    let ran = call(&["runs", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(ran.json()["runs"].as_array().unwrap().len(), 1);
    let ran = call(&["run", "a"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
    assert!(ran.stderr.contains("HAUSKI_HOME"), "{}", ran.stderr);
    assert_eq!(call(&["list"]).code, 0);
    allow(&repo.home(), 0o755);
}

/// The database can be opened but not written: the starts of several at once are refused, one by one.
#[test]
fn a_start_among_several_that_cannot_be_recorded_ends_with_125() {
    let repo = TestRepo::new().profile("tasks:\n  a: echo ran\n  b: echo ran\n").open_for_all();
    repo.expect(0, &["run", "-p", "a", "b"]);
    open_all(&repo.home());
    allow(&repo.home().join("memory.sqlite"), 0o444);
    for words in [&["run", "-p", "a", "b"][..], &["run", "-p", "-k", "a", "b"]] {
        let run = repo.run(WGX, words).env("HOME", "/");
        let ran = if is_root() { run.as_nobody().go() } else { run.go() };
        assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("the run could not be recorded"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("cannot be opened"), "it was a start: {}", ran.stderr);
    }
    assert_eq!(repo.recorded().len(), 2);
}

fn open_all(folder: &std::path::Path) {
    allow(folder, 0o777);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { open_all(&path) } else { allow(&path, 0o666) }
    }
}

fn make_read_only(folder: &std::path::Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { make_read_only(&path) } else { allow(&path, 0o444) }
    }
    allow(folder, 0o555);
}

fn allow(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A disk of a few pages: wgx says that it is full, and what was recorded before stays.
#[test]
fn a_full_disk_is_said_and_nothing_that_was_recorded_is_lost() {
    let repo = TestRepo::new()
        .profile("tasks:\n  a: 'head -c 20000 /dev/urandom | od -An -tx1'\n  small: echo small\n");
    let disk = repo.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let script = r#"
mount -t tmpfs -o size=1m small "$DISK" || exit 99
export HAUSKI_HOME=$DISK/home
good=0
for n in $(seq 200); do
  "$WGX" run a > /dev/null 2> "$ROOT/errors"; code=$?
  if [ $code != 0 ]; then break; fi
  good=$((good + 1))
done
echo "code $code good $good"
kept=$("$WGX" runs --passed --limit 0 --json | grep -c '"id"')
echo "kept $kept"
"$WGX" memory check > /dev/null; echo "check $?"
"#;
    let words = ["--map-root-user", "--mount", "bash", "-c", script];
    let words = if is_root() { &words[1..] } else { &words[..] };
    if !has_program("unshare") {
        not_run("full disk", "there is no unshare here");
        return;
    }
    let ran = Run::new("unshare", repo.path())
        .args(words)
        .env("DISK", &disk)
        .env("WGX", WGX)
        .env("ROOT", repo.path())
        .go();
    if ran.code == 99 || ran.stderr.contains("unshare") {
        not_run("full disk", &format!("nobody may mount here: {}", ran.stderr));
        return;
    }
    let errors = fs::read_to_string(repo.path().join("errors")).unwrap();
    let number = |word: &str| -> u32 {
        let rest = ran.stdout.split(&format!("{word} ")).nth(1).unwrap_or_default();
        rest.split_whitespace().next().unwrap_or_default().parse().unwrap()
    };
    assert_eq!(number("code"), 125, "{}\n{errors}", ran.stdout);
    assert!(errors.to_lowercase().contains("no space left"), "{errors}");
    assert!(errors.contains("hint: free some space"), "{errors}");
    assert!(number("good") > 2, "{}", ran.stdout);
    assert_eq!(number("kept"), number("good"), "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(number("check"), 0, "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn a_database_of_a_newer_version_is_refused_and_stays() {
    let repo = TestRepo::new().profile("tasks: {a: echo ran}\n");
    repo.expect(0, &["run", "a"]);
    let path = repo.home().join("memory.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    bytes[63] += 100;
    fs::write(&path, &bytes).unwrap();
    let ran = repo.expect(125, &["run", "a"]);
    assert_eq!(ran.stdout, "", "nothing starts that cannot be recorded");
    assert!(ran.stderr.contains("update wgx"), "{}", ran.stderr);
    repo.expect(1, &["runs"]);
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(repo.call(&["--home", "elsewhere", "run", "a"]).go().code, 0);
}

#[test]
fn a_damaged_database_and_a_file_in_place_of_the_home_are_named() {
    let repo = TestRepo::new().profile("tasks: {a: echo ran}\n");
    fs::write(repo.home(), "a file").unwrap();
    let ran = repo.expect(125, &["run", "a"]);
    assert!(ran.stderr.contains("is not a folder"), "{}", ran.stderr);
    fs::remove_file(repo.home()).unwrap();
    fs::create_dir(repo.home()).unwrap();
    fs::write(repo.home().join("memory.sqlite"), "garbage ".repeat(2000)).unwrap();
    let ran = repo.expect(125, &["run", "a"]);
    assert!(ran.stderr.contains("memory.sqlite"), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was changed"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}
