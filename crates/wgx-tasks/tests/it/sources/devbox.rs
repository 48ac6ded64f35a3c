//! devbox.

use contracts::wgx::TaskSource::Devbox;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations};

#[test]
fn scripts_and_what_is_not_one() {
    let repo = TestRepo::new(&[(
        "devbox.json",
        r#"{
  "include": ["plugin:nginx", "./plugins/own.json"],
  "shell": {
    "init_hook": ["echo hello"],
    "scripts": { "test": ["go vet", "go test"], "build": "go build", "odd": {} } // c
  }
}"#,
    )]);
    let tasks = repo.tasks(Devbox);
    assert_eq!(ids(&tasks), ["test", "build"]);
    assert_eq!(tasks[0].commands, ["go vet", "go test"]);
    assert_eq!(command(&tasks[1]), "devbox run build");
    assert_eq!(tasks[1].task.line, 5);
    assert_eq!(
        repo.notes(Devbox),
        [
            "the plugin `./plugins/own.json` is not read; it may add scripts",
            "the script `odd` is a map"
        ]
    );
}

proptest! {
    #[test]
    fn never_panics(text in mutations(&["{", "}", "\"shell\"", "\"scripts\"", ":", ",", "[]", "\"a\""])) {
        TestRepo::new(&[("devbox.json", &text)]).tasks(Devbox);
    }
}
