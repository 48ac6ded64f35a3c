//! npm, pnpm, Yarn and bun.

use contracts::wgx::TaskSource::Npm;
use proptest::prelude::*;
use wgx_tasks::sources::{DiscoverOptions, discover};

use super::{TestRepo, command, ids, task};

#[test]
fn scripts_with_lines_and_descriptions() {
    let repo = TestRepo::new(&[(
        "package.json",
        r#"{
  "name": "shop",
  "scripts": {
    "//": "how we work",
    "//build": "bundle everything",
    "build": "tsc",
    "prebuild": "rimraf dist",
    "nothing": "",
    "wired": "wireit",
    "lint": "eslint .",
    "number": 3
  },
  "scripts-info": { "lint": "check the style" },
  "wireit": { "wired": { "command": "node wired.js" } }
}"#,
    )]);
    let tasks = repo.tasks(Npm);
    assert_eq!(ids(&tasks), ["//", "//build", "build", "prebuild", "nothing", "wired", "lint"]);
    let build = task(&tasks, "build");
    assert_eq!((build.task.line, build.task.file.as_str()), (6, "package.json"));
    assert_eq!(build.task.description.as_deref(), Some("bundle everything"));
    assert_eq!(build.commands, ["tsc"]);
    assert_eq!(command(build), "npm run build [--]");
    assert_eq!(task(&tasks, "lint").task.description.as_deref(), Some("check the style"));
    assert_eq!(task(&tasks, "wired").commands, ["node wired.js"]);
}

#[test]
fn the_manager_comes_from_the_manifest_then_from_lockfiles() {
    let bare = r#"{"scripts":{"t":"x"}}"#;
    let declared = r#"{"packageManager":"yarn@4.1.0","scripts":{"t":"x"}}"#;
    let engines = r#"{"devEngines":{"packageManager":{"name":"pnpm"}},"scripts":{"t":"x"}}"#;
    for (manifest, lockfile, expected) in [
        (bare, "other", "npm run t [--]"),
        (bare, "package-lock.json", "npm run t [--]"),
        (bare, "pnpm-lock.yaml", "pnpm run t"),
        (bare, "yarn.lock", "yarn run t"),
        (bare, "bun.lock", "bun run t"),
        (bare, "bun.lockb", "bun run t"),
        (declared, "package-lock.json", "yarn run t"),
        (engines, "package-lock.json", "pnpm run t"),
    ] {
        let repo = TestRepo::new(&[("package.json", manifest), (lockfile, "")]);
        assert_eq!(command(&repo.tasks(Npm)[0]), expected, "{lockfile}");
    }
}

fn member(name: &str) -> String {
    format!("{{\"name\":\"@shop/{name}\",\"scripts\":{{\"build\":\"tsc\"}}}}")
}

#[test]
fn members_of_workspaces() {
    let (a, b) = (member("a"), member("b"));
    let members = [
        ("packages/a/package.json", a.as_str()),
        ("packages/b/package.json", b.as_str()),
        ("packages/.hidden/package.json", &b),
        ("packages/a/node_modules/x/package.json", &b),
        ("packages/docs/readme", ""),
        ("other/package.json", &b),
    ];
    let list = r#"{"workspaces":["packages/*","!packages/b"]}"#;
    let map = r#"{"workspaces":{"packages":["./packages/{a,c}/"],"nohoist":["**"]}}"#;
    let plain = r#"{"scripts":{}}"#;
    let pnpm = "packages:\n  - '!**/b'\n  - packages/**\n";
    for (manifest, file, text) in [
        (list, "x", ""),
        (map, "x", ""),
        (plain, "pnpm-workspace.yaml", pnpm),
        (plain, "lerna.json", r#"{"packages":["packages/a"]}"#),
    ] {
        let mut files = members.to_vec();
        files.extend([("package.json", manifest), (file, text)]);
        let tasks = TestRepo::new(&files).tasks(Npm);
        assert_eq!(ids(&tasks), ["packages/a:build"], "{manifest} {text}");
        assert_eq!(tasks[0].task.group.as_deref(), Some("@shop/a"));
        assert_eq!(tasks[0].invocation.dir, "packages/a");
        assert_eq!(tasks[0].task.name, "build");
    }
}

#[test]
fn later_yarn_has_workspaces_inside_of_workspaces() {
    let outer = r#"{"packageManager":"yarn@3.0.0","workspaces":["a"]}"#;
    let repo = TestRepo::new(&[
        ("package.json", outer),
        ("a/package.json", r#"{"workspaces":["b"],"scripts":{"x":"1"}}"#),
        ("a/b/package.json", r#"{"scripts":{"y":"1"}}"#),
    ]);
    assert_eq!(ids(&repo.tasks(Npm)), ["a:x", "a/b:y"]);
}

#[test]
fn other_manifest_formats() {
    let json5 = TestRepo::new(&[("package.json5", "{scripts: {'go': 'x', /* c */ stop: \"y\",}}")]);
    assert_eq!(ids(&json5.tasks(Npm)), ["go", "stop"]);
    let yaml = TestRepo::new(&[("package.yaml", "scripts:\n  go: x\n"), ("pnpm-lock.yaml", "")]);
    assert_eq!(ids(&yaml.tasks(Npm)), ["go"]);
}

#[test]
fn broken_manifests_are_named_and_the_rest_is_listed() {
    let repo = TestRepo::new(&[
        ("package.json", r#"{"workspaces":["a","b","../c"],"scripts":{"x":"1"}}"#),
        ("a/package.json", "{\n\"scripts\": {,}}"),
        ("b/package.json", r#"{"scripts":["x"]}"#),
    ]);
    assert_eq!(ids(&repo.tasks(Npm)), ["x"]);
    let notes = repo.notes(Npm);
    assert_eq!(notes.len(), 3, "{notes:?}");
    assert!(notes[0].contains("`../c` lies outside"));
    assert!(notes[2].starts_with("`scripts` is a list"));
}

#[test]
fn the_listed_members_are_not_repeated_by_a_deep_search() {
    let repo = TestRepo::new(&[
        ("package.json", r#"{"workspaces":["a"]}"#),
        ("yarn.lock", ""),
        ("a/package.json", r#"{"scripts":{"x":"1"}}"#),
        ("demo/package.json", r#"{"scripts":{"y":"1"}}"#),
    ]);
    let options = DiscoverOptions { deep: true, ..DiscoverOptions::default() };
    let tasks = discover(repo.path(), &options).unwrap().tasks;
    assert_eq!(ids(&tasks), ["a:x", "demo:y"]);
    assert_eq!(command(&tasks[1]), "yarn run y");
}

proptest! {
    #[test]
    fn never_panics(text in r#"[{}\[\]":,a-c/*\\ \n]{0,120}"#, glob in "[ab*!{},/.]{0,20}") {
        let workspaces = format!("{{\"workspaces\":[{glob:?}],\"scripts\":{{\"a\":\"b\"}}}}");
        for manifest in [&text, &workspaces] {
            let repo = TestRepo::new(&[("package.json", manifest), ("a/b/package.json", "{}")]);
            let _ = repo.tasks(Npm);
        }
    }
}

#[test]
fn a_root_script_that_looks_like_a_members_keeps_the_id() {
    let repo = TestRepo::new(&[
        ("package.json", r#"{"workspaces":["site"],"scripts":{"site:dev":"x"}}"#),
        ("site/package.json", r#"{"scripts":{"dev":"y"}}"#),
    ]);
    let tasks = repo.tasks(Npm);
    assert_eq!(ids(&tasks), ["site:dev", "site/:dev"]);
}
