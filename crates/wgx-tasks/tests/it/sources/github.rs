//! GitHub workflows.

use contracts::wgx::TaskSource::Github;
use proptest::prelude::*;

use super::{TestRepo, ids, mutations, task};

#[test]
fn jobs_with_titles_matrix_inputs_and_lines() {
    let workflow = "name: CI\non:\n  workflow_dispatch:\n    inputs:\n      level:\n        \
                    required: true\n      kind:\n        default: fast\njobs:\n  build:\n    name: \
                    Build it\n    strategy:\n      matrix:\n        os: [linux, mac]\n        \
                    node: ${{ fromJSON(inputs.nodes) }}\n        include:\n          - os: win\n    \
                    steps:\n      - uses: actions/checkout@v4\n      - run: |\n          make\n  \
                    call:\n    uses: ./.github/workflows/other.yaml\n";
    let repo = TestRepo::new(&[
        (".github/workflows/ci.yml", workflow),
        (".github/workflows/other.yaml", "on: workflow_call\njobs:\n  work: {}\n"),
        (".github/workflows/notes.txt", "jobs:"),
    ]);
    let tasks = repo.tasks(Github);
    assert_eq!(ids(&tasks), ["CI/build", "CI/call", "other/work"]);
    let build = task(&tasks, "CI/build");
    assert_eq!((build.task.line, build.task.runnable), (10, false));
    assert_eq!(build.task.group.as_deref(), Some("ci"));
    assert_eq!(build.task.aliases, ["ci/build"]);
    assert_eq!(build.commands, ["make"]);
    assert_eq!(
        build.task.description.as_deref(),
        Some("Build it, for each of os × 2, node, 1 included")
    );
    let args: Vec<_> = build.task.args.iter().map(|arg| (&*arg.name, arg.required)).collect();
    assert_eq!(args, [("level", true), ("kind", false)]);
    let call = task(&tasks, "CI/call");
    assert_eq!(call.task.description.as_deref(), Some("calls ./.github/workflows/other.yaml"));
}

#[test]
fn workflows_of_one_title_keep_ids_apart() {
    let text = "name: CI\njobs:\n  build: {}\n";
    let repo =
        TestRepo::new(&[(".github/workflows/a.yml", text), (".github/workflows/b.yml", text)]);
    let tasks = repo.tasks(Github);
    assert_eq!(ids(&tasks), ["CI/build", "b/build"]);
    assert_eq!(tasks[1].task.name, "CI/build");
}

#[test]
fn faults_are_named() {
    let repo = TestRepo::new(&[
        (".github/workflows/a.yml", "name: x\n"),
        (".github/workflows/b.yml", "a: [\n"),
        (".github/workflows/c.yml", ""),
    ]);
    assert!(repo.tasks(Github).is_empty());
    assert_eq!(repo.notes(Github).len(), 3);
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&["jobs:", "on:", "\n", "  ", "a:", "matrix:", "strategy:", "- ", "x", "[", "]"])
    ) {
        TestRepo::new(&[(".github/workflows/a.yml", &text)]).tasks(Github);
    }
}
