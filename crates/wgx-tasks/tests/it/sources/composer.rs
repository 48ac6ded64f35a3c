//! Composer.

use contracts::wgx::TaskSource::Composer;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

#[test]
fn scripts_events_descriptions_and_aliases() {
    let repo = TestRepo::new(&[(
        "composer.json",
        r#"{
  "scripts": {
    "test": ["@lint", "phpunit"],
    "lint": "phpcs",
    "post-install-cmd": "@php x"
  },
  "scripts-descriptions": { "test": "Run the tests" },
  "scripts-aliases": { "test": ["t", "phpunit"] }
}"#,
    )]);
    let tasks = repo.tasks(Composer);
    assert_eq!(ids(&tasks), ["test", "lint", "post-install-cmd"]);
    let test = task(&tasks, "test");
    assert_eq!(test.task.line, 3);
    assert_eq!(test.task.description.as_deref(), Some("Run the tests"));
    assert_eq!(test.task.aliases, ["t", "phpunit"]);
    assert_eq!(test.commands, ["@lint", "phpunit"]);
    assert_eq!(command(test), "composer run-script test [--]");
    assert_eq!(task(&tasks, "post-install-cmd").task.group.as_deref(), Some("event"));
    assert_eq!(task(&tasks, "lint").task.group, None);
}

#[test]
fn faults_are_named() {
    let list = TestRepo::new(&[("composer.json", r#"{"scripts": ["x"]}"#)]);
    assert!(list.tasks(Composer).is_empty());
    assert_eq!(list.notes(Composer), ["`scripts` is a list, not a map"]);
    let broken = TestRepo::new(&[("composer.json", "{\"scripts\": {\n,}}")]);
    assert_eq!(broken.notes(Composer).len(), 1);
}

proptest! {
    #[test]
    fn never_panics(text in mutations(&["{", "}", "[", "]", "\"scripts\"", ":", ",", "\"a\"", "1"])) {
        TestRepo::new(&[("composer.json", &text)]).tasks(Composer);
    }
}
