//! Dev containers.

use contracts::wgx::TaskSource::Devcontainer;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations, task};

#[test]
fn every_configuration_and_every_form_of_a_command() {
    let main = r#"{
  // a comment
  "name": "Main",
  "initializeCommand": "docker info",
  "postCreateCommand": ["npm", "run", "a b"],
  "postStartCommand": { "one": "make one", "two": ["make", "two"] },
  "onCreateCommand": ""
}"#;
    let repo = TestRepo::new(&[
        (".devcontainer/devcontainer.json", main),
        (".devcontainer/python/devcontainer.json", r#"{"postAttachCommand": "pip list"}"#),
        (".devcontainer/python/deep/devcontainer.json", r#"{"postAttachCommand": "no"}"#),
    ]);
    let tasks = repo.tasks(Devcontainer);
    assert_eq!(
        ids(&tasks),
        ["initializeCommand", "postCreateCommand", "postStartCommand", "python/postAttachCommand"]
    );
    assert_eq!(command(&tasks[0]), "sh: docker info");
    assert_eq!(tasks[0].task.line, 4);
    let config = "--config .devcontainer/devcontainer.json";
    assert_eq!(
        command(&tasks[1]),
        format!("devcontainer exec --workspace-folder . {config} sh -c npm run 'a b'")
    );
    assert_eq!(task(&tasks, "postStartCommand").commands, ["make one", "make two"]);
    assert_eq!(
        tasks[0].task.description.as_deref(),
        Some("Main: on the host, before the container is made")
    );
}

#[test]
fn a_single_file_in_the_root() {
    let repo = TestRepo::new(&[(".devcontainer.json", r#"{"updateContentCommand": "make"}"#)]);
    assert_eq!(ids(&repo.tasks(Devcontainer)), ["updateContentCommand"]);
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&["{", "}", "\"postCreateCommand\"", ":", ",", "[", "]", "\"a\"", "null"])
    ) {
        TestRepo::new(&[(".devcontainer.json", &text)]).tasks(Devcontainer);
    }
}
