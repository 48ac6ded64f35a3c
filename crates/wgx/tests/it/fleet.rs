//! The fleet: which repositories are remembered, and how each of them stands.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::Value;
use testkit::{Ran, Run, TestRepo};

use crate::world::{WGX, Wgx};

/// Many repositories below one folder, and a person who stands in it.
struct Fleet {
    /// Holds the folder and the memory; itself no repository.
    world: TestRepo,
}

impl Fleet {
    fn new() -> Self {
        Self { world: TestRepo::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.world.path()).unwrap().join(name)
    }

    fn git(&self, name: &str, words: &[&str]) -> Ran {
        let ran = self.try_git(name, words);
        assert_eq!(ran.code, 0, "git {words:?}: {}", ran.stderr);
        ran
    }

    fn try_git(&self, name: &str, words: &[&str]) -> Ran {
        let person = ["-c", "user.name=T", "-c", "user.email=t@example.org"];
        Run::new("git", &self.path(name))
            .args(person)
            .args(words)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .go()
    }

    /// A repository with one commit of the file `file`.
    fn repository(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        self.git(name, &["init", "-q", "-b", "main"]);
        self.commit(name, "one\n");
        path
    }

    fn commit(&self, name: &str, content: &str) {
        fs::write(self.path(name).join("file"), content).unwrap();
        self.git(name, &["add", "-A"]);
        // The name keeps first commits of the same second apart: they are the keys here.
        self.git(name, &["commit", "-q", "-m", &format!("of {name}")]);
    }

    fn add(&self, names: &[&str]) {
        let paths: Vec<String> =
            names.iter().map(|name| self.path(name).to_string_lossy().into_owned()).collect();
        let words: Vec<&str> = paths.iter().map(String::as_str).collect();
        self.world.expect(0, &[&["fleet", "add"], &words[..]].concat());
    }

    fn status(&self) -> Value {
        self.world.wgx(&["fleet", "status", "--json"]).json()
    }

    /// The row of the repository at this place.
    fn row(&self, name: &str) -> Value {
        let root = self.path(name).to_string_lossy().into_owned();
        let report = self.status();
        let rows = report["repositories"].as_array().unwrap();
        rows.iter().find(|row| row["root"] == root.as_str()).unwrap().clone()
    }

    fn roots(&self) -> Vec<String> {
        roots(&self.world.report(&["fleet", "ls"]))
    }
}

fn roots(report: &Value) -> Vec<String> {
    let rows = report["repositories"].as_array().unwrap().iter();
    rows.map(|row| row["root"].as_str().unwrap().to_owned()).collect()
}

fn count(row: &Value, field: &str) -> u64 {
    row["state"][field].as_u64().unwrap_or_else(|| panic!("{field} in {row}"))
}

#[test]
fn clean_and_dirty_are_told_apart_and_counted() {
    let fleet = Fleet::new();
    for name in ["clean", "dirty"] {
        fleet.repository(name);
    }
    let dirty = fleet.path("dirty");
    fs::write(dirty.join("staged"), "x").unwrap();
    fleet.git("dirty", &["add", "staged"]);
    fs::write(dirty.join("file"), "two\n").unwrap();
    fs::create_dir(dirty.join("new folder")).unwrap();
    fs::write(dirty.join("new folder/a"), "x").unwrap();
    fs::write(dirty.join("new folder/b"), "x").unwrap();
    fleet.git("clean", &["stash", "list"]);
    fleet.add(&["clean", "dirty"]);
    let clean = fleet.row("clean");
    assert_eq!(clean["state"]["branch"], "main");
    assert_eq!(clean["state"]["commit"].as_str().unwrap().len(), 40);
    assert_eq!(clean["key"].as_str().unwrap().len(), 64);
    for field in ["staged", "unstaged", "untracked", "conflicts", "stashes", "ahead", "behind"] {
        assert_eq!(count(&clean, field), 0, "{field}");
    }
    let dirty = fleet.row("dirty");
    let counts = ["staged", "unstaged", "untracked"].map(|field| count(&dirty, field));
    assert_eq!(counts, [1, 1, 1]);
    let text = fleet.world.expect(0, &["fleet", "status", "--only", "dirty"]).stdout;
    assert!(text.contains("dirty") && text.contains("1 staged, 1 changed, 1 new"), "{text}");
    assert!(text.contains("1 of 2 left out: not dirty"), "{text}");
    fleet.git("dirty", &["stash", "-q", "-u"]);
    assert_eq!(count(&fleet.row("dirty"), "stashes"), 1);
}

#[test]
fn ahead_behind_and_a_lost_upstream_are_told() {
    let fleet = Fleet::new();
    fleet.repository("origin");
    fs::create_dir(fleet.path("in")).unwrap();
    fleet.git("in", &["clone", "-q", "../origin", "clone"]);
    // The repository's own wish to leave the counts out is not ours.
    fleet.git("in/clone", &["config", "status.aheadBehind", "false"]);
    for _ in 0..3 {
        fleet.git("origin", &["commit", "-q", "--allow-empty", "-m", "theirs"]);
    }
    fleet.git("in/clone", &["fetch", "-q"]);
    fleet.git("in/clone", &["commit", "-q", "--allow-empty", "-m", "ours"]);
    fleet.add(&["in/clone", "origin"]);
    let row = fleet.row("in/clone");
    assert_eq!(row["state"]["upstream"], "origin/main");
    assert_eq!((count(&row, "ahead"), count(&row, "behind")), (1, 3));
    let text = fleet.world.expect(0, &["fleet", "status", "--only", "behind"]).stdout;
    assert!(text.contains("↑1 ahead  ↓3 behind"), "{text}");
    assert!(!text.contains("origin  "), "{text}");
    fleet.git("in/clone", &["update-ref", "-d", "refs/remotes/origin/main"]);
    let report = fleet.status();
    let note = report["notes"][0].as_str().unwrap();
    assert!(note.contains("its upstream origin/main is not there"), "{report}");
}

#[test]
fn conflicts_detached_heads_and_repositories_without_commits_are_states() {
    let fleet = Fleet::new();
    fleet.repository("conflict");
    fleet.git("conflict", &["checkout", "-q", "-b", "other"]);
    fleet.commit("conflict", "theirs\n");
    fleet.git("conflict", &["checkout", "-q", "main"]);
    fleet.commit("conflict", "ours\n");
    assert_ne!(fleet.try_git("conflict", &["merge", "other"]).code, 0);
    fleet.repository("detached");
    fleet.git("detached", &["checkout", "-q", "--detach"]);
    fs::create_dir(fleet.path("empty")).unwrap();
    fleet.git("empty", &["init", "-q", "-b", "main"]);
    fleet.add(&["conflict", "detached", "empty"]);
    let row = fleet.row("conflict");
    assert_eq!((count(&row, "conflicts"), count(&row, "unstaged")), (1, 0));
    assert_eq!(row["state"]["operation"], "merge");
    let row = fleet.row("detached");
    assert!(row["state"]["branch"].is_null() && row["state"]["commit"].is_string(), "{row}");
    let row = fleet.row("empty");
    assert_eq!(row["state"]["branch"], "main");
    assert!(row["state"]["commit"].is_null() && row["key"].is_string(), "{row}");
    let text = fleet.world.expect(0, &["fleet"]).stdout;
    for words in ["merge in progress, 1 in conflict", "detached at ", "main, no commit yet"] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }
}

#[test]
fn a_broken_or_missing_repository_is_kept_and_hides_no_other() {
    let fleet = Fleet::new();
    for name in ["broken", "gone", "unmade", "well"] {
        fleet.repository(name);
    }
    fleet.add(&["broken", "gone", "unmade", "well"]);
    fs::write(fleet.path("broken").join(".git/index"), "no index").unwrap();
    fs::remove_dir_all(fleet.path("gone")).unwrap();
    fs::remove_dir_all(fleet.path("unmade").join(".git")).unwrap();
    let ran = fleet.world.expect(1, &["fleet", "status", "--json"]);
    assert_eq!(roots(&ran.json()).len(), 4);
    assert!(fleet.row("well")["state"].is_object());
    for (name, problem) in [
        ("broken", "git failed: "),
        ("gone", "the folder is gone"),
        ("unmade", "it is no git work tree any more"),
    ] {
        let row = fleet.row(name);
        assert!(row["state"].is_null(), "{row}");
        assert!(row["problem"].as_str().unwrap().starts_with(problem), "{row}");
        assert!(!row["hint"].as_str().unwrap().is_empty(), "{row}");
    }
    // What cannot be read may be anything, so no filter hides it.
    let only = fleet.world.expect(1, &["fleet", "status", "--only", "red"]).stdout;
    assert!(only.contains("the folder is gone") && !only.contains("well"), "{only}");
    fleet.world.expect(0, &["fleet", "rm", "gone"]);
    assert_eq!(fleet.roots().len(), 3);
    fleet.world.expect(2, &["fleet", "rm", "gone"]);
}

#[test]
fn only_work_trees_are_added_and_a_wrong_path_adds_nothing() {
    let fleet = Fleet::new();
    fleet.repository("good");
    fleet.git("", &["init", "-q", "--bare", "bare.git"]);
    fs::create_dir(fleet.path("plain")).unwrap();
    for (wrong, words) in [
        ("bare.git", "is a bare repository"),
        ("plain", "is in no git work tree"),
        ("missing", "is not a folder that can be read"),
        ("good/file", "is not a folder that can be read"),
    ] {
        let ran = fleet.world.expect(2, &["fleet", "add", "good", wrong]);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("hint: "), "{}", ran.stderr);
    }
    assert_eq!(fleet.roots(), [] as [&str; 0]);
    let ran = fleet.world.expect(1, &["fleet", "add", "--scan", "plain"]);
    assert!(ran.stdout.contains("no git work tree was found"), "{}", ran.stdout);
    assert!(!fleet.world.home().exists(), "looking writes nothing");
}

#[test]
fn adding_twice_changes_nothing_and_any_folder_inside_is_the_same() {
    let fleet = Fleet::new();
    let root = fleet.repository("app");
    fs::create_dir(root.join("src")).unwrap();
    let add = |words: &[&str]| fleet.world.report(&[&["fleet", "add"], words].concat());
    assert_eq!(add(&["app"])["notes"][0], "1 added, 0 already there");
    assert_eq!(add(&["app/src", "app"])["notes"][0], "0 added, 1 already there");
    std::os::unix::fs::symlink("app", fleet.path("link")).unwrap();
    assert_eq!(add(&["link"])["notes"][0], "0 added, 1 already there");
    assert_eq!(fleet.roots(), [root.to_string_lossy()]);
    fleet.world.expect(0, &["-C", "app/src", "fleet", "rm", "."]);
    assert_eq!(fleet.roots(), [] as [&str; 0]);
}

#[test]
fn odd_names_are_kept_as_they_are_and_steer_no_terminal() {
    let fleet = Fleet::new();
    let names = ["with blanks", "with\nnewline", "with \u{1b}[31mred", "-x", "a'b\"c"];
    for name in names {
        fleet.repository(name);
    }
    let found = fleet.world.report(&["fleet", "add", "--scan"]);
    assert_eq!(roots(&found).len(), names.len(), "{found}");
    for name in names {
        assert!(fleet.row(name)["state"].is_object(), "{name:?}");
    }
    let text = fleet.world.expect(0, &["fleet", "--color", "never"]).stdout;
    assert_eq!(text.lines().count(), names.len(), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    fleet.world.expect(0, &["fleet", "rm", "with\nnewline"]);
    fleet.world.expect(0, &["fleet", "rm", "--", "-x"]);
    assert_eq!(fleet.roots().len(), names.len() - 2);
}

#[test]
fn a_path_that_is_no_text_is_refused_and_counted() {
    use std::os::unix::ffi::OsStrExt;
    let fleet = Fleet::new();
    let path = fleet.path("").join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir_all(path.join(".git")).unwrap();
    fs::write(path.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    let ran = Run::new(WGX, &path).args(["fleet", "add"]).env("HAUSKI_HOME", fleet.world.home());
    let ran = ran.go();
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("not UTF-8"), "{}", ran.stderr);
    let scan = fleet.world.expect(1, &["fleet", "add", "--scan"]).stdout;
    assert!(scan.contains("not added: 1 whose path is not UTF-8"), "{scan}");
}

#[test]
fn two_of_one_name_need_their_path() {
    let fleet = Fleet::new();
    for name in ["a/app", "b/app"] {
        fleet.repository(name);
    }
    fleet.world.expect(0, &["fleet", "add", "--scan"]);
    let text = fleet.world.expect(0, &["fleet"]).stdout;
    assert!(text.contains("a/app") && text.contains("b/app"), "{text}");
    let ran = fleet.world.expect(2, &["fleet", "rm", "app"]);
    let both = ["a/app", "b/app"].map(|name| fleet.path(name).to_string_lossy().into_owned());
    assert!(both.iter().all(|root| ran.stderr.contains(root)), "{}", ran.stderr);
    fleet.world.expect(0, &["fleet", "rm", "a/app"]);
    fleet.world.expect(0, &["fleet", "rm", "app"]);
    assert_eq!(fleet.roots(), [] as [&str; 0]);
}

#[test]
fn a_linked_worktree_is_a_repository_of_its_own_with_the_same_history() {
    let fleet = Fleet::new();
    let main = fleet.repository("main");
    fleet.git("main", &["worktree", "add", "-q", "../linked", "-b", "side"]);
    let linked = fleet.path("linked");
    fs::write(linked.join("new"), "x").unwrap();
    fleet.world.expect(0, &["-C", "linked", "fleet", "add"]);
    fleet.world.expect(0, &["-C", "main", "fleet", "add"]);
    assert_eq!(fleet.roots(), [linked, main].map(|path| path.to_string_lossy().into_owned()));
    let (linked, main) = (fleet.row("linked"), fleet.row("main"));
    assert_eq!((&linked["state"]["branch"], count(&linked, "untracked")), (&"side".into(), 1));
    assert_eq!((&main["state"]["branch"], count(&main, "untracked")), (&"main".into(), 0));
    assert_eq!(linked["key"], main["key"]);
}

#[test]
fn the_last_run_is_told_from_either_memory() {
    let fleet = Fleet::new();
    for name in ["red", "green", "own"] {
        let root = fleet.repository(name);
        fs::create_dir(root.join(".wgx")).unwrap();
        let tasks = "tasks:\n  good: 'true'\n  bad: exit 3\n";
        fs::write(root.join(".wgx/profile.yml"), tasks).unwrap();
    }
    fs::create_dir(fleet.path("own/.hauski")).unwrap();
    fleet.world.expect(0, &["-C", "green", "run", "good"]);
    fleet.world.expect(3, &["-C", "red", "run", "bad"]);
    // Without a named home a repository's own folder counts, and the person's is found by XDG.
    let data = fleet.world.home();
    let call = |folder: &str, words: &[&str]| {
        let run = Run::new(WGX, &fleet.path(folder)).args(words);
        run.env("XDG_DATA_HOME", data.parent().unwrap()).go()
    };
    fs::rename(fleet.world.home(), data.with_file_name("hauski")).unwrap();
    assert_eq!(call("own", &["run", "bad"]).code, 3);
    assert!(fleet.path("own/.hauski/memory.sqlite").exists());
    assert_eq!(call("", &["fleet", "add", "--scan"]).code, 0);
    let report = call("", &["fleet", "status", "--json"]).json();
    let last = |name: &str| {
        let rows = report["repositories"].as_array().unwrap();
        let run = &rows.iter().find(|row| row["name"] == name).unwrap()["last_run"];
        (run["task"].as_str().unwrap().to_owned(), run["exit_code"].as_i64().unwrap())
    };
    assert_eq!(last("green"), ("profile:good".to_owned(), 0));
    assert_eq!(last("red"), ("profile:bad".to_owned(), 3));
    assert_eq!(last("own"), ("profile:bad".to_owned(), 3));
    let red = call("", &["fleet", "status", "--only", "red"]).stdout;
    assert!(red.contains("exit 3, ") && red.contains(": profile:bad"), "{red}");
    assert!(!red.contains("green") && red.contains("1 of 3 left out: not red"), "{red}");
    let off = call("", &["fleet", "status", "--only", "red", "--use-memory=off"]).stdout;
    assert!(off.contains("3 of 3 left out"), "{off}");
}

/// A program that leaves a trace when it runs.
fn trap(folder: &Path, name: &str) -> String {
    let program = folder.join(format!("trap-{name}"));
    let trace = folder.join(format!("ran-{name}"));
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", trace.display())).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    program.to_string_lossy().into_owned()
}

#[test]
fn nothing_that_a_repository_names_is_started() {
    let fleet = Fleet::new();
    let root = fleet.repository("hostile");
    let traps = fleet.path("traps");
    fs::create_dir(&traps).unwrap();
    let traced = || {
        fs::read_dir(&traps)
            .unwrap()
            .any(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("ran-"))
    };
    for (key, name) in [
        ("core.fsmonitor", "fsmonitor"),
        ("core.pager", "pager"),
        ("core.sshCommand", "ssh"),
        ("filter.evil.clean", "clean"),
        ("filter.evil.process", "process"),
        ("diff.external", "diff"),
        ("alias.status", "alias"),
    ] {
        let program = trap(&traps, name);
        let value = if key == "alias.status" { format!("!{program}") } else { program };
        fleet.git("hostile", &["config", key, &value]);
    }
    for hook in ["post-index-change", "fsmonitor-watchman", "post-checkout"] {
        fs::create_dir_all(root.join(".git/hooks")).unwrap();
        fs::copy(traps.join("trap-pager"), root.join(".git/hooks").join(hook)).unwrap();
    }
    fleet.git("hostile", &["config", "remote.origin.url", "ext::sh -c touch% ran-remote"]);
    fs::write(root.join(".gitattributes"), "* filter=evil\n").unwrap();
    fs::write(root.join("file"), "two\n").unwrap();
    let index = fs::read(root.join(".git/index")).unwrap();
    fleet.world.expect(0, &["fleet", "add", "--scan"]);
    fleet.world.expect(0, &["fleet", "ls"]);
    let row = fleet.row("hostile");
    assert_eq!(count(&row, "unstaged"), 1, "{row}");
    assert!(!traced(), "a program of the repository was started");
    assert_eq!(fs::read(root.join(".git/index")).unwrap(), index, "status writes no index");
    fleet.try_git("hostile", &["status"]);
    assert!(traced(), "the traps are no traps");
}

#[test]
fn many_repositories_are_asked_at_once() {
    let fleet = Fleet::new();
    for at in 0..40 {
        fleet.repository(&format!("r{at:02}"));
    }
    fleet.world.expect(0, &["fleet", "add", "--scan"]);
    let begin = Instant::now();
    let report = fleet.status();
    let rows = report["repositories"].as_array().unwrap();
    assert!(rows.len() == 40 && rows.iter().all(|row| row["state"].is_object()), "{report}");
    // No budget, which a busy machine would break: only that 40 time limits do not add up.
    assert!(begin.elapsed().as_secs() < 60, "{:?}", begin.elapsed());
}

#[test]
fn names_are_offered_to_a_shell_and_an_empty_fleet_says_what_to_do() {
    let fleet = Fleet::new();
    let text = fleet.world.expect(0, &["fleet"]).stdout;
    assert!(text.contains("wgx fleet add"), "{text}");
    for name in ["alpha", "a/same", "b/same", "with blank"] {
        fleet.repository(name);
    }
    fleet.world.expect(0, &["fleet", "add", "--scan"]);
    let offered = fleet
        .world
        .call(&["--", "wgx", "fleet", "rm", ""])
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "3")
        .env("_CLAP_IFS", "\n")
        .go()
        .stdout;
    let offered: Vec<&str> = offered.lines().collect();
    assert!(offered.contains(&"alpha"), "{offered:?}");
    assert!(offered.iter().any(|word| word.ends_with("/a/same")), "{offered:?}");
    assert!(!offered.contains(&"same"), "{offered:?}");
    assert!(!offered.iter().any(|word| word.contains("with blank")), "a shell splits it");
}
