//! Deno.

use contracts::wgx::TaskSource::Deno;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

#[test]
fn strings_objects_and_comments() {
    let config = r#"{
  // how we work
  "tasks": {
    "dev": "deno run main.ts",
    "all": { "dependencies": ["dev"] },
    "check": { "command": "deno check .", "description": "check the types" },
  }
}"#;
    for file in ["deno.json", "deno.jsonc"] {
        let tasks = TestRepo::new(&[(file, config)]).tasks(Deno);
        assert_eq!(ids(&tasks), ["dev", "all", "check"]);
        assert_eq!(tasks[0].task.line, 4);
        assert_eq!(command(&tasks[0]), "deno task dev");
        assert_eq!(tasks[2].task.description.as_deref(), Some("check the types"));
        assert_eq!(tasks[2].commands, ["deno check ."]);
    }
}

#[test]
fn members_of_a_workspace() {
    for workspace in [r#"["./a", "libs/*"]"#, r#"{"members": ["a", "libs/b"]}"#] {
        let root = format!(r#"{{"workspace": {workspace}, "tasks": {{"x": "1"}}}}"#);
        let repo = TestRepo::new(&[
            ("deno.json", &root),
            ("a/deno.jsonc", r#"{"name": "@x/a", "tasks": {"y": "1"}}"#),
            ("libs/b/deno.json", r#"{"tasks": {"z": "1"}}"#),
            ("other/deno.json", r#"{"tasks": {"no": "1"}}"#),
        ]);
        let tasks = repo.tasks(Deno);
        assert_eq!(ids(&tasks), ["x", "a:y", "libs/b:z"]);
        assert_eq!(task(&tasks, "a:y").task.group.as_deref(), Some("@x/a"));
        assert_eq!(task(&tasks, "a:y").invocation.dir, "a");
    }
}

#[test]
fn members_of_a_package_workspace_count_too() {
    let repo = TestRepo::new(&[
        ("deno.json", r#"{"tasks": {"x": "1"}}"#),
        ("package.json", r#"{"workspaces": ["a"], "scripts": {"s": "1"}}"#),
        ("a/package.json", "{}"),
        ("a/deno.json", r#"{"tasks": {"y": "1"}}"#),
    ]);
    assert_eq!(ids(&repo.tasks(Deno)), ["x", "a:y"]);
}

#[test]
fn faults_are_named() {
    let repo = TestRepo::new(&[("deno.json", r#"{"workspace": ["../x"], "tasks": ["x"]}"#)]);
    assert_eq!(
        repo.notes(Deno),
        ["`tasks` is a list, not a map", "the workspace `../x` lies outside of the repository"]
    );
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&["{", "}", "[", "]", "\"tasks\"", "\"workspace\"", ":", ",", "\"**\"", "//"])
    ) {
        TestRepo::new(&[("deno.json", &text), ("a/deno.json", &text)]).tasks(Deno);
    }
}
