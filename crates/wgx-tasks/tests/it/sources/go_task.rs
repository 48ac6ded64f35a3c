//! go-task: task forms, namespaces, includes.

use contracts::wgx::TaskSource::Task;
use proptest::prelude::*;
use wgx_tasks::task::Program;

use super::{TestRepo, mutations};

#[test]
fn the_first_file_name_wins() {
    let task = |name: &str| format!("version: '3'\ntasks:\n  {name}: echo\n");
    let repo = TestRepo::new(&[("taskfile.dist.yaml", &task("a"))]);
    assert_eq!(repo.names(Task), ["a"]);
    repo.write("Taskfile.yaml", &task("b"));
    assert_eq!(repo.names(Task), ["b"]);
    repo.write("taskfile.yml", &task("c"));
    assert_eq!(repo.names(Task), ["c"]);
    repo.write("Taskfile.yml", &task("d"));
    assert_eq!(repo.names(Task), ["d"]);
}

#[test]
fn tasks_in_all_their_forms() {
    let repo = TestRepo::new(&[(
        "Taskfile.yml",
        "version: '3'\nvars: {NAME: app, BIN: '{{.NAME}}.bin', SHA: {sh: date}}\ntasks:\n  short: go build\n  list: [one, two]\n  nothing:\n  full:\n    desc: Build {{.BIN}} for {{.TASK}}\n    aliases: [f, g]\n    label: shown\n    prompt: sure?\n    platforms: [windows]\n    requires:\n      vars: [A, {name: B, enum: [x]}]\n    cmds:\n      - cmd: make\n      - task: short\n      - defer: rm x\n      - for: [a]\n        cmd: echo {{.ITEM}}\n  hidden: {internal: true, cmd: x}\n  summed:\n    summary: |\n      First line.\n\n      More.\n    cmd: one {{.SHA}}\n  raw: {desc: 'at {{.SHA}}'}\n  start:*: echo\n",
    )]);
    let tasks = repo.tasks(Task);
    let shown: Vec<_> = tasks
        .iter()
        .map(|found| (&*found.task.name, found.task.line, found.task.description.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("short", 4, None),
            ("list", 5, None),
            ("nothing", 6, None),
            ("full", 7, Some("Build app.bin for full")),
            ("summed", 22, Some("First line.")),
            ("raw", 28, Some("at {{.SHA}}")),
            ("start:*", 29, None),
        ]
    );
    let full = &tasks[3];
    assert_eq!(full.task.aliases, ["f", "g"]);
    assert_eq!(full.commands, ["make", "task short", "rm x", "echo {{.ITEM}}"]);
    let required: Vec<_> = full.task.args.iter().map(|arg| (&*arg.name, arg.required)).collect();
    assert_eq!(required, [("A", true), ("B", true)]);
    assert_eq!(
        full.invocation.program,
        Program::Argv { argv: vec!["task".into(), "full".into()], separator: Some("--") }
    );
    assert!(!tasks[6].task.runnable);
}

#[test]
fn includes_with_namespaces_aliases_and_excludes() {
    let repo = TestRepo::new(&[
        (
            "Taskfile.yml",
            "version: '3'\nincludes:\n  docs: ./docs\n  deep:\n    taskfile: tasks/deep.yml\n    aliases: [d]\n    excludes: [skip, 'inner:*']\n  flat: {taskfile: flat.yml, flatten: true}\n  own: {taskfile: flat2.yml, internal: true}\n  gone: {taskfile: gone.yml, optional: true}\n  dir: {dir: sub}\ntasks:\n  default: x\n",
        ),
        (
            "docs/Taskfile.yaml",
            "version: '3'\ntasks:\n  default: x\n  serve: {aliases: [s], cmd: x}\n",
        ),
        (
            "tasks/deep.yml",
            "version: '3'\nincludes:\n  inner: inner.yml\n  kept: inner.yml\ntasks:\n  default: x\n  go: {aliases: [g], cmd: x}\n  skip: x\n  ':rooted': x\n",
        ),
        ("tasks/inner.yml", "version: '3'\ntasks:\n  leaf: x\n"),
        ("flat.yml", "version: '3'\ntasks:\n  flattened: x\n"),
        ("flat2.yml", "version: '3'\ntasks:\n  never: x\n"),
        ("sub/taskfile.yml", "version: '3'\ntasks:\n  there: x\n"),
    ]);
    assert_eq!(
        repo.names(Task),
        [
            "default",
            "docs:default",
            "docs:serve",
            "deep:default",
            "deep:go",
            "rooted",
            "deep:kept:leaf",
            "flattened",
            "dir:there"
        ]
    );
    let tasks = repo.tasks(Task);
    assert_eq!(tasks[1].task.aliases, ["docs"]);
    assert_eq!(tasks[2].task.aliases, ["docs:s"]);
    assert_eq!(tasks[3].task.aliases, ["d:default", "deep", "d"]);
    assert_eq!(tasks[4].task.aliases, ["deep:g", "d:go", "d:g"]);
    assert_eq!((&*tasks[6].task.file, tasks[6].task.line), ("tasks/inner.yml", 3));
    assert!(repo.notes(Task).is_empty(), "{:?}", repo.notes(Task));
}

#[test]
#[cfg(target_os = "linux")]
fn templated_paths_for_this_system() {
    let repo = TestRepo::new(&[
        (
            "Taskfile.yml",
            "version: '3'\nvars: {DIR: tasks}\nincludes:\n  os: ./Taskfile_{{OS}}.yml\n  dir: '{{.DIR}}/x.yml'\n  other: '{{.OTHER | default \"tasks\"}}/x.yml'\n",
        ),
        ("Taskfile_linux.yml", "version: '3'\ntasks: {native: x}\n"),
        ("tasks/x.yml", "version: '3'\ntasks: {a: x}\n"),
    ]);
    assert_eq!(repo.names(Task), ["os:native", "dir:a", "other:a"]);
}

#[test]
fn what_is_not_followed_is_said() {
    let repo = TestRepo::new(&[
        (
            "Taskfile.yml",
            "version: '3'\nincludes:\n  http: https://example.org/Taskfile.yml\n  git: git@example.org:a/b.git//Taskfile.yml\n  out: ../Taskfile.yml\n  env: '{{.HOME}}/Taskfile.yml'\n  shell: $HOME/Taskfile.yml\n  lost: lost.yml\n  circle: a.yml\n  twice: {taskfile: b.yml, flatten: true}\ntasks:\n  here: x\n",
        ),
        ("a.yml", "version: '3'\nincludes: {back: Taskfile.yml}\ntasks: {a: x}\n"),
        ("b.yml", "version: '3'\ntasks: {here: x}\n"),
    ]);
    assert_eq!(repo.names(Task), ["here", "circle:a"]);
    assert_eq!(repo.notes(Task).len(), 8, "{:#?}", repo.notes(Task));
    let repo = TestRepo::new(&[("Taskfile.yml", "version: '3'\ntasks: [a]\nincludes: x\n")]);
    assert_eq!(repo.notes(Task).len(), 2);
    let repo = TestRepo::new(&[("Taskfile.yml", "version: '3'\ntasks: {a: [}\n")]);
    assert_eq!(repo.notes(Task).len(), 1);
}

const WORDS: &[&str] = &[
    "version: '3'\n",
    "tasks:\n",
    "includes:\n",
    "  a:\n",
    "  b: x\n",
    "    cmds:\n",
    "      - x\n",
    "    desc: ",
    "{{.A",
    "}}",
    "{{",
    "|",
    "default",
    "\n",
    "  c: Taskfile.yml\n",
    "  d: {taskfile: a.yml, flatten: true}\n",
    ":",
    "*",
    "'",
    "\"",
    "&x ",
    "*x",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "vars:\n",
    "aliases: [a]\n",
    "~",
    "null",
    "ü",
];

proptest! {
    #[test]
    fn never_panics_and_never_loops(text in mutations(WORDS), other in mutations(WORDS)) {
        let repo = TestRepo::new(&[("Taskfile.yml", &text), ("a.yml", &other)]);
        let _ = repo.discover();
    }
}
