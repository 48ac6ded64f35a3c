//! `wgx list`.

use testkit::TestRepo;

use crate::world::{Wgx, filtered};

fn three_sources() -> TestRepo {
    TestRepo::new()
        .profile("tasks:\n  test: {cmd: cargo test, desc: All tests, aliases: [check]}\n")
        .justfile("# Serve the pages\nserve port='80':\n  echo {{port}}\n_hidden:\n  true\n")
        .file("Makefile", "test:\n\ttrue\nclean: ## Remove what was built\n\trm -rf out\n")
}

#[test]
fn people_see_a_block_a_file() {
    let repo = three_sources();
    let ran = repo.expect(0, &["list"]);
    assert_eq!(ran.stderr, "");
    filtered(&repo, || {
        insta::assert_snapshot!(ran.stdout, @r"
    profile .wgx/profile.yml
      test               All tests (also check)

    just justfile
      serve [port='80']  Serve the pages

    make Makefile
      test               (use make:test; the name starts profile:test)
    ! clean              Remove what was built
    ");
    });
}

#[test]
fn machines_see_the_fields_of_the_contract() {
    let repo = three_sources();
    let report = repo.report(&["list"]);
    assert_eq!(report["schema"], "wgx.list/1");
    assert_eq!(report["root"], repo.path().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(report["complete"], true);
    let tasks = report["tasks"].as_array().unwrap();
    let ids: Vec<&str> = tasks.iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["profile:test", "just:serve", "make:test", "make:clean"]);
    for task in tasks {
        for field in
            ["id", "name", "source", "file", "line", "description", "group", "args", "shadowed_by"]
        {
            assert!(task.get(field).is_some(), "{field} is missing: {task}");
        }
    }
    let serve = &tasks[1];
    assert_eq!((&serve["file"], &serve["line"]), (&"justfile".into(), &2.into()));
    let port = serde_json::json!(
        [{"name": "port", "required": false, "default": "'80'", "variadic": false}]
    );
    assert_eq!(serve["args"], port);
    assert_eq!(tasks[2]["shadowed_by"], "profile:test");
    assert_eq!(tasks[3]["destructive"], true);
}

#[test]
fn one_source_can_be_asked_for_and_an_unknown_one_is_a_fault_of_the_call() {
    let repo = three_sources();
    let tasks = repo.report(&["list", "--source", "make"])["tasks"].clone();
    assert_eq!(tasks.as_array().unwrap().len(), 2);
    let ran = repo.expect(2, &["list", "--source", "mkae"]);
    assert!(ran.stderr.contains("there is no task source `mkae`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: the sources are profile, just"), "{}", ran.stderr);
}

#[test]
fn an_empty_folder_has_no_tasks_and_that_is_fine() {
    let repo = TestRepo::new();
    let ran = repo.expect(0, &["list"]);
    assert!(ran.stdout.starts_with("No tasks in /"), "{}", ran.stdout);
    assert!(!repo.home().exists(), "listing makes no memory");
}

#[test]
fn the_root_is_found_from_below_and_with_dash_c() {
    let repo = three_sources().file("deep/er/x", "");
    let below = repo.path().join("deep/er");
    let from_below = testkit::Run::new(crate::world::WGX, &below)
        .args(["list", "--json"])
        .env("HAUSKI_HOME", repo.home())
        .go();
    let with_c = repo.expect(0, &["-C", "deep/er", "list", "--json"]);
    assert_eq!(from_below.stdout, with_c.stdout);
    assert_eq!(with_c.stdout, repo.expect(0, &["list", "--json"]).stdout);
    let ran = repo.expect(2, &["-C", "nowhere", "list"]);
    assert!(ran.stderr.contains("nowhere is not a folder that can be read"), "{}", ran.stderr);
}

#[test]
fn a_reader_that_goes_away_is_no_error_message() {
    let many: String = (0..5000).map(|n| format!("task-number-{n}:\n\ttrue\n")).collect();
    let repo = TestRepo::new().file("Makefile", many);
    let words = format!("{} list | head -1; echo ${{PIPESTATUS[0]}}", crate::world::WGX);
    let ran = repo.run("bash", &["-c", &words]).go();
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("make Makefile\n141\n", ""));
}
