//! A starter profile is a valid profile, whatever was discovered, and nothing is overwritten.

use proptest::prelude::*;
use wgx_tasks::profile::{Os, parse};
use wgx_tasks::sources::{DiscoverOptions, discover};
use wgx_tasks::task::Program;

use super::*;
use crate::validate::validate;

fn repo(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn start(dir: &tempfile::TempDir, dry_run: bool) -> Result<InitReport, InitError> {
    let found = discover(dir.path(), &DiscoverOptions::default()).unwrap();
    let release = WgxRelease { repository: "owner/wgx".into(), tag: "v0.1.0".into() };
    init(InitRequest {
        root: dir.path(),
        tasks: &found.tasks,
        vscode: true,
        workflow: Some(&release),
        dry_run,
    })
}

const PROFILE: &str = ".wgx/profile.yml";

#[test]
fn the_starter_names_everyday_tasks_and_keeps_the_contract() {
    let dir = repo(&[(".wgx/profile.example.yml", "tasks: {test: 'a', x: 'b'}\n")]);
    // Tasks as any source would hand them over: from an example profile, made those of a justfile.
    let mut found = discover(dir.path(), &DiscoverOptions::default()).unwrap().tasks;
    for task in &mut found {
        task.task.source = contracts::wgx::TaskSource::Just;
        task.task.file = "justfile".into();
        task.task.description = Some("Says \"hi\": it's # fine".into());
    }
    let request = InitRequest {
        root: dir.path(),
        tasks: &found,
        vscode: false,
        workflow: None,
        dry_run: false,
    };
    let report = init(request).unwrap();
    assert!(report.files[0].written);
    insta::assert_snapshot!(report.files[0].content, @r#"
    # The wgx profile: the words that start this repository's tasks on every machine.
    # Tasks of other files (justfile, package.json, …) are listed without it; what stands
    # here comes first. wgx validate checks this file, wgx list shows the result.
    wgx:
      apiVersion: v1.1

      tasks:
        test: # justfile
          desc: "Says \"hi\": it's # fine"
          cmd: "a"
        doctor:
          desc: "What wgx thinks of this machine and this repository"
          cmd: ["wgx", "doctor"]

      # More for a task: needs: [TASK]      tasks that run before it
      #                  aliases: [WORDS]   other words for it
      #                  safe: false        ask before free text starts it
      #                  requires: {tools: {NAME: ">=1.2"}, apt: [PACKAGE]}

      # wgx validate --profile quick|full runs these and writes a receipt.
      validate:
        quick: [test]
        full: [test]
    "#);
    let text = std::fs::read_to_string(dir.path().join(PROFILE)).unwrap();
    let report = validate(Some(&parse(PROFILE, &text, Os::Linux)));
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn an_empty_repository_gets_a_valid_profile_too() {
    let dir = repo(&[]);
    let report = start(&dir, false).unwrap();
    assert!(report.files.iter().all(|file| file.written));
    let profile = parse(PROFILE, &report.files[0].content, Os::Linux);
    let judged = validate(Some(&profile));
    assert!(judged.problems.is_empty(), "{:?}", judged.problems);
    let names: Vec<_> = profile.profile.tasks.iter().map(|task| &*task.name).collect();
    assert_eq!(names, ["doctor"]);
    let tasks: serde_json::Value = serde_json::from_str(&report.files[1].content).unwrap();
    assert_eq!(tasks["tasks"][0]["args"], serde_json::json!(["run", "doctor"]));
    let workflow = wgx_tasks::document::parse_yaml(&report.files[2].content).unwrap();
    let uses = workflow.path(&["jobs", "smoke", "uses"]).and_then(|node| node.as_str());
    assert_eq!(uses, Some("owner/wgx/.github/workflows/wgx-smoke.yml@v0.1.0"));
}

#[test]
fn what_is_there_stays() {
    let dir = repo(&[(".wgx/profile.json", "{\"tasks\": {}}"), (".vscode/tasks.json", "mine")]);
    let report = start(&dir, false).unwrap();
    let written: Vec<bool> = report.files.iter().map(|file| file.written).collect();
    assert_eq!(written, [false, false, true]);
    assert!(!dir.path().join(PROFILE).exists());
    assert_eq!(std::fs::read_to_string(dir.path().join(".vscode/tasks.json")).unwrap(), "mine");
    let again = start(&dir, false).unwrap();
    assert!(again.files.iter().all(|file| !file.written));
}

#[test]
fn a_dry_run_writes_nothing() {
    let dir = repo(&[]);
    assert!(start(&dir, true).unwrap().files[0].written);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_link_out_of_the_repository_and_a_file_in_the_folders_place_are_errors() {
    let outside = repo(&[]);
    let dir = repo(&[]);
    std::os::unix::fs::symlink(outside.path(), dir.path().join(".wgx")).unwrap();
    assert!(matches!(start(&dir, false), Err(InitError::Outside { .. })));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    let dir = repo(&[(".wgx", "a file")]);
    assert!(matches!(start(&dir, false), Err(InitError::Io { .. })));
}

proptest! {
    #[test]
    fn any_task_makes_a_valid_profile(
        name in "\\PC{1,12}",
        text in "\\PC{0,20}",
        command in "\\PC{1,20}",
    ) {
        prop_assume!(!command.trim().is_empty() && !name.trim().is_empty());
        let loaded = parse("p.json", "{\"tasks\": {\"t\": \"x\"}}", Os::Linux);
        let mut found = loaded.profile.found_tasks("");
        found[0].task.source = contracts::wgx::TaskSource::Make;
        found[0].task.name = name.clone();
        found[0].task.description = Some(text);
        found[0].task.file = "Make\nfile".into();
        let argv = vec![command.clone()];
        found[0].invocation.program = Program::Argv { argv, separator: None };
        let written = starter::profile(&starter::chosen(&found));
        let loaded = parse(PROFILE, &written, Os::Linux);
        let report = validate(Some(&loaded));
        prop_assert!(report.problems.is_empty(), "{:?}\n{}", report.problems, written);
        let usable = starter::chosen(&found).len();
        prop_assert_eq!(loaded.profile.tasks.len(), usable + 1);
        if usable == 1 {
            let expected = wgx_tasks::profile::TaskCommand::Argv(vec![command]);
            prop_assert_eq!(&loaded.profile.tasks[0].command, &expected);
        }
    }
}
