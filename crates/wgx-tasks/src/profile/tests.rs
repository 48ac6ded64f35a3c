//! What profiles mean, told with small files of the forms that real ones use.

use proptest::collection::btree_set;
use proptest::prelude::*;

use super::*;
use crate::task::Program;

fn read(text: &str) -> LoadedProfile {
    parse(".wgx/profile.yml", text, Os::Linux)
}

fn codes(loaded: &LoadedProfile) -> Vec<&str> {
    loaded.problems.iter().map(|problem| &*problem.code).collect()
}

fn command(text: &str, task: &str) -> TaskCommand {
    let loaded = read(text);
    loaded.profile.task(task).unwrap().command.clone()
}

#[test]
fn nested_keys_win_and_root_keys_are_heard() {
    let loaded = read(
        "requiredWgx: '^1.0'\nrepoKind: root\nenv: {A: 1}\nwgx:\n  apiVersion: v1.1\n  \
         repoKind: nested\n  tasks: {a: x}\ntasks: {b: y}\n",
    );
    let profile = &loaded.profile;
    assert_eq!(profile.repo_kind.as_deref(), Some("nested"));
    assert_eq!(profile.required_wgx.as_ref().unwrap().range.as_deref(), Some("^1.0"));
    assert_eq!(profile.env.base[0].value, "1");
    assert!(profile.task("a").is_some() && profile.task("b").is_none());
    assert_eq!(codes(&loaded), ["shadowed_key:repoKind", "shadowed_key:tasks"]);
    assert_eq!(loaded.problems[1].line, Some(8));
}

#[test]
fn empty_nested_tasks_give_way_to_the_root() {
    let loaded = read("wgx: {tasks: {}}\ntasks: {a: x}\n");
    assert!(loaded.profile.task("a").is_some());
    assert!(loaded.problems.is_empty());
}

#[test]
fn every_form_of_a_command() {
    let text = "tasks:\n  s: echo hi\n  block: |\n    one\n    two\n  n: 42\n  l: [a, b c, 3]\n  \
                cmd: {cmd: \"echo '#'\", args: [x y, z]}\n  argv: {cmd: [npm, run], args: [--prod]}\n  \
                sh: {sh: [cd x, make]}\n  one: {sh: make}\n  lines: {sh: ['a; b', ls], args: ['*']}\n";
    let shell = |text: &str| TaskCommand::Shell(text.into());
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    assert_eq!(command(text, "s"), shell("echo hi"));
    assert_eq!(command(text, "block"), shell("one\ntwo\n"));
    assert_eq!(command(text, "n"), shell("42"));
    assert_eq!(command(text, "l"), TaskCommand::Argv(words(&["a", "b c", "3"])));
    assert_eq!(command(text, "cmd"), shell("echo '#' 'x y' z"));
    assert_eq!(command(text, "argv"), TaskCommand::Argv(words(&["npm", "run", "--prod"])));
    assert_eq!(command(text, "sh"), TaskCommand::Lines(words(&["cd x", "make"])));
    assert_eq!(command(text, "one"), TaskCommand::Lines(words(&["make"])));
    assert_eq!(command(text, "lines"), TaskCommand::Lines(words(&["a; b", "ls '*'"])));
}

#[test]
fn commands_and_arguments_per_system() {
    let text = "tasks:\n  t:\n    cmd: {linux: [ls], darwin: open ., default: dir}\n    \
                args: {linux: [-l], default: x}\n  only: {cmd: {win32: dir}}\n  direct: {linux: a, default: b}\n  \
                spelled: {cmd: {macos: m, windows: w, default: d}}\n";
    let on = |os, task: &str| {
        let loaded = parse("p.yml", text, os);
        loaded.profile.task(task).unwrap().command.clone()
    };
    assert_eq!(on(Os::Linux, "t"), TaskCommand::Argv(vec!["ls".into(), "-l".into()]));
    assert_eq!(on(Os::Darwin, "t"), TaskCommand::Shell("open . x".into()));
    assert_eq!(on(Os::Win32, "t"), TaskCommand::Shell("dir x".into()));
    assert_eq!(on(Os::Linux, "only"), TaskCommand::Absent(AbsentReason::OtherSystem));
    assert_eq!(on(Os::Linux, "direct"), TaskCommand::Shell("a".into()));
    assert_eq!(on(Os::Other, "direct"), TaskCommand::Shell("b".into()));
    assert_eq!(on(Os::Darwin, "spelled"), TaskCommand::Shell("m".into()));
    assert_eq!(on(Os::Win32, "spelled"), TaskCommand::Shell("w".into()));
    assert_eq!(on(Os::Linux, "spelled"), TaskCommand::Shell("d".into()));
}

#[test]
fn older_forms_are_understood() {
    let text = "tasks:\n  all: {deps: [a_b], description: Everything}\n  a_b: {steps: [{id: 1, run: x}]}\n  \
                odd: {steps: [{run: lint, files: ['*.md']}]}\n  off: {cmd: x, enabled: false}\n";
    let loaded = read(text);
    assert_eq!(codes(&loaded), ["unknown_step:tasks.odd.steps"]);
    assert_eq!(command(text, "all"), TaskCommand::NeedsOnly);
    assert_eq!(command(text, "a-b"), TaskCommand::Lines(vec!["x".into()]));
    assert_eq!(command(text, "odd"), TaskCommand::Absent(AbsentReason::UnknownSteps));
    assert_eq!(command(text, "off"), TaskCommand::Absent(AbsentReason::Disabled));
    let all = &loaded.profile.found_tasks("")[0];
    assert_eq!(all.needs, ["a-b"]);
    assert_eq!(all.task.description.as_deref(), Some("Everything"));
    let recipes = read("recipes:\n  - {name: index, cmd: make all}\n  - {name: serve, cmd: run}\n");
    assert_eq!(recipes.profile.tasks.len(), 2);
    assert_eq!(recipes.profile.tasks[1].line, 3);
}

#[test]
fn names_are_normalised_and_both_spellings_work() {
    let loaded = read("tasks:\n  Build App_x: a\n  docs.index: b\n");
    let found = loaded.profile.found_tasks("");
    assert_eq!(found[0].task.id, "profile:buildapp-x");
    assert_eq!(found[0].task.aliases, ["Build App_x"]);
    assert_eq!(found[1].task.name, "docs.index");
    for name in ["Build App_x", "buildapp-x", "BUILDAPP_X"] {
        assert!(loaded.profile.task(name).is_some(), "{name}");
    }
}

#[test]
fn colliding_names_are_an_error_and_both_stay_listed() {
    let loaded = read("tasks:\n  a-b: x\n  a_b: y\n");
    assert_eq!(codes(&loaded), ["task_name_collision:a-b"]);
    assert_eq!(loaded.problems[0].line, Some(3));
    let names: Vec<_> = loaded.profile.tasks.iter().map(|task| &*task.name).collect();
    assert_eq!(names, ["a-b", "a_b"]);
}

#[test]
fn the_environment_applies_in_order_and_defaults_yield_to_the_caller() {
    let loaded = read(
        "envDefaults: {A: d, B: d}\nenv: {B: e, C: e, EMPTY: }\nenvOverrides: {C: o}\ntasks: {t: x}\n",
    );
    let env = &loaded.profile.env;
    let pairs = |pairs: Vec<(String, String)>| {
        let texts: Vec<String> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        texts.join(" ")
    };
    assert_eq!(pairs(env.resolved(|_| false)), "A=d B=d B=e C=e EMPTY= C=o");
    assert_eq!(pairs(env.resolved(|name| name == "A")), "B=d B=e C=e EMPTY= C=o");
    let invocation = &loaded.profile.found_tasks("")[0].invocation;
    assert_eq!(pairs(invocation.env_defaults.clone()), "A=d B=d");
    assert_eq!(pairs(invocation.env.clone()), "B=e C=e EMPTY= C=o");
    let wrong = read("env: {1X: a, 'A B': b, OK: [1]}\n");
    assert_eq!(codes(&wrong), ["invalid_env_name:1X", "invalid_env_name:A B", "wrong_type:env.OK"]);
}

#[test]
fn additions_of_this_program() {
    let loaded = read(
        "tasks:\n  up: a\n  t:\n    cmd: x\n    needs: up\n    aliases: [check it]\n    groups: [g, h]\n    \
         safe: \"no\"\n    requires:\n      tools: {node: '>=20', jq: }\n      apt: [shellcheck]\n    \
         artifacts: [dist/**, '*.log']\n\
         synonyms: {docs: [manual, handbook]}\nsemantics:\n  prove docs: [t, vale .]\n",
    );
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let found = &loaded.profile.found_tasks("")[1];
    assert_eq!(found.needs, ["up"]);
    assert_eq!(found.task.aliases, ["check it"]);
    assert_eq!(found.task.group.as_deref(), Some("g"));
    assert!(found.task.destructive);
    assert_eq!(found.requires.tools["node"], ">=20");
    assert_eq!(found.requires.tools["jq"], "*");
    assert_eq!(found.requires.apt, ["shellcheck"]);
    assert_eq!(found.artifacts, ["dist/**", "*.log"]);
    let wrong = read("tasks: {t: {cmd: x, artifacts: [/etc/*, a/../b, '[', ok]}}\n");
    assert_eq!(codes(&wrong), ["invalid_glob:tasks.t.artifacts"; 3]);
    assert_eq!(wrong.profile.found_tasks("")[0].artifacts, ["ok"]);
    assert_eq!(loaded.profile.synonyms["docs"], ["manual", "handbook"]);
    assert_eq!(loaded.profile.semantics[0].steps, ["t", "vale ."]);
    assert!(loaded.profile.task("check it").is_some());
}

#[test]
fn validate_workflows_and_demands() {
    let loaded = read(
        "requiredWgx: {range: ^2.0, min: 2.0.0, caps: [task-array]}\nvalidate:\n  quick: lint te_st lint\n  \
         full: [lint, te-st]\n  unsupported: {bench: none}\n  ci_only: {It_e: cloud}\nworkflows:\n  \
         ci: {steps: [{task: lint}, {task: te_st}]}\ntasks: {lint: a, te_st: b}\n",
    );
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let validate = &loaded.profile.validate;
    let quick: Vec<_> = validate.quick.iter().flatten().map(|check| &*check.name).collect();
    assert_eq!(quick, ["lint", "te_st"]);
    assert_eq!(validate.skip_reason("bench"), Some(("unsupported", "none")));
    assert_eq!(validate.skip_reason("it-e"), Some(("ci-only", "cloud")));
    assert_eq!(loaded.profile.required_wgx.as_ref().unwrap().capabilities, ["task-array"]);
    assert_eq!(loaded.profile.workflows[0].tasks.len(), 2);
    assert!(check(&loaded.profile).iter().all(|problem| problem.severity == Severity::Warning));
}

#[test]
fn wrong_types_are_errors_and_unknown_keys_warnings_with_lines() {
    let loaded = read(
        "task: {a: b}\nenv: [x]\nvalidate: {quick: {a: b}, slow: x}\nwgx:\n  tasks:\n    a:\n      cmd: x\n      \
         comand: y\n      safe: maybe\n    b: {cmd: {foo: x}}\n    c: {requires: {tools: {node: new}}}\n",
    );
    let found: Vec<String> = loaded
        .problems
        .iter()
        .map(|problem| format!("{} {} {:?}", problem.line.unwrap(), problem.code, problem.severity))
        .collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    1 unknown_key:task Warning
    2 wrong_type:env Error
    3 wrong_type:validate.quick Error
    3 unknown_key:validate.slow Warning
    8 unknown_key:tasks.a.comand Warning
    9 wrong_type:tasks.a.safe Error
    10 wrong_type:tasks.b.cmd Error
    11 invalid_requirement:tasks.c.requires.tools.node Error
    ");
}

#[test]
fn the_contract_names_what_is_missing() {
    let loaded = read(
        "wgx: {apiVersion: v9}\nworkflows: {w: {steps: [{task: gone}]}}\nvalidate: {quick: [gone, bench], \
         unsupported: {bench: x}}\ntasks:\n  e: ''\n  a: {cmd: x, needs: b}\n  b: {cmd: x, needs: [a, gone]}\n",
    );
    let problems = check(&loaded.profile);
    let codes: Vec<_> = problems.iter().map(|problem| &*problem.code).collect();
    assert_eq!(
        codes,
        [
            "unsupported_apiVersion",
            "workflow_missing_task:w:gone",
            "validate_missing_task:quick:gone",
            "task_missing_command:e",
            "needs_cycle:a",
            "needs_missing_task:b:gone",
        ]
    );
    assert_eq!(problems[3].line, Some(5));
    let empty: Vec<_> = check(&read("").profile).into_iter().map(|p| p.code).collect();
    assert_eq!(empty, ["missing_apiVersion", "no_tasks"]);
}

#[test]
fn local_overrides_replace_tasks_whole_and_merge_maps_by_key() {
    let dir = repo(&[
        (
            ".wgx/profile.yml",
            "env: {A: 1, B: 1}\ndirs: {web: w}\ntasks:\n  t: {cmd: x, desc: D, needs: u}\n  u: y\n",
        ),
        (
            ".wgx/profile.local.yml",
            "wgx:\n  env: {B: 2}\n  dirs: {data: d}\n  tasks:\n    T: {cmd: z}\n    mine: own\n",
        ),
    ]);
    let loaded = load_from(&dir).unwrap();
    let profile = &loaded.profile;
    assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
    let values: Vec<_> = profile.env.base.iter().map(|var| &*var.value).collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(profile.dirs.len(), 2);
    let names: Vec<_> = profile.tasks.iter().map(|task| &*task.name).collect();
    assert_eq!(names, ["t", "u", "mine"]);
    let task = profile.task("t").unwrap();
    assert!(task.description.is_none() && task.needs.is_empty());
    assert_eq!((&*task.file, task.line), (".wgx/profile.local.yml", 5));
}

#[test]
fn files_in_order_of_precedence_and_the_example_last() {
    let dir = repo(&[
        (".wgx/profile.example.yml", "tasks: {e: x}\n"),
        (".wgx/profile.json", "{\"tasks\": {\"j\": [\"x\"]}}"),
    ]);
    assert!(load_from(&dir).unwrap().profile.task("j").is_some());
    std::fs::write(dir.path().join(".wgx/profile.yaml"), "tasks: {y: x}\n").unwrap();
    let loaded = load_from(&dir).unwrap();
    assert!(loaded.profile.task("y").is_some());
    assert_eq!(codes(&loaded), ["ignored_file"]);
    let example = repo(&[(".wgx/profile.example.yml", "tasks: {e: x}\n")]);
    let loaded = load_from(&example).unwrap();
    assert!(loaded.profile.is_example && loaded.profile.task("e").is_some());
    assert_eq!(codes(&loaded), ["example_profile"]);
    assert!(load_from(&repo(&[("README", "")])).is_none());
}

#[test]
fn broken_files_are_errors_with_a_place() {
    let loaded = read("tasks:\n  a: [\n");
    assert!(loaded.is_broken() && loaded.problems[0].line.is_some());
    assert!(loaded.problems[0].hides_tasks());
    assert_eq!(codes(&read("a: 1\n---\nb: 2\n")), ["syntax"]);
    assert_eq!(codes(&read("- a\n")), ["wrong_type:profile"]);
    let dir = repo(&[(".wgx/profile.yml/x", "")]);
    assert_eq!(codes(&load_from(&dir).unwrap()), ["unreadable"]);
    let dir = repo(&[(".wgx/profile.yml", "")]);
    std::fs::write(dir.path().join(".wgx/profile.yml"), b"a: \xff\n").unwrap();
    assert!(load_from(&dir).unwrap().is_broken());
}

#[test]
fn bombs_cost_an_error_and_no_time() {
    let mut bomb = String::from("tasks:\n  x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n");
    for depth in 1..12 {
        let aliases = vec![format!("*x{}", depth - 1); 10].join(",");
        bomb.push_str(&format!("  x{depth}: &x{depth} [{aliases}]\n"));
    }
    let start = std::time::Instant::now();
    assert!(read(&bomb).is_broken());
    assert!(read(&"{a: ".repeat(50_000)).is_broken());
    assert!(start.elapsed().as_secs() < 5);
    let many: String =
        (0..20_000).map(|n| format!("  t{n}: {{cmd: x, needs: [t{n}]}}\n")).collect();
    let loaded = read(&format!("tasks:\n{many}"));
    assert_eq!(loaded.profile.tasks.len(), 20_000);
    assert_eq!(check(&loaded.profile).len(), 20_001);
    assert_eq!(loaded.profile.found_tasks("").len(), 20_000);
    assert!(start.elapsed().as_secs() < 20);
}

#[test]
fn a_repeated_key_is_said_and_the_later_one_counts() {
    let loaded = read("wgx: {repoKind: a}\ntasks: {t: x}\nwgx: {repoKind: b}\n");
    assert_eq!(codes(&loaded), ["repeated_key:wgx"]);
    assert_eq!(loaded.problems[0].line, Some(3));
    assert_eq!(loaded.profile.repo_kind.as_deref(), Some("b"));
    assert!(loaded.profile.task("t").is_some());
}

#[test]
fn arguments_are_quoted_as_one_word_each() {
    for (word, quoted) in [("a-b/c", "a-b/c"), ("", "''"), ("a b", "'a b'"), ("$x", "'$x'")] {
        assert_eq!(quote(word), quoted);
    }
    assert_eq!(quote("it's"), r#"'it'"'"'s'"#);
}

#[test]
fn a_task_without_a_command_is_shown_and_not_started() {
    let loaded = read("tasks: {a: '', b: {sh: []}, c: }\n");
    for found in loaded.profile.found_tasks("") {
        assert!(!found.task.runnable);
        assert!(matches!(found.invocation.program, Program::Shown(_)));
    }
}

fn repo(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn load_from(dir: &tempfile::TempDir) -> Option<LoadedProfile> {
    load(&RepoFiles::new(dir.path()).unwrap(), "", Os::Linux)
}

/// Pieces of profiles and of YAML.
const TEXT: &str = "(tasks|wgx|env|cmd|sh|args|validate|quick|\
                    [ \\-a-c:&*\\[\\]{}!|>'\"#\n,]){0,60}";

proptest! {
    #[test]
    fn never_panics_on_text(text in TEXT) {
        let loaded = read(&text);
        check(&loaded.profile);
        loaded.profile.found_tasks("");
    }

    #[test]
    fn never_panics_on_well_formed_trees(value in arbitrary_json()) {
        let nested = format!("{{\"validate\": {value}, \"env\": {value}}}");
        let text = format!("{{\"tasks\": {value}, \"wgx\": {nested}}}");
        let loaded = parse("p.json", &text, Os::Darwin);
        check(&loaded.profile);
        loaded.profile.found_tasks("sub");
    }

    #[test]
    fn every_declared_name_is_found(names in btree_set("[a-z][a-z0-9_.-]{0,10}", 1..20)) {
        let text: String = names.iter().map(|name| format!("  {name:?}: echo {name}\n")).collect();
        let loaded = read(&format!("tasks:\n{text}"));
        for name in &names {
            let found = loaded.profile.tasks.iter().any(|task| task.raw_name == *name);
            prop_assert!(found);
            prop_assert!(loaded.profile.task(name).is_some());
        }
        let listed: std::collections::HashSet<_> =
            loaded.profile.found_tasks("").into_iter().map(|found| found.task.id).collect();
        prop_assert_eq!(listed.len(), names.len());
    }
}

fn arbitrary_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof!["null", "true", "-?[1-9][0-9]{0,3}", "\"[a-zA-Z_ .]{0,8}\""];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let keys =
            "(cmd|sh|args|linux|default|needs|requires|tools|steps|name|quick|unsupported|[a-c_])";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::btree_map(keys, inner, 0..5).prop_map(|map| {
                let entries: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{v}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
}
