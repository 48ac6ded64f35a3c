//! Every rule: a fixture where it speaks, one where it is silent, and what `--fix` leaves behind.

use std::fs;
use std::path::Path;

use contracts::wgx::{GuardReport, GuardStatus, Task, TaskSource};
use proptest::prelude::*;
use wgx_tasks::task::{FoundTask, Invocation, Program, Requires};

use super::*;

/// A folder with files, checked by walking it.
pub(super) struct Fixture {
    dir: tempfile::TempDir,
}

impl Fixture {
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let fixture = Self { dir };
        files.iter().for_each(|(path, text)| fixture.write(path, text.as_bytes()));
        fixture
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn write(&self, path: &str, content: &[u8]) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.dir.path().join(path)).expect("a file")
    }

    pub(super) fn check(&self) -> GuardReport {
        check(&GuardRequest::new(self.path()), &GuardFacts::default()).expect("a report")
    }

    fn only(&self, rule: &str) -> Vec<String> {
        let request =
            GuardRequest { only: vec![rule.to_owned()], ..GuardRequest::new(self.path()) };
        shown(&check(&request, &GuardFacts::default()).expect("a report"))
    }

    fn fix(&self) -> GuardReport {
        let request = GuardRequest { fix: true, ..GuardRequest::new(self.path()) };
        check(&request, &GuardFacts::default()).expect("a report")
    }
}

/// `rule file:line:column message`
fn shown(report: &GuardReport) -> Vec<String> {
    let place = |line: Option<u32>| line.map_or(String::new(), |line| format!(":{line}"));
    let show =
        |f: &GuardFinding| format!("{}{}{} {}", f.file, place(f.line), place(f.column), f.message);
    report.findings.iter().map(show).collect()
}

fn status(report: &GuardReport, rule: &str) -> GuardStatus {
    report.checks.iter().find(|check| check.rule == rule).expect("the check is reported").status
}

/// A token that no file of this repository holds in one piece.
fn token() -> String {
    format!("glpat-{}{}", "Zq81mKx0Lw", "73bTfRpV5n")
}

#[test]
fn a_clean_repository_passes() {
    let fixture = Fixture::new(&[
        ("README.md", "# Title\n\nSee [here](src/a.rs) and [there](#title).  \nBreak.\n"),
        ("src/a.rs", "fn main() {}\n"),
        ("a.yml", "a: 1\n---\nb: !own [2]\n"),
        ("b.toml", "a = 1\n"),
        ("c.json", "{}\n"),
        ("empty.txt", ""),
    ]);
    let report = fixture.check();
    assert_eq!(shown(&report), Vec::<String>::new());
    assert!(
        report
            .checks
            .iter()
            .all(|check| { matches!(check.status, GuardStatus::Passed | GuardStatus::Skipped) })
    );
    assert_eq!(status(&report, "profile"), GuardStatus::Skipped);
    assert_eq!(report.counts.files, 6);
}

#[test]
fn conflict_markers() {
    let text = format!("a\n{} HEAD\nb\n=======\nc\n{} x\n", "<".repeat(7), ">".repeat(7));
    let fixture = Fixture::new(&[("a.rs", &text), ("b.md", "Title\n=======\n\ntext\n")]);
    assert_eq!(fixture.only("conflict-markers"), ["a.rs:2 merge conflict up to line 6"]);
}

#[test]
fn large_files() {
    let fixture = Fixture::new(&[("small.txt", "a\n")]);
    fixture.write("big.bin", &vec![0; 1024 * 1024 + 1]);
    fixture.write("package-lock.json", &vec![b' '; 1024 * 1024 + 1]);
    assert_eq!(fixture.only("file-size"), ["big.bin 1.0 MiB are more than 1.0 MiB"]);
    let report = fixture.check();
    let huge = report.skipped.iter().find(|group| group.reason.contains("size limit"));
    assert_eq!(huge.map(|group| group.count), Some(2));
}

#[test]
fn whitespace_is_found_and_mended_to_the_byte() {
    let fixture = Fixture::new(&[
        ("a.txt", "one \r\ntwo\t\r\n\r\n"),
        ("b.md", "hard  \nsoft \n\ttab\t\nend"),
        ("c.patch", "+ kept \n"),
        ("d/e.txt", "kept \n"),
        ("d/.editorconfig", "root = true\n[*.txt]\ntrim_trailing_whitespace = false\n"),
        ("f.raw", "kept \n\n"),
        (".gitattributes", "*.raw -text\n"),
    ]);
    let expected = [
        "a.txt:1:4 blanks at the end of the line, and of 1 more line",
        "b.md:2:5 blanks at the end of the line, and of 1 more line",
    ];
    assert_eq!(fixture.only("trailing-whitespace"), expected);
    assert_eq!(
        fixture.only("final-newline"),
        ["a.txt:3 the file ends with empty lines", "b.md:4 the last line has no line end"]
    );
    let report = fixture.fix();
    assert_eq!(fixture.read("a.txt"), b"one\r\ntwo\r\n");
    assert_eq!(fixture.read("b.md"), b"hard  \nsoft\n\ttab\nend\n");
    for (path, text) in [("c.patch", "+ kept \n"), ("d/e.txt", "kept \n"), ("f.raw", "kept \n\n")] {
        assert_eq!(fixture.read(path), text.as_bytes(), "{path}");
    }
    assert_eq!(status(&report, "trailing-whitespace"), GuardStatus::Fixed);
    assert_eq!((report.counts.fixed, report.counts.open), (4, 0));
    assert!(shown(&fixture.check()).is_empty());
}

#[test]
fn syntax() {
    let fixture = Fixture::new(&[
        ("twice.yml", "a: 1\nb: 2\na: 3\n"),
        ("broken.yaml", "a: [1\n"),
        ("chart/templates/x.yaml", "{{- if .Values.x }}\na: {{ .b }}\n{{- end }}\n"),
        ("broken.toml", "a = \n"),
        ("strict.json", "{\"a\": 1,}\n"),
        ("tsconfig.json", "{\"a\": 1, /* fine */}\n"),
        ("good.yml", "a: &x {b: 1}\nc: *x\n---\nd: !Ref e\n"),
    ]);
    let yaml = fixture.only("yaml-syntax");
    assert_eq!(yaml.len(), 2, "{yaml:?}");
    assert!(yaml[0].starts_with("broken.yaml:") && yaml[1].starts_with("twice.yml:3 "), "{yaml:?}");
    assert_eq!(fixture.only("toml-syntax").len(), 1);
    let json = fixture.only("json-syntax");
    assert!(json.len() == 1 && json[0].starts_with("strict.json:1 "), "{json:?}");
}

#[test]
#[cfg(unix)]
fn shebang_and_executable_bit() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new(&[
        ("run.sh", "#!/bin/sh\necho\n"),
        ("data.txt", "x\n"),
        ("lib.rs", "#![allow(x)]\n"),
        ("ok.py", "#!/usr/bin/env python3\n"),
    ]);
    let set = |path: &str, mode| {
        fs::set_permissions(fixture.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    set("run.sh", 0o640);
    set("data.txt", 0o755);
    set("ok.py", 0o755);
    let expected = [
        "data.txt:1 is executable, but its first line names no interpreter",
        "run.sh:1 starts with `#!/bin/sh` but is not executable",
    ];
    assert_eq!(fixture.only("executable-bit"), expected);
    let report = fixture.fix();
    let mode = |path: &str| fs::metadata(fixture.path().join(path)).unwrap().permissions().mode();
    assert_eq!(mode("run.sh") & 0o777, 0o750);
    assert_eq!(mode("data.txt") & 0o777, 0o755, "left to a person");
    assert_eq!((report.counts.fixed, report.counts.open), (1, 1));
    assert_eq!(fixture.read("run.sh"), b"#!/bin/sh\necho\n");
}

#[test]
#[cfg(unix)]
fn permissions_survive_a_fix() {
    use std::os::unix::fs::PermissionsExt as _;
    let fixture = Fixture::new(&[("run.sh", "#!/bin/sh \necho")]);
    let path = fixture.path().join("run.sh");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    fixture.fix();
    assert_eq!(fixture.read("run.sh"), b"#!/bin/sh\necho\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(fixture.path()).unwrap().count(), 1, "no temporary file is left");
}

#[test]
fn names_that_clash() {
    let fixture = Fixture::new(&[]);
    let files = ["a/Readme.md", "a/README.md", "b.txt"].map(str::to_owned);
    let facts = GuardFacts { files: Some(&files), ..GuardFacts::default() };
    let mut request = GuardRequest::new(fixture.path());
    let found = shown(&check(&request, &facts).unwrap());
    assert_eq!(found, ["a/README.md clashes with `a/Readme.md` where case is ignored"]);
    request.changed = Some(vec!["b.txt".to_owned()]);
    assert!(shown(&check(&request, &facts).unwrap()).is_empty());
}

#[test]
fn broken_links() {
    let fixture = Fixture::new(&[
        (
            "docs/a.md",
            "# Top\n[ok](b.md) [ok](../x.txt) [ok](#top) [ok](b.md#part-two) [ok](sub/)\n\
             [no](c.md) ![no](i.png) [no](#nope) [no](b.md#nope)\n\
             [net](https://x.test/y) [mail](mailto:a@b) [abs](/c) [tpl]({{ x }}) `[code](d.md)`\n\
             [ok](b%2Emd) [ok](<sub/read me.md>) [html](b.html) [up](../../outside.md)\n",
        ),
        ("docs/b.md", "Part *two*\n==========\n"),
        ("docs/sub/read me.md", "x\n"),
        ("x.txt", "x\n"),
    ]);
    let expected = [
        "docs/a.md:3:6 `c.md` does not exist",
        "docs/a.md:3:18 `i.png` does not exist",
        "docs/a.md:3:30 there is no heading for `#nope` in this file",
        "docs/a.md:3:42 there is no heading for `#nope` in `docs/b.md`",
    ];
    assert_eq!(fixture.only("broken-links"), expected);
}

#[test]
#[cfg(unix)]
fn symbolic_links_are_looked_at_but_never_followed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("victim.txt"), "untouched ").unwrap();
    let fixture = Fixture::new(&[("a.txt", "x\n")]);
    symlink("nowhere", fixture.path().join("dead")).unwrap();
    symlink("a.txt", fixture.path().join("good")).unwrap();
    symlink(outside.path().join("victim.txt"), fixture.path().join("file")).unwrap();
    symlink(outside.path(), fixture.path().join("dir")).unwrap();
    assert_eq!(
        fixture.only("broken-links"),
        ["dead symbolic link to `nowhere`, which does not exist"]
    );
    let files = ["a.txt", "file", "dir/victim.txt"].map(str::to_owned);
    let facts = GuardFacts { files: Some(&files), ..GuardFacts::default() };
    let request = GuardRequest { fix: true, ..GuardRequest::new(fixture.path()) };
    let report = check(&request, &facts).unwrap();
    assert_eq!(fs::read_to_string(outside.path().join("victim.txt")).unwrap(), "untouched ");
    let reasons: Vec<&str> = report.skipped.iter().map(|group| group.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
}

#[test]
fn secrets_are_found_and_never_shown() {
    let token = token();
    let fixture = Fixture::new(&[
        ("a.env", &format!("X={token}\n")),
        ("b.env", &format!("X={token} # wgx:allow-secret\n")),
        (&format!("{token}.txt"), "x\n"),
        (".gitattributes", "made.json linguist-generated\n"),
        ("made.json", &format!("{{\"a\": \"{token}\"}}\n")),
    ]);
    let mut wide = vec![0xff, 0xfe];
    wide.extend(format!("the token {token} is here\n").encode_utf16().flat_map(u16::to_le_bytes));
    fixture.write("wide.txt", &wide);
    let report = fixture.check();
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains(&token[6..]), "{json}");
    let found = shown(&report);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().any(|line| line.starts_with("a.env:1:3 GitLab personal")), "{found:?}");
}

#[test]
fn allowed_secrets_are_passed_over() {
    use sha2::Digest as _;
    let digest: String =
        sha2::Sha256::digest(token()).iter().map(|byte| format!("{byte:02x}")).collect();
    let fixture = Fixture::new(&[("a.env", &format!("X={}\n", token()))]);
    fixture.write(
        ".wgx/allowed-secrets",
        format!("# demo\n{digest} # of the docs\nnonsense\n").as_bytes(),
    );
    assert_eq!(
        fixture.only("secrets"),
        [".wgx/allowed-secrets:3 `nonsense` in the list of allowed secrets is not a SHA-256 \
                 in 64 \
          hex digits"]
    );
}

#[test]
fn profile_contract() {
    let good = "wgx:\n  apiVersion: v1\n  tasks:\n    build: cargo build\n";
    let fixture = Fixture::new(&[(".wgx/profile.yml", good)]);
    assert_eq!(fixture.only("profile"), Vec::<String>::new());
    let bad = "wgx:\n  apiVersion: v9\n  tasks:\n    build: cargo build\n";
    let fixture = Fixture::new(&[(".wgx/profile.yml", bad)]);
    let found = fixture.only("profile");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(".wgx/profile.yml:2 "), "{found:?}");
}

#[test]
fn only_changed_files_are_looked_at() {
    let fixture = Fixture::new(&[("a.txt", "x "), ("b.txt", "y ")]);
    let changed = Some(vec!["b.txt".to_owned()]);
    let request = GuardRequest { changed, fix: true, ..GuardRequest::new(fixture.path()) };
    let report = check(&request, &GuardFacts::default()).unwrap();
    assert!(report.changed_only && report.findings.iter().all(|finding| finding.file == "b.txt"));
    assert_eq!((fixture.read("a.txt"), fixture.read("b.txt")), (b"x ".to_vec(), b"y\n".to_vec()));
}

#[test]
fn rules_can_be_chosen_and_unknown_ones_are_named() {
    let fixture = Fixture::new(&[("a.txt", "x ")]);
    let request = GuardRequest {
        skip: vec!["final-newline".to_owned()],
        ..GuardRequest::new(fixture.path())
    };
    let report = check(&request, &GuardFacts::default()).unwrap();
    assert_eq!(status(&report, "final-newline"), GuardStatus::Skipped);
    assert_eq!(status(&report, "trailing-whitespace"), GuardStatus::Failed);
    let request =
        GuardRequest { only: vec!["nope".to_owned()], ..GuardRequest::new(fixture.path()) };
    let error = check(&request, &GuardFacts::default()).unwrap_err();
    let told = error.to_string();
    assert!(told.starts_with("there is no rule `nope` here; the rules: broken-"), "{told}");
    assert!(rules().iter().all(|rule| told.contains(rule.id)), "{told}");
}

#[test]
fn rules_that_are_often_broken_come_first() {
    let fixture = Fixture::new(&[("a.json", "{,}\n"), ("b.txt", "x ")]);
    let breaks = BTreeMap::from([("final-newline".to_owned(), 7)]);
    let facts = GuardFacts { rule_breaks: Some(&breaks), ..GuardFacts::default() };
    let report = check(&GuardRequest::new(fixture.path()), &facts).unwrap();
    let order: Vec<&str> = report.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(order, ["final-newline", "json-syntax", "trailing-whitespace"]);
}

#[test]
fn what_is_not_looked_at_is_counted() {
    let fixture = Fixture::new(&[
        ("gen.js", "x "),
        ("vendor/a.js", "x "),
        (".gitattributes", "gen.js linguist-generated\n"),
    ]);
    fixture.write("a.bin", b"\0\0 ");
    let report = fixture.fix();
    assert_eq!(report.counts.skipped, 3);
    assert_eq!(report.skipped.iter().map(|group| group.files.len()).sum::<usize>(), 3);
    assert_eq!(fixture.read("gen.js"), b"x ");
    assert_eq!(fixture.read("vendor/a.js"), b"x ");
}

#[test]
fn bytes_that_are_not_utf8_stay() {
    let fixture = Fixture::new(&[]);
    fixture.write("latin.txt", b"caf\xe9 \nna\xefve");
    fixture.fix();
    assert_eq!(fixture.read("latin.txt"), b"caf\xe9\nna\xefve\n");
}

fn task(name: &str, command: &str) -> FoundTask {
    let task = Task {
        id: format!("just:{name}"),
        name: name.to_owned(),
        source: TaskSource::Just,
        file: "justfile".to_owned(),
        line: 1,
        description: None,
        group: None,
        args: Vec::new(),
        shadowed_by: None,
        aliases: Vec::new(),
        alias_of: None,
        member: None,
        destructive: false,
        runnable: true,
    };
    let invocation = Invocation {
        program: Program::Shell(command.to_owned()),
        dir: String::new(),
        env: Vec::new(),
        env_defaults: Vec::new(),
    };
    FoundTask {
        task,
        invocation,
        commands: vec![command.to_owned()],
        safe: None,
        needs: Vec::new(),
        requires: Requires::default(),
        artifacts: Vec::new(),
    }
}

#[test]
fn own_checks_are_shown_and_run_only_by_a_runner() {
    let fixture = Fixture::new(&[
        (
            ".pre-commit-config.yaml",
            "repos:\n  - repo: https://x.test/y\n    hooks:\n      - id: ruff\n      - id: ruff\n",
        ),
        ("lefthook.yml", "pre-push:\n  commands:\n    t:\n      run: make test\n"),
    ]);
    let tasks = [
        task("lint", "tool src"),
        task("fmt", "tool src"),
        task("fmt-check", "tool src"),
        task("formatCode", "tool --check src"),
        task("lint-fix", "tool --fix"),
        task("build", "tool lint"),
    ];
    let facts = GuardFacts { tasks: &tasks, ..GuardFacts::default() };
    let request = GuardRequest::new(fixture.path());
    let report = check(&request, &facts).unwrap();
    let own = |report: &GuardReport| -> Vec<(String, GuardStatus)> {
        let own = report.checks.iter().filter(|check| check.command.is_some());
        own.map(|check| (check.rule.clone(), check.status)).collect()
    };
    let rules = [
        "task:just:lint",
        "task:just:fmt-check",
        "task:just:formatCode",
        "hook:pre-commit:ruff",
        "hook:lefthook:pre-push",
    ];
    assert_eq!(own(&report), rules.map(|rule| (rule.to_owned(), GuardStatus::NotRun)));
    let runner = |check: &ExternalCheck| match check.rule.as_str() {
        "task:just:lint" => ExternalOutcome::Failed("exit code 1".to_owned()),
        "hook:pre-commit:ruff" => ExternalOutcome::NotRun("pre-commit is missing".to_owned()),
        _ => ExternalOutcome::Passed,
    };
    let report = check(&request, &GuardFacts { runner: Some(&runner), ..facts }).unwrap();
    let (failed, passed, not_run) = (GuardStatus::Failed, GuardStatus::Passed, GuardStatus::NotRun);
    let statuses: Vec<GuardStatus> = own(&report).into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [failed, passed, passed, not_run, passed]);
}

#[test]
fn a_missing_root_is_an_error() {
    let request = GuardRequest::new("/no/such/folder");
    let error = check(&request, &GuardFacts::default()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the repository at /no/such/folder: "));
}

#[test]
fn the_documentation_lists_the_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guard.md");
    let text = fs::read_to_string(path).expect("docs/guard.md");
    let cell = |text: &str| text.replace('|', "\\|");
    let row = |rule: &&Rule| {
        let who = if rule.kind == FixKind::Safe { "`--fix`" } else { "by hand" };
        format!(
            "| `{}` | {} | {} | {who}: {} |",
            rule.id,
            cell(rule.finds),
            cell(rule.why),
            cell(rule.fix)
        )
    };
    let rows: Vec<String> = rules().iter().map(row).collect();
    let listed: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(listed, rows, "write these rows into docs/guard.md:\n{}\n", rows.join("\n"));
}

#[test]
fn a_finding_says_rule_place_reason_and_way_out() {
    let fixture = Fixture::new(&[("a.txt", "x \n")]);
    let report = fixture.check();
    insta::assert_json_snapshot!(report.findings, @r#"
    [
      {
        "rule": "trailing-whitespace",
        "file": "a.txt",
        "line": 1,
        "column": 2,
        "message": "blanks at the end of the line",
        "why": "invisible changes hide the visible ones in every diff",
        "fix": {
          "kind": "safe",
          "description": "remove them; line ends and everything else stay as they are"
        },
        "fixed": false
      }
    ]
    "#);
}

#[test]
fn a_check_that_breaks_off_is_no_check_that_found_nothing() {
    let broken = std::thread::spawn(|| -> u8 { panic!("no such byte: {}", 7) }).join();
    let error = joined(64, broken).unwrap_err();
    assert_eq!(error.to_string(), "the checks of 64 files broke off: no such byte: 7");
    assert_eq!(joined(1, std::thread::spawn(|| 3).join()).unwrap(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_second_fix_changes_nothing(
        text in "[a-c \t\r\n#=\u{e9}]{0,120}",
        name in prop::sample::select(vec!["a.txt", "a.md", "a.sh", "a.yml"]),
    ) {
        let fixture = Fixture::new(&[(name, &text)]);
        fixture.fix();
        let once = fixture.read(name);
        let solid = |bytes: &[u8]| {
            bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>()
        };
        prop_assert_eq!(solid(&once), solid(text.as_bytes()), "only whitespace changes");
        let report = fixture.fix();
        prop_assert_eq!(fixture.read(name), once);
        prop_assert_eq!(report.counts.fixed, 0);
        prop_assert_eq!(report.counts.fixable, 0);
    }
}
