//! mise: tables, included files, scripts, monorepos.

use contracts::wgx::TaskSource::Mise;
use proptest::prelude::*;

use super::{TestRepo, mutations};

#[test]
fn tables_in_all_their_forms() {
    let repo = TestRepo::new(&[(
        "mise.toml",
        "[tools]\nnode = '20'\n[task_templates.base]\ndescription = 'From a template'\n[tasks]\nshort = 'go build'\nlist = ['one', { task = 'short' }]\n[tasks.full]\ndescription = '''\nBuild it\nall'''\nalias = 'f'\nrun = \"a\\nb\"\nusage = '''\narg \"<file>\" help=\"x\"\narg \"[out]\" default=\"o\"\narg \"<rest>…\"\nflag \"-f --force\"\n'''\n[tasks.\"docs:serve\"]\naliases = ['ds', 's']\nfile = 'serve.sh'\n[tasks.hidden]\nhide = true\nrun = 'x'\n[tasks.child]\nextends = 'base'\nrun = 'x'\n",
    )]);
    let tasks = repo.tasks(Mise);
    let shown: Vec<_> = tasks
        .iter()
        .map(|found| {
            let task = &found.task;
            (&*task.name, task.line, task.description.as_deref(), task.aliases.join(","))
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("short", 6, None, String::new()),
            ("list", 7, None, String::new()),
            ("full", 8, Some("Build it"), "f".to_owned()),
            ("docs:serve", 20, None, "ds,s".to_owned()),
            ("child", 26, Some("From a template"), String::new()),
        ]
    );
    assert_eq!(tasks[1].commands, ["one", "mise run short"]);
    assert_eq!(tasks[2].commands, ["a", "b"]);
    let args: Vec<_> = tasks[2]
        .task
        .args
        .iter()
        .map(|arg| (&*arg.name, arg.required, arg.default.as_deref(), arg.variadic))
        .collect();
    assert_eq!(
        args,
        [("file", true, None, false), ("out", false, Some("o"), false), ("rest", true, None, true)]
    );
}

#[test]
fn every_configuration_file_is_read_and_the_strongest_wins() {
    let files = [
        ".config/mise/conf.d/a.toml",
        ".config/mise/config.toml",
        ".config/mise.toml",
        ".mise/config.toml",
        "mise/config.toml",
        "mise.toml",
        ".mise.toml",
        "mise.local.toml",
    ];
    let repo = TestRepo::new(&[("mise.production.toml", "[tasks]\nnever = 'x'\n")]);
    for (index, file) in files.into_iter().enumerate() {
        repo.write(file, &format!("[tasks]\nshared = '{file}'\nown{index} = 'x'\n"));
    }
    let tasks = repo.tasks(Mise);
    assert_eq!(tasks.len(), files.len() + 1);
    let shared = tasks.iter().find(|found| found.task.name == "shared").unwrap();
    assert_eq!(shared.commands, ["mise.local.toml"]);
}

#[test]
#[cfg(unix)]
fn scripts_with_headers_namespaces_and_endings() {
    let repo = TestRepo::new(&[("mise-tasks/readme.txt", "not executable")]);
    repo.write_executable(
        "mise-tasks/build.sh",
        "#!/usr/bin/env bash\n#MISE alias=\"b\"\n#MISE description=\"Build it\"\n#MISE sources=[\n#MISE   'a',\n#MISE ]\n#USAGE arg \"<name>\"\ncargo build\n",
    );
    repo.write_executable("mise-tasks/db/migrate", "#!/bin/sh\n# [MISE] description='Migrate'\n");
    repo.write_executable("mise-tasks/db/_default", "#!/bin/sh\n");
    repo.write_executable("mise-tasks/db/.hidden", "#!/bin/sh\n");
    repo.write_executable(".mise/tasks/x.ts", "//MISE hide=true\n");
    repo.write_executable(".mise/tasks/y.ts", "//MISE description='ts'\n");
    repo.write_executable(".config/mise/tasks/z", "#!/bin/sh\n#MISE depends=[\n");
    repo.write("mise/tasks/more.toml", "[extra]\nrun = 'x'\n");
    let tasks = repo.tasks(Mise);
    let shown: Vec<_> = tasks
        .iter()
        .map(|found| (&*found.task.name, found.task.line, found.task.description.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            ("build", 3, Some("Build it")),
            ("db", 1, None),
            ("db:migrate", 2, Some("Migrate")),
            ("y", 1, Some("ts")),
            ("z", 1, None),
            ("extra", 1, None),
        ]
    );
    assert_eq!(tasks[0].task.aliases, ["b"]);
    assert_eq!(tasks[0].task.args[0].name, "name");
    assert_eq!(repo.notes(Mise).len(), 1);
}

#[test]
#[cfg(unix)]
fn includes_replace_the_usual_folders() {
    let repo = TestRepo::new(&[
        (
            "mise.toml",
            "[task_config]\nincludes = ['tasks.toml', 'scripts', 'git::https://example.org/x', 'gone', '../out']\n",
        ),
        ("tasks.toml", "[included]\nrun = 'x'\n"),
    ]);
    repo.write_executable("scripts/lint.py", "#!/usr/bin/env python\n");
    repo.write_executable("scripts/lint", "#!/bin/sh\n");
    repo.write_executable("mise-tasks/unused", "#!/bin/sh\n");
    assert_eq!(repo.names(Mise), ["included", "lint", "lint.py"]);
    assert_eq!(repo.notes(Mise).len(), 2);
}

#[test]
fn a_monorepo_prefixes_its_projects() {
    let repo = TestRepo::new(&[
        (
            "mise.toml",
            "experimental_monorepo_root = true\n[monorepo]\nconfig_roots = ['packages/*', 'one']\n[tasks]\nall = 'x'\n",
        ),
        ("packages/a/mise.toml", "[tasks]\nbuild = 'x'\n"),
        ("packages/b/mise.toml", "[tasks]\nbuild = 'y'\n"),
        ("one/.mise.toml", "[tasks]\ntest = 'x'\n"),
        ("two/mise.toml", "[tasks]\nnever = 'x'\n"),
    ]);
    assert_eq!(
        repo.names(Mise),
        ["//:all", "//packages/a:build", "//packages/b:build", "//one:test"]
    );
}

const WORDS: &[&str] = &[
    "[tasks]\n",
    "[tasks.a]\n",
    "a = 'x'\n",
    "run = ",
    "[",
    "]",
    "'",
    "\"",
    "'''",
    "\n",
    "{",
    "}",
    "alias = ",
    "usage = '''\narg \"<x>\"\n'''\n",
    "hide = true\n",
    "[task_config]\nincludes = ['a']\n",
    "#MISE x=",
    "=",
    ".",
    "extends = 'a'\n",
    "[task_templates.a]\n",
    "experimental_monorepo_root = true\n",
    "[monorepo]\nconfig_roots = ['*']\n",
];

proptest! {
    #[test]
    fn never_panics_and_never_loops(text in mutations(WORDS), other in mutations(WORDS)) {
        let repo = TestRepo::new(&[("mise.toml", &text), ("a/x", &other), ("mise-tasks/b.toml", &other)]);
        let _ = repo.discover();
    }
}
