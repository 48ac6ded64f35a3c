//! VS Code.

use contracts::wgx::TaskSource::Vscode;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

fn repo(tasks: &str) -> TestRepo {
    let text = format!("{{ \"version\": \"2.0.0\", // c\n\"tasks\": [{tasks}] }}");
    TestRepo::new(&[(".vscode/tasks.json", &text)])
}

#[test]
fn labels_types_groups_and_details() {
    let repo = repo(
        r#"
{ "label": "build", "type": "shell", "command": "make", "args": ["all", "a b", {"value": "$x", "quoting": "strong"}],
  "group": { "kind": "build", "isDefault": true }, "detail": "makes it",
  "options": { "cwd": "${workspaceFolder}/sub", "env": { "A": "1" } } },
{ "taskName": "old", "type": "process", "command": "ls", "args": ["-l"], "group": "test" },
{ "type": "npm", "script": "watch", "path": "web/" },
{ "label": "secret", "type": "shell", "command": "x", "hide": true },
{ "label": "both", "dependsOn": ["build", "old"] },
{ "label": "hidden first", "type": "shell", "command": "x", "dependsOn": "secret" },
{ "label": "input", "type": "shell", "command": "echo ${input:what}" },
{ "label": "own", "type": "cargo", "command": "build" },
{ "type": "typescript", "tsconfig": "tsconfig.json" }"#,
    );
    let tasks = repo.tasks(Vscode);
    let names: Vec<_> = tasks.iter().map(|found| found.task.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "build",
            "old",
            "npm: watch - web",
            "both",
            "hidden first",
            "input",
            "own",
            "tsc: build - tsconfig.json"
        ]
    );
    let build = &tasks[0];
    assert_eq!(build.task.line, 3);
    assert_eq!(build.task.description.as_deref(), Some("makes it"));
    assert_eq!(build.task.group.as_deref(), Some("build"));
    assert_eq!(command(build), "sh: make all 'a b' '$x'");
    assert_eq!(build.invocation.dir, "sub");
    assert_eq!(build.invocation.env, [("A".to_owned(), "1".to_owned())]);
    assert_eq!(command(&tasks[1]), "ls -l");
    assert_eq!(
        (command(&tasks[2]), tasks[2].invocation.dir.as_str()),
        ("npm run watch".into(), "web")
    );
    assert_eq!(tasks[3].needs, ["vscode:build", "vscode:old"]);
    assert!(command(&tasks[4]).starts_with("shown: it depends on a task that is hidden"));
    assert!(command(&tasks[5]).starts_with("shown: it uses a variable"));
    assert!(command(&tasks[6]).starts_with("shown: an extension"));
    assert!(tasks[0].task.runnable && !tasks[6].task.runnable);
}

#[test]
fn this_platform_replaces_what_is_said_for_all() {
    let platform = match std::env::consts::OS {
        "macos" => "osx",
        "windows" => "windows",
        _ => "linux",
    };
    let task = format!(
        r#"{{"label": "x", "type": "shell", "command": "all", "{platform}": {{"command": "mine"}}}}"#
    );
    assert_eq!(command(&repo(&task).tasks(Vscode)[0]), "sh: mine");
}

#[test]
fn the_first_version_shares_one_command() {
    let text = r#"{"version": "0.1.0", "command": "gulp", "isShellCommand": true, "args": ["-q"],
        "tasks": [{"taskName": "build"}, {"taskName": "t", "suppressTaskName": true, "args": ["test"]}]}"#;
    let tasks = TestRepo::new(&[(".vscode/tasks.json", text)]).tasks(Vscode);
    assert_eq!(command(task(&tasks, "build")), "sh: gulp -q build");
    assert_eq!(command(task(&tasks, "t")), "sh: gulp -q test");
    let bare = TestRepo::new(&[(".vscode/tasks.json", r#"{"version": "0.1.0", "command": "x"}"#)]);
    assert_eq!(bare.notes(Vscode).len(), 1);
}

#[test]
fn workspace_files_hold_tasks_too() {
    let text = r#"{"folders": [], "tasks": {"version": "2.0.0", "tasks": [{"label": "x", "command": "y"}]}}"#;
    let tasks = TestRepo::new(&[("shop.code-workspace", text)]).tasks(Vscode);
    assert_eq!((ids(&tasks), command(&tasks[0])), (vec!["x"], "y".to_owned()));
}

#[test]
fn a_directory_outside_is_not_started() {
    let repo =
        repo(r#"{"label": "x", "command": "y", "options": {"cwd": "/tmp"}}, {"command": 1}"#);
    assert!(command(&repo.tasks(Vscode)[0]).contains("outside of the repository"));
    assert_eq!(repo.notes(Vscode), ["a task has no label"]);
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&[
            "{", "}", "[", "]", "\"tasks\"", "\"label\"", "\"command\"", "\"${\"", ":", ",", "\"args\"",
            "\"dependsOn\"", "\"version\"", "\"0.1.0\"", "\"taskName\"", "{\"label\": \"a\"}",
        ])
    ) {
        TestRepo::new(&[(".vscode/tasks.json", &text)]).tasks(Vscode);
    }
}
