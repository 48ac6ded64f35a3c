//! Turborepo.

use contracts::wgx::TaskSource::Turbo;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

#[test]
fn tasks_and_the_older_pipeline() {
    for key in ["tasks", "pipeline"] {
        let config = format!(
            r#"{{
  // comments are fine
  "{key}": {{
    "build": {{ "description": "bundle it" }},
    "web#build": {{}},
    "//#format": {{}},
  }}
}}"#
        );
        for file in ["turbo.json", "turbo.jsonc"] {
            let tasks = TestRepo::new(&[(file, &config)]).tasks(Turbo);
            assert_eq!(ids(&tasks), ["build", "web#build", "//#format"]);
            assert_eq!(tasks[0].task.line, 4);
            assert_eq!(tasks[0].task.description.as_deref(), Some("bundle it"));
            assert_eq!(command(&tasks[0]), "turbo run build [--]");
        }
    }
}

#[test]
fn packages_extend_the_root() {
    let root = r#"{"packageManager": "pnpm@9.0.0", "devDependencies": {"turbo": "^2"}}"#;
    let own =
        r#"{"extends": ["//"], "tasks": {"build": {}, "e2e": {}, "lint": {"extends": false}}}"#;
    let repo = TestRepo::new(&[
        ("package.json", root),
        ("pnpm-workspace.yaml", "packages: [apps/*]\n"),
        ("turbo.json", r#"{"tasks": {"build": {}, "lint": {}}}"#),
        ("apps/web/package.json", r#"{"name": "web"}"#),
        ("apps/web/turbo.json", own),
    ]);
    let tasks = repo.tasks(Turbo);
    assert_eq!(ids(&tasks), ["build", "lint", "apps/web:build", "apps/web:e2e"]);
    assert_eq!(command(&tasks[0]), "pnpm exec turbo run build [--]");
    let member = task(&tasks, "apps/web:e2e");
    assert_eq!(command(member), "pnpm exec turbo run e2e --filter=web [--]");
    assert_eq!(member.invocation.dir, "");
}

proptest! {
    #[test]
    fn never_panics(text in mutations(&["{", "}", "\"tasks\"", "\"extends\"", ":", ",", "[]", "false"])) {
        TestRepo::new(&[
            ("turbo.json", &text),
            ("package.json", r#"{"workspaces": ["a"]}"#),
            ("a/package.json", "{}"),
            ("a/turbo.json", &text),
        ])
        .tasks(Turbo);
    }
}
