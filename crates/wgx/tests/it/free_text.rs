//! `wgx run "free text"`: chosen, offered, refused, confirmed, and sets of `semantics`.

use serde_json::json;
use testkit::TestRepo;

use crate::world::Wgx;

fn repo() -> TestRepo {
    TestRepo::new().profile(
        "semantics:
  prove everything: [spelling, links, 'echo plain command']
tasks:
  spelling: {cmd: echo spelled, desc: Check the spelling of all pages}
  links: {cmd: echo linked, desc: Check that links lead somewhere}
  serve: {cmd: echo served, desc: Start the development server}
  deploy: {cmd: echo deployed > deployed, desc: Publish the site}
  lint-web: {cmd: echo web, desc: Run the linter for the web part}
  lint-api: {cmd: echo api, desc: Run the linter for the api part}
",
    )
}

fn trusted() -> TestRepo {
    let repo = repo();
    repo.expect(0, &["trust"]);
    repo
}

#[test]
fn one_clear_winner_runs_after_it_was_shown() {
    let repo = trusted();
    let ran = repo.expect(0, &["run", "start", "the", "development", "server"]);
    assert_eq!(ran.stdout, "served\n");
    assert!(ran.stderr.starts_with("→ profile:serve"), "{}", ran.stderr);
    assert_eq!(repo.recorded()[0]["reason"], "match");
}

#[test]
fn german_words_are_understood_too() {
    let repo = trusted();
    let report = repo.report(&["run", "starte den Server", "--dry-run"]);
    assert_eq!(report["decision"], "run");
    assert_eq!(report["task"]["id"], "profile:serve");
}

#[test]
fn several_fitting_tasks_are_offered_and_none_starts() {
    let repo = trusted();
    let report = repo.expect(121, &["run", "run the linter", "--dry-run", "--json"]).json();
    assert_eq!(report["decision"], "choose", "{report}");
    let ids: Vec<_> = report["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .take(2)
        .map(|candidate| candidate["id"].clone())
        .collect();
    assert!(ids.contains(&json!("profile:lint-web")) && ids.contains(&json!("profile:lint-api")));
    for field in ["score", "why", "name", "source", "file", "line"] {
        assert!(report["candidates"][0].get(field).is_some(), "{field} is missing");
    }
    let ran = repo.expect(121, &["run", "run the linter"]);
    assert!(ran.stderr.contains("nothing was started"), "{}", ran.stderr);
    assert!(ran.stderr.contains("profile:lint-api"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    assert!(repo.recorded().is_empty());
}

#[test]
fn nothing_that_fits_starts_nothing() {
    let repo = trusted();
    let ran = repo.expect(120, &["run", "water", "the", "plants"]);
    assert!(ran.stderr.contains("nothing here fits `water the plants`"), "{}", ran.stderr);
    assert!(repo.recorded().is_empty());
    let report = repo.wgx(&["run", "water the plants", "--json"]);
    assert_eq!((report.code, report.json()["decision"].clone()), (120, json!("none")));
}

#[test]
fn a_destructive_task_needs_a_yes() {
    let repo = trusted();
    let report = repo.report(&["run", "publish the site", "--dry-run"]);
    assert_eq!(report["needs_confirmation"], true, "{report}");
    let ran = repo.expect(122, &["run", "publish the site"]);
    assert!(ran.stderr.contains("starts only after a yes"), "{}", ran.stderr);
    assert!(!repo.path().join("deployed").exists());
    repo.expect(0, &["run", "publish the site", "--yes"]);
    assert!(repo.path().join("deployed").exists());
    std::fs::remove_file(repo.path().join("deployed")).unwrap();
    repo.expect(0, &["run", "deploy"]);
    assert!(repo.path().join("deployed").exists(), "a person who names it means it");
}

#[test]
fn a_set_is_shown_then_run_with_one_record_each() {
    let repo = trusted();
    let ran = repo.expect(0, &["run", "prove everything"]);
    assert_eq!(ran.stdout, "spelled\nlinked\nplain command\n");
    let shown = ran.stderr.lines().next().unwrap().to_owned();
    assert!(shown.contains("profile:spelling + profile:links + "), "{shown}");
    let tasks = repo.recorded_tasks();
    assert_eq!(tasks[..2], ["profile:spelling", "profile:links"]);
    assert_eq!(tasks.len(), 3);
    assert_eq!(repo.recorded()[0]["source"], "command");
    assert!(repo.recorded().iter().all(|run| run["reason"] == "semantics"));
}

#[test]
fn with_a_broken_task_file_free_text_is_not_certain() {
    let repo = repo().justfile("recipe:\n  echo x\n\nthis is ( not a justfile\n");
    let ran = repo.expect(123, &["run", "start the development server"]);
    assert!(ran.stderr.contains("justfile:4"), "{}", ran.stderr);
    assert_eq!(repo.expect(0, &["run", "serve"]).stdout, "served\n", "a name is certain");
}

#[test]
fn the_name_of_a_workflow_means_its_tasks_in_order() {
    let repo = TestRepo::new().profile(
        "tasks: {one: echo 1, two: echo 2}
workflows:
  ship it: {steps: [{task: two}, {task: one}]}
  broken: {steps: [{task: one}, {task: echo gone}]}
",
    );
    let ran = repo.expect(0, &["run", "--yes", "ship it"]);
    assert_eq!(ran.stdout, "2\n1\n");
    let ran = repo.expect(120, &["run", "--yes", "broken"]);
    assert_eq!(ran.stdout, "", "a step of a workflow that is no task is never a command");
}
