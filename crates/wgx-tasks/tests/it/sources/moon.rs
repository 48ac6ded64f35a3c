//! moon.

use contracts::wgx::TaskSource::Moon;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

#[test]
fn projects_as_a_map_a_list_or_both() {
    let moon = ("apps/web/moon.yml", "tasks:\n  build:\n    command: [vite, build]\n");
    for (projects, id) in [
        ("projects:\n  site: apps/web\n", "site"),
        ("projects: ['apps/*', '!apps/x']\n", "web"),
        ("projects: ['apps/*/moon.yml']\n", "web"),
        ("projects:\n  globs: ['apps/*']\n  sources: {}\n", "web"),
        ("projects:\n  globs: ['apps/*']\n  globFormat: source-path\n", "apps/web"),
    ] {
        let repo = TestRepo::new(&[(".moon/workspace.yml", projects), moon, ("apps/x/a", "")]);
        let tasks = repo.tasks(Moon);
        assert_eq!(ids(&tasks), [format!("{id}:build")], "{projects}");
        assert_eq!(tasks[0].task.line, 2);
        assert_eq!(command(&tasks[0]), format!("moon run {id}:build [--]"));
        assert_eq!(tasks[0].commands, ["vite build"]);
    }
}

#[test]
fn tasks_are_inherited_by_traits_of_the_project() {
    let shared = |name: &str| format!("tasks:\n  {name}:\n    command: x\n");
    let by = "inheritedBy:\n  toolchains: [rust]\n  layers: [library]\ntasks:\n  crates: x\n";
    let (all, node, tag, lib) = (shared("all"), shared("node"), shared("tagged"), shared("lib"));
    let own = "id: shop\ntype: library\ntags: [docs]\ntasks:\n  own:\n    command: x\n    \
               description: mine\n  secret:\n    options:\n      internal: true\nworkspace:\n  \
               inheritedTasks:\n    exclude: [gone]\n";
    let repo = TestRepo::new(&[
        (".moon/workspace.yml", "projects: [a, b]\n"),
        (".moon/tasks.yml", &format!("{all}  gone: x\n")),
        (".moon/tasks/node.yml", &node),
        (".moon/tasks/node-library.yml", &lib),
        (".moon/tasks/tag-docs.yml", &tag),
        (".moon/tasks/rust.yml", &shared("cargo")),
        (".moon/tasks/own/crates.yml", by),
        ("a/package.json", "{}"),
        ("a/moon.yml", own),
        ("b/Cargo.toml", ""),
        ("b/moon.yml", "layer: library\n"),
    ]);
    let tasks = repo.tasks(Moon);
    let mut names = ids(&tasks);
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "b:all",
            "b:cargo",
            "b:crates",
            "b:gone",
            "shop:all",
            "shop:lib",
            "shop:node",
            "shop:own",
            "shop:tagged"
        ]
    );
    assert_eq!(task(&tasks, "shop:own").task.description.as_deref(), Some("mine"));
    assert_eq!(task(&tasks, "shop:node").task.file, ".moon/tasks/node.yml");
}

#[test]
fn what_is_not_followed_is_said() {
    let repo = TestRepo::new(&[
        (".moon/workspace.yml", "extends: 'https://x/y.yml'\nprojects: {a: ../a}\n"),
        (".moon/tasks.yml", "extends: './more.yml'\n"),
        (".moon/toolchain.yml", "node:\n  inferTasksFromScripts: true\n"),
    ]);
    assert_eq!(repo.notes(Moon).len(), 4);
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&["projects:", "tasks:", "\n", "  ", "a:", "- ", "x", "'**'", "inheritedBy:", "[", "]"])
    ) {
        TestRepo::new(&[
            (".moon/workspace.yml", "projects: ['*']\n"),
            (".moon/tasks.yml", &text),
            ("a/moon.yml", &text),
        ])
        .tasks(Moon);
        TestRepo::new(&[(".moon/workspace.yml", &text)]).tasks(Moon);
    }
}
