//! repoagent on real clones: what it does, what it refuses, and that nothing is half done.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::TestRepo;

use super::{Agent, Fault};

/// A repository, an agent that may change it, and where the agent keeps its journal.
struct Scene {
    repo: TestRepo,
    state: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let repo = TestRepo::new()
            .file("src/lib.rs", "pub fn one() -> u32 {\n    1\n}\n")
            .file("README.md", "# Demo\n\nhello\n")
            .file(".gitignore", "target/\n")
            .file("target/out", "built\n")
            .git();
        Self { repo, state: tempfile::tempdir().unwrap() }
    }

    fn agent(&self) -> Agent {
        self.agent_with(&json!({ "commands": [{ "name": "list", "argv": ["ls"] }] })).unwrap()
    }

    fn agent_with(&self, more: &Value) -> Result<Agent, Fault> {
        let mut config = json!({
            "roots": [self.repo.path()], "write": true, "state": self.state.path(),
        });
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Agent::new(config, environment())
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.repo.path().join(path)).unwrap()
    }

    fn ask(&self, agent: &Agent, capability: &str, mut params: Value) -> Result<Value, Fault> {
        params["repo"] = json!(self.repo.path());
        agent.answer(capability, params)
    }
}

#[expect(clippy::disallowed_methods, reason = "a test looks at its own environment")]
fn environment() -> wgx_tasks::process::Variables {
    std::env::vars_os().collect()
}

const GOOD: &str = "\
diff --git a/src/lib.rs b/src/lib.rs
--- a/src/lib.rs
+++ b/src/lib.rs
@@ -1,3 +1,3 @@
 pub fn one() -> u32 {
-    1
+    2 - 1
 }
diff --git a/docs/new.md b/docs/new.md
new file mode 100644
--- /dev/null
+++ b/docs/new.md
@@ -0,0 +1 @@
+new
diff --git a/README.md b/README.md
deleted file mode 100644
--- a/README.md
+++ /dev/null
@@ -1,3 +0,0 @@
-# Demo
-
-hello
";

#[test]
fn a_patch_over_several_files_applies_and_is_taken_back() {
    let scene = Scene::new();
    let agent = scene.agent();
    let checked = scene.ask(&agent, "repo.patch", json!({"patch": GOOD, "check": true})).unwrap();
    assert_eq!(checked["applies"], true);
    assert_eq!(scene.read("README.md"), "# Demo\n\nhello\n");
    let applied = scene.ask(&agent, "repo.patch", json!({"patch": GOOD})).unwrap();
    assert_eq!(applied["files"].as_array().unwrap().len(), 3);
    assert_eq!(scene.read("src/lib.rs"), "pub fn one() -> u32 {\n    2 - 1\n}\n");
    assert_eq!(scene.read("docs/new.md"), "new\n");
    assert!(!scene.repo.path().join("README.md").exists());
    agent.answer("repo.revert", json!({"id": applied["id"]})).unwrap();
    assert_eq!(scene.read("src/lib.rs"), "pub fn one() -> u32 {\n    1\n}\n");
    assert_eq!(scene.read("README.md"), "# Demo\n\nhello\n");
    assert!(!scene.repo.path().join("docs/new.md").exists());
    let again = agent.answer("repo.revert", json!({"id": applied["id"]})).unwrap_err();
    assert!(again.message.contains("already"), "{}", again.message);
}

#[test]
fn one_hunk_that_does_not_fit_leaves_every_file_as_it_was() {
    let scene = Scene::new();
    let broken = GOOD.replace("-hello", "-something else");
    let fault = scene.ask(&scene.agent(), "repo.patch", json!({"patch": broken})).unwrap_err();
    assert!(fault.message.contains("README.md"), "{}", fault.message);
    assert_eq!(scene.read("src/lib.rs"), "pub fn one() -> u32 {\n    1\n}\n");
    assert!(!scene.repo.path().join("docs").exists());
}

#[test]
fn a_failure_while_files_are_replaced_takes_back_those_before_it() {
    if testkit::is_root() {
        // A folder cannot be made read-only for root: a file in the way of a folder does it instead.
        let scene = Scene::new();
        scene.repo.write("docs", "a file where the patch wants a folder\n");
        let agent = scene.agent();
        let fault = scene.ask(&agent, "repo.patch", json!({"patch": GOOD})).unwrap_err();
        assert!(fault.message.contains("docs/new.md"), "{}", fault.message);
        assert_eq!(scene.read("src/lib.rs"), "pub fn one() -> u32 {\n    1\n}\n");
        assert_eq!(scene.read("README.md"), "# Demo\n\nhello\n");
    }
}

#[test]
fn a_patch_that_a_crash_left_half_applied_is_taken_back_at_the_next_start() {
    let scene = Scene::new();
    let agent = scene.agent();
    let applied = scene.ask(&agent, "repo.patch", json!({"patch": GOOD})).unwrap();
    // As if the power had failed in the middle: one file is new, the journal says so.
    let id = applied["id"].as_str().unwrap();
    let entry = scene.state.path().join(id).join("entry.json");
    let text = fs::read_to_string(&entry).unwrap().replace("\"applied\"", "\"applying\"");
    fs::write(&entry, text).unwrap();
    drop(agent);
    let _ = scene.agent();
    assert_eq!(scene.read("src/lib.rs"), "pub fn one() -> u32 {\n    1\n}\n");
    assert_eq!(scene.read("README.md"), "# Demo\n\nhello\n");
    assert!(!scene.repo.path().join("docs/new.md").exists());
}

#[test]
fn a_file_that_changed_since_is_not_overwritten_by_taking_a_patch_back() {
    let scene = Scene::new();
    let agent = scene.agent();
    let applied = scene.ask(&agent, "repo.patch", json!({"patch": GOOD})).unwrap();
    scene.repo.write("src/lib.rs", "somebody's work\n");
    let fault = agent.answer("repo.revert", json!({"id": applied["id"]})).unwrap_err();
    assert!(fault.message.contains("changed since"), "{}", fault.message);
    assert_eq!(scene.read("src/lib.rs"), "somebody's work\n");
}

#[test]
fn nothing_outside_the_roots_is_read_or_written() {
    let scene = Scene::new();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "theirs\n").unwrap();
    symlink(outside.path(), scene.repo.path().join("away")).unwrap();
    symlink(outside.path().join("secret"), scene.repo.path().join("link")).unwrap();
    let agent = scene.agent();
    for path in
        ["../secret", "/etc/passwd", "away/secret", "link", ".git/config", "src/../../x", ""]
    {
        let fault = scene.ask(&agent, "repo.read", json!({"path": path}));
        assert!(fault.is_err(), "{path:?} was read: {fault:?}");
        let patch = format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+mine\n");
        let fault = scene.ask(&agent, "repo.patch", json!({"patch": patch}));
        assert!(fault.is_err(), "{path:?} was written: {fault:?}");
    }
    assert_eq!(fs::read_to_string(outside.path().join("secret")).unwrap(), "theirs\n");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    let elsewhere = json!({"repo": outside.path(), "path": "secret"});
    assert!(agent.answer("repo.read", elsewhere).unwrap_err().message.contains("declared roots"));
    let found = scene.ask(&agent, "repo.search", json!({"pattern": "theirs"})).unwrap();
    assert_eq!(found["hits"], json!([]));
}

#[test]
fn secrets_are_neither_shown_nor_brought_in() {
    let scene = Scene::new();
    let secret = concat!("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
    scene.repo.write("config.ini", format!("token = {secret}\nplain = 1\n"));
    let agent = scene.agent();
    let read = scene.ask(&agent, "repo.read", json!({"path": "config.ini"})).unwrap();
    assert!(!read.to_string().contains(secret) && read["secrets_masked"] == 1, "{read}");
    let found = scene.ask(&agent, "repo.search", json!({"pattern": "token"})).unwrap();
    assert!(!found.to_string().contains(secret), "{found}");
    let patch = format!("--- /dev/null\n+++ b/new.ini\n@@ -0,0 +1 @@\n+token = {secret}\n");
    let fault = scene.ask(&agent, "repo.patch", json!({"patch": patch})).unwrap_err();
    assert!(fault.message.contains("secret") && !fault.message.contains(secret));
    let paths = json!({"message": "Add", "paths": ["config.ini"]});
    assert!(scene.ask(&agent, "repo.commit", paths).unwrap_err().message.contains("secret"));
}

#[test]
fn commands_come_from_the_list_and_nowhere_else() {
    let scene = Scene::new();
    let agent = scene.agent();
    let listed = scene.ask(&agent, "repo.command", json!({"name": "list"})).unwrap();
    assert!(listed["stdout"].as_str().unwrap().contains("README.md"), "{listed}");
    for wrong in [json!({"name": "rm"}), json!({"name": "list", "args": ["-la"]})] {
        let fault = scene.ask(&agent, "repo.command", wrong).unwrap_err();
        assert_eq!(fault.code, contracts::hauski::protocol::code::FORBIDDEN);
    }
}

#[test]
fn a_commit_takes_exactly_the_named_files_and_runs_no_hook() {
    let scene = Scene::new();
    let hook = scene.repo.path().join(".git/hooks/pre-commit");
    scene.repo.write(".git/hooks/pre-commit", "#!/bin/sh\ntouch hooked\n");
    fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    scene.repo.write("one.txt", "1\n");
    scene.repo.write("two.txt", "2\n");
    let agent = scene.agent();
    let wish = json!({"message": "Add one", "paths": ["one.txt"]});
    let done = scene.ask(&agent, "repo.commit", wish).unwrap();
    assert!(done["commit"].is_string(), "{done}");
    assert!(!scene.repo.path().join("hooked").exists());
    let state = scene.ask(&agent, "repo.analyze", json!({})).unwrap();
    // The hook's own file lies in .git; `two.txt` is still new.
    assert_eq!(state["git"]["changes"], 1, "{state}");
}

#[test]
fn who_may_only_read_changes_nothing() {
    let scene = Scene::new();
    let agent = Agent::new(json!({"roots": [scene.repo.path()]}), environment()).unwrap();
    for (capability, params) in [
        ("repo.patch", json!({"patch": GOOD})),
        ("repo.commit", json!({"message": "x", "paths": ["README.md"]})),
        ("repo.command", json!({"name": "list"})),
    ] {
        let fault = scene.ask(&agent, capability, params).unwrap_err();
        assert_eq!(fault.code, contracts::hauski::protocol::code::FORBIDDEN, "{capability}");
    }
    let tree = scene.ask(&agent, "repo.tree", json!({"limit": 2})).unwrap();
    assert_eq!((&tree["total"], &tree["next"]), (&json!(3), &json!(2)), "ignored files stay out");
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let scene = Scene::new();
    for (wrong, named) in [
        (json!({"roots": [PathBuf::from("relative")]}), "relative"),
        (json!({"commands": [{"name": "x", "argv": []}]}), "commands: x"),
        (json!({"unknown": 1}), "unknown"),
    ] {
        let fault = scene.agent_with(&wrong).err().unwrap();
        assert!(fault.message.contains(named), "{}", fault.message);
    }
}

#[test]
fn a_draft_tells_commits_files_and_proof_without_a_model() {
    let scene = Scene::new();
    let commit = |message: &str| {
        scene.repo.run_git(&["add", "-A"]);
        scene.repo.run_git(&["commit", "-q", "-m", message]);
    };
    scene.repo.run_git(&["checkout", "-q", "-b", "feature/retry-failed-uploads"]);
    scene.repo.write("src/lib.rs", "pub fn one() -> u32 {\n    2\n}\n");
    commit("Retry uploads\n\nA lost connection ended them.");
    scene.repo.write("docs/retry.md", "How often, and when not.\n");
    commit("Say when uploads are tried again");
    let agent = scene.agent();
    let runs = json!([
        {"task": "test", "exit_code": 0, "started_at": "2026-11-21T10:00:00Z", "duration_ms": 1500, "id": "01234567-89ab-7cde"},
        {"task": "test", "exit_code": 1, "started_at": "2026-11-21T09:00:00Z", "id": "old"},
        {"task": "lint", "exit_code": 3, "started_at": "2026-11-21T09:30:00Z", "id": "other"},
    ]);
    let wish = json!({"runs": runs, "evidence": ["42-20261121.zip"]});
    let draft = scene.ask(&agent, "pr.draft", wish).unwrap();
    assert_eq!(draft["title"], "Retry failed uploads");
    let body = draft["body"].as_str().unwrap();
    for told in [
        "Retry uploads (",
        "A lost connection ended them.",
        "2 files, +2 −1",
        "`retry.md` +1 −0",
        "`test` passed on 2026-11-21T10:00:00Z, 1.5 s",
        "`lint` **failed** (exit code 3)",
        "evidence: `42-20261121.zip`",
    ] {
        assert!(body.contains(told), "{told:?} is missing in:\n{body}");
    }
    assert_eq!(body.matches("`test`").count(), 1, "only the newest run of a task counts");
    let nothing = scene.ask(&agent, "pr.draft", json!({"base": "HEAD"})).unwrap_err();
    assert_eq!(nothing.param, Some("base"));
    let option = scene.ask(&agent, "pr.draft", json!({"base": "--output=/tmp/x"})).unwrap_err();
    assert_eq!(option.param, Some("base"));
}
