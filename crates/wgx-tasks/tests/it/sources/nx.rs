//! Nx.

use contracts::wgx::TaskSource::Nx;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

#[test]
fn targets_of_projects_and_packages() {
    let shop = r#"{
  "name": "shop",
  "targets": {
    "build": { "executor": "x", "metadata": { "description": "bundles" } },
    "seed": { "command": "node seed.js" }
  }
}"#;
    let lib = r#"{"name": "@x/lib", "scripts": {"test": "jest", "lint": "eslint"},
        "nx": {"targets": {"docs": {}}, "includedScripts": ["test"]}}"#;
    let repo = TestRepo::new(&[
        ("nx.json", r#"{"targetDefaults": {"build": {}}, "plugins": ["@nx/vite"]}"#),
        (
            "package.json",
            r#"{"workspaces": ["libs/*"], "scripts": {"root": "x"}, "devDependencies": {"nx": "1"}}"#,
        ),
        ("apps/shop/project.json", shop),
        ("apps/plain/project.json", r#"{"projectType": "application", "architect": {"e2e": {}}}"#),
        ("libs/lib/package.json", lib),
        ("libs/ignored/package.json", r#"{"scripts": {"no": "x"}}"#),
        ("node_modules/z/project.json", shop),
        (".nxignore", "libs/ignored\n"),
    ]);
    let tasks = repo.tasks(Nx);
    assert_eq!(ids(&tasks), ["plain:e2e", "shop:build", "shop:seed", "@x/lib:docs", "@x/lib:test"]);
    let build = task(&tasks, "shop:build");
    assert_eq!((build.task.line, build.task.file.as_str()), (4, "apps/shop/project.json"));
    assert_eq!(build.task.description.as_deref(), Some("bundles"));
    assert_eq!(build.task.group.as_deref(), Some("shop"));
    assert_eq!(command(build), "npx --no-install nx run shop:build");
    assert_eq!(task(&tasks, "shop:seed").commands, ["node seed.js"]);
    assert_eq!(repo.notes(Nx), ["plugins of Nx infer targets from other files"]);
}

#[test]
fn the_root_is_a_project_when_it_says_so() {
    let repo = TestRepo::new(&[
        ("nx.json", "{}"),
        ("package.json", r#"{"name": "all", "nx": {}, "scripts": {"x": "1"}}"#),
    ]);
    assert_eq!(ids(&repo.tasks(Nx)), ["all:x"]);
}

#[test]
fn a_target_with_nothing_to_do_is_dropped_as_nx_drops_it() {
    let targets = r#"{"name": "a", "targets": {"// a comment": {}, "empty": {"outputs": ["x"]},
        "given": {}, "cached": {}, "after": {"dependsOn": ["^build"]}, "build": {"executor": "x"}}}"#;
    let defaults = r#""targetDefaults": {"given": {"executor": "y"}, "cached": {"cache": true}}"#;
    let config = format!("{{{defaults}}}");
    let repo = TestRepo::new(&[("nx.json", &config), ("a/project.json", targets)]);
    assert_eq!(ids(&repo.tasks(Nx)), ["a:given", "a:after", "a:build"]);
    // A plugin may fill what is empty, but no comment.
    repo.write("nx.json", &format!("{{\"plugins\": [\"@nx/vite\"], {defaults}}}"));
    let names = ids(&repo.tasks(Nx)).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names, ["a:empty", "a:given", "a:cached", "a:after", "a:build"]);
}

#[test]
fn older_workspaces_list_their_projects() {
    let listed =
        r#"{"projects": {"a": {"architect": {"build": {"builder": "x"}}}, "b": "libs/b"}}"#;
    for file in ["workspace.json", "angular.json"] {
        let repo = TestRepo::new(&[
            ("nx.json", "{}"),
            (file, listed),
            ("libs/b/project.json", r#"{"name": "b", "targets": {"test": {"executor": "x"}}}"#),
        ]);
        assert_eq!(ids(&repo.tasks(Nx)), ["b:test", "a:build"]);
    }
    let alone = TestRepo::new(&[("angular.json", listed)]);
    assert!(alone.tasks(Nx).is_empty(), "without nx.json it is no workspace of Nx");
}

proptest! {
    #[test]
    fn never_panics(text in mutations(&["{", "}", "\"targets\"", "\"name\"", ":", ",", "[", "]", "\"nx\""])) {
        TestRepo::new(&[("nx.json", "{}"), ("a/project.json", &text), ("package.json", &text)]).tasks(Nx);
    }
}
