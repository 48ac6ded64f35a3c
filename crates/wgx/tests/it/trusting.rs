//! Trust, needs and the implied `up`: nothing starts by itself in a repository nobody trusts.

use testkit::TestRepo;

use crate::world::{Wgx, filtered};

fn repo() -> TestRepo {
    TestRepo::new().profile(
        "tasks:
  up: {cmd: echo up >> order}
  gen: {cmd: echo gen >> order}
  build: {cmd: echo build >> order, needs: [gen]}
",
    )
}

fn order(repo: &TestRepo) -> String {
    let text = std::fs::read_to_string(repo.path().join("order")).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn needs_wait_for_trust_and_a_dry_run_says_so() {
    let repo = repo();
    let report = repo.report(&["run", "build", "--dry-run"]);
    assert_eq!(report["needs_trust"], serde_json::json!(["profile:up", "profile:gen"]));
    let ran = repo.expect(122, &["run", "build"]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.snapshot(&[]), @r"
    code: 122
    --- stdout
    --- stderr
    error: profile:up, profile:gen would start by itself, and this repository is not trusted
    hint: `wgx trust` trusts it as it is now; --yes does it in CI
    ");
    });
    assert_eq!(order(&repo), "");
    repo.expect(0, &["run", "build", "--yes"]);
    assert_eq!(order(&repo), "up gen build");
    repo.expect(122, &["run", "build"]);
}

#[test]
fn an_implied_up_alone_is_left_out_without_trust() {
    let repo = repo();
    let ran = repo.expect(0, &["run", "gen"]);
    assert!(ran.stderr.contains("`up` is left out"), "{}", ran.stderr);
    assert_eq!(order(&repo), "gen");
}

#[test]
fn needs_are_skipped_while_nothing_changed() {
    let repo = repo().file("Cargo.lock", "version = 4\n").file(".gitignore", "order\n").git();
    repo.expect(0, &["trust"]);
    repo.expect(0, &["run", "build"]);
    repo.expect(0, &["run", "build"]);
    assert_eq!(order(&repo), "up gen build build");
    repo.expect(0, &["run", "build", "--force"]);
    assert_eq!(order(&repo), "up gen build build up gen build");
    repo.write("Cargo.lock", "version = 4\n# changed\n");
    repo.expect(0, &["run", "build"]);
    assert_eq!(order(&repo), "up gen build build up gen build up gen build");
    assert_eq!(repo.recorded_tasks().len(), 10);
}

fn built_from_source() -> TestRepo {
    TestRepo::new()
        .profile("tasks:\n  build: cat src.txt > built\n  test: {cmd: cat built, needs: [build]}\n")
        .file("src.txt", "old\n")
}

#[test]
fn a_changed_source_runs_ordinary_needs_again() {
    let repo = built_from_source().file(".gitignore", "built\n").git();
    repo.expect(0, &["trust"]);
    assert_eq!(repo.expect(0, &["run", "test"]).stdout, "old\n");
    let skipped = || repo.report(&["run", "test"])["steps"][0]["skipped"].clone();
    assert_eq!(skipped(), "unchanged");
    repo.write("src.txt", "new\n");
    assert_eq!(repo.expect(0, &["run", "test"]).stdout, "new\n");
    assert_eq!(skipped(), "unchanged");
}

#[test]
fn a_dry_run_says_what_would_be_left_out() {
    let repo = repo();
    let skipped = |words: &[&str]| repo.report(words)["steps"][0]["skipped"].clone();
    assert_eq!(skipped(&["run", "gen", "-n"]), "the repository is not trusted");
    repo.expect(0, &["trust"]);
    assert_eq!(skipped(&["run", "gen", "-n"]), serde_json::Value::Null);
    repo.expect(0, &["run", "gen"]);
    assert_eq!(skipped(&["run", "gen", "-n"]), "unchanged");
    assert_eq!(skipped(&["run", "gen", "-n", "--force"]), serde_json::Value::Null);
    assert_eq!(order(&repo), "up gen");
}

#[test]
fn without_git_ordinary_needs_always_run_and_up_does_not() {
    let repo = built_from_source();
    repo.expect(0, &["trust"]);
    repo.expect(0, &["run", "test"]);
    repo.write("src.txt", "new\n");
    assert_eq!(repo.expect(0, &["run", "test"]).stdout, "new\n");
    let repo = self::repo();
    repo.expect(0, &["trust"]);
    repo.expect(0, &["run", "build"]);
    repo.expect(0, &["run", "build"]);
    assert_eq!(order(&repo), "up gen build gen build");
}

#[test]
fn a_need_that_is_skipped_asks_for_nothing() {
    let repo = TestRepo::new()
        .profile(
            "tasks:\n  up: {cmd: echo up, requires: {tools: {wgx-nobody-has-this: '*'}}}\n  \
             test: echo \"lacks ${WGX_MISSING:-nothing}\"\n",
        )
        .git();
    repo.expect(0, &["trust"]);
    let first = repo.expect(0, &["run", "test"]);
    assert!(first.stderr.contains("missing: wgx-nobody-has-this"), "{}", first.stderr);
    let second = repo.expect(0, &["run", "test"]);
    assert_eq!((second.stdout.as_str(), second.stderr.as_str()), ("lacks nothing\n", ""));
    let forced = repo.expect(0, &["run", "test", "--force"]);
    assert!(forced.stdout.contains("lacks wgx-nobody-has-this"), "{}", forced.stdout);
}

#[test]
fn a_failed_need_stops_what_needs_it() {
    let repo = TestRepo::new()
        .profile("tasks:\n  gen: exit 9\n  build: {cmd: echo built, needs: [gen]}\n");
    repo.expect(0, &["trust"]);
    assert_eq!(repo.expect(9, &["run", "build"]).stdout, "");
    assert_eq!(repo.recorded_tasks(), ["profile:gen"]);
}

#[test]
fn needs_in_a_circle_or_missing_are_faults_of_the_file() {
    let repo = TestRepo::new().profile(
        "tasks:\n  a: {cmd: x, needs: [b]}\n  b: {cmd: x, needs: [a]}\n  \
         c: {cmd: x, needs: [zz]}\n",
    );
    assert!(repo.expect(123, &["run", "a"]).stderr.contains("circle: a → b → a"));
    assert!(repo.expect(123, &["run", "c"]).stderr.contains(".wgx/profile.yml:4"));
}

#[test]
fn trust_is_granted_shown_bound_to_the_content_and_taken_back() {
    let repo = repo();
    assert_eq!(repo.expect(1, &["trust", "--status", "--json"]).json()["trusted"], false);
    let ran = repo.expect(0, &["trust"]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.stdout, @r"
    trusted [root]
      [sha256] .wgx/profile.yml
    ");
    });
    repo.expect(0, &["trust", "--status"]);
    repo.write(".wgx/profile.local.yml", "tasks: {gen: echo other}\n");
    let report = repo.expect(1, &["trust", "--status", "--json"]).json();
    assert_eq!(report["changed_since_trust"], true);
    repo.expect(122, &["run", "build"]);
    repo.expect(0, &["trust"]);
    repo.expect(0, &["run", "build"]);
    repo.expect(0, &["trust", "--revoke"]);
    repo.expect(1, &["trust", "--status"]);
    repo.expect(122, &["run", "build", "--force"]);
}

#[test]
fn trust_in_one_folder_is_no_trust_in_another() {
    let (repo, copy) = (repo(), repo());
    repo.expect(0, &["trust"]);
    let ran = copy.call(&["trust", "--status"]).env("HAUSKI_HOME", repo.home()).go();
    assert_eq!(ran.code, 1, "{}", ran.stdout);
}

#[test]
fn trust_ends_with_every_file_that_tools_read_execute_or_obey() {
    let repo = TestRepo::new()
        .file("justfile", "import 'vars.just'\nup:\n  echo {{word}}\n")
        .file("vars.just", "word := 'good'\n")
        .file("Makefile", "include vars.mk\nall:\n\techo $(WORD)\n")
        .file("vars.mk", "WORD = good\n")
        .file("Cargo.toml", "[workspace]\nmembers = [\"part\"]\n")
        .file("part/Cargo.toml", "[package]\nname = \"part\"\nversion = \"0.1.0\"\n")
        .file("part/src/lib.rs", "");
    for path in [
        "vars.just",
        "vars.mk",
        "part/build.rs",
        "build.rs",
        ".cargo/config.toml",
        "rust-toolchain.toml",
        ".env",
        ".npmrc",
        "conftest.py",
        "lefthook.toml",
        ".lefthook-local.json",
        ".pre-commit-config.yaml",
        "prek.toml",
    ] {
        repo.expect(0, &["trust"]);
        repo.expect(0, &["trust", "--status"]);
        repo.write(path, "# other content\n");
        let ran = repo.expect(1, &["trust", "--status", "--json"]);
        assert_eq!(ran.json()["changed_since_trust"], true, "{path}");
    }
}

#[test]
fn a_file_that_is_no_text_counts_with_all_its_bytes() {
    let repo = repo().file("conftest.py", [b"\xff\n".as_slice(), b"one"].concat());
    repo.expect(0, &["trust"]);
    repo.write("conftest.py", [b"\xff\n".as_slice(), b"two"].concat());
    repo.expect(1, &["trust", "--status"]);
}

#[test]
fn trust_given_is_trust_for_every_verb() {
    let repo = repo()
        .file("README.md", "# Name\n\n## Tasks\n\n### greet\n\n```sh\necho hello\n```\n")
        .file("CONTRIBUTING.md", "# Prose\n");
    repo.expect(0, &["trust"]);
    repo.expect(0, &["run", "build"]);
    let report = repo.report(&["run", "build", "markdown:greet", "--dry-run"]);
    assert_eq!(report["needs_trust"], serde_json::json!([]));
    repo.write("CONTRIBUTING.md", "# Other prose\n");
    repo.expect(0, &["trust", "--status"]);
    repo.write("README.md", "# Name\n\n## Tasks\n\n### greet\n\n```sh\necho other\n```\n");
    repo.expect(1, &["trust", "--status"]);
}

#[test]
fn a_yes_at_the_prompt_is_kept_for_every_verb() {
    let repo =
        repo().file("README.md", "# Name\n\n## Tasks\n\n### greet\n\n```sh\necho hello\n```\n");
    let mut terminal = repo.call(&["run", "build"]).on_terminal();
    terminal.wait_for("[y/N]");
    terminal.type_keys("y\n");
    assert_eq!(terminal.finish().1, 0);
    repo.expect(0, &["trust", "--status"]);
}

/// Runs `gen` in a terminal; `answer` is typed where a question comes.
fn run_gen_in_a_terminal(repo: &TestRepo, answer: Option<&str>) -> String {
    let mut terminal = repo.call(&["run", "gen"]).on_terminal();
    if let Some(answer) = answer {
        terminal.wait_for("[y/N]");
        terminal.type_keys(answer);
    }
    let (screen, code) = terminal.finish();
    assert_eq!(code, 0, "{screen}");
    screen
}

#[test]
fn a_no_about_an_implied_up_is_remembered_until_the_content_changes() {
    let repo = repo();
    run_gen_in_a_terminal(&repo, Some("n\n"));
    let screen = run_gen_in_a_terminal(&repo, None);
    assert!(!screen.contains("[y/N]") && screen.contains("`up` is left out"), "{screen}");
    assert_eq!(order(&repo), "gen gen");
    let status = repo.expect(1, &["trust", "--status", "--json"]).json();
    assert_eq!((&status["declined"], &status["trusted"]), (&true.into(), &false.into()));
    assert!(repo.expect(1, &["trust", "--status"]).stdout.contains("You said no"));
    let mut terminal = repo.call(&["run", "build"]).on_terminal();
    terminal.wait_for("[y/N]");
    terminal.type_keys("n\n");
    assert_eq!(terminal.finish().1, 122, "what else waits for trust is still asked about");
    repo.write(".wgx/profile.local.yml", "tasks: {build: echo other}\n");
    run_gen_in_a_terminal(&repo, Some("n\n"));
    run_gen_in_a_terminal(&repo, None);
    repo.expect(1, &["trust", "--status"]);
    repo.expect(0, &["trust", "--revoke"]);
    assert_eq!(repo.expect(1, &["trust", "--status", "--json"]).json()["declined"], false);
    run_gen_in_a_terminal(&repo, Some("y\n"));
    repo.expect(0, &["trust", "--status"]);
}

/// A front like rustup's: it starts what the folder's toolchain file names.
const FRONT: &str = "#!/bin/sh
[ -f rust-toolchain.toml ] && sh ./planted.sh
echo rustc 1.90.0
";

#[test]
fn a_named_run_starts_no_toolchain_of_the_repository_without_trust() {
    let repo = TestRepo::new()
        .profile("tasks:\n  ok: {cmd: echo fine, requires: {tools: {rustc: '>=1.2'}}}\n")
        .file("rust-toolchain.toml", "[toolchain]\npath = \"./planted\"\n")
        .file("planted.sh", "echo started >> order\n")
        .executable("bin/rustc", FRONT)
        .executable("bin/cargo", FRONT);
    let path = format!("{}/bin:/usr/bin:/bin", repo.path().display());
    let run = |words: &[&str]| repo.call(words).env("PATH", &path).go();
    assert_eq!(run(&["run", "ok"]).code, 0);
    assert_eq!(order(&repo), "");
    assert_eq!(run(&["trust"]).code, 0);
    assert_eq!(run(&["run", "ok"]).code, 0);
    assert!(order(&repo).contains("started"));
}

#[test]
fn a_tool_that_nobody_knows_is_not_started_for_its_version_without_trust() {
    let repo = TestRepo::new()
        .profile("tasks:\n  up: {cmd: echo x, requires: {tools: {wipe: '>=1', jq: '>=1'}}}\n")
        .executable("bin/wipe", "#!/bin/sh\necho \"wipe $*\" >> \"$ORDER\"\n")
        .executable("bin/jq", "#!/bin/sh\necho \"jq $*\" >> \"$ORDER\"\nexit 1\n");
    let path = format!("{}/bin:/usr/bin:/bin", repo.path().display());
    let log = repo.path().join("order");
    let run = |words: &[&str]| repo.call(words).env("PATH", &path).env("ORDER", &log).go();
    run(&["doctor"]);
    run(&["up", "--check"]);
    let asked = order(&repo);
    assert!(asked.starts_with("jq --version"), "{asked}");
    assert!(!asked.contains("wipe") && !asked.contains("-V"), "{asked}");
    assert_eq!(run(&["trust"]).code, 0);
    run(&["up", "--check"]);
    assert!(order(&repo).contains("wipe --version"));
}

#[test]
fn a_package_that_is_none_never_reaches_apt() {
    let fake = "#!/bin/sh\necho \"$*\" >> \"$ORDER\"\n";
    let repo = TestRepo::new()
        .profile(
            "tasks:\n  t:\n    cmd: echo \"lacks $WGX_MISSING\"\n    requires:\n      \
             apt: ['-oDPkg::Pre-Invoke::=touch x', wgx-nobody-has-this]\n",
        )
        .executable("bin/apt-get", fake);
    let path = format!("{}/bin:/usr/bin:/bin", repo.path().display());
    let log = repo.path().join("order");
    let run = |words: &[&str]| {
        repo.call(words).env("PATH", &path).env("ORDER", &log).env("CI", "true").go()
    };
    let ran = run(&["run", "t"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("-oDPkg"), "{}", ran.stdout);
    assert!(ran.stderr.contains("can be no package"), "{}", ran.stderr);
    let plan = run(&["up", "--dry-run"]);
    assert!(plan.stdout.contains("no name of a package"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("install --yes -- -o"), "{}", plan.stdout);
    let asked = order(&repo);
    assert!(!asked.contains("DPkg::Pre"), "{asked}");
    if testkit::is_root() {
        assert!(asked.contains("install -- wgx-nobody-has-this"), "{asked}");
    }
}

#[test]
fn names_of_tasks_cannot_leave_their_word_in_a_shell() {
    let repo = TestRepo::new().profile("tasks:\n  'say $(touch x)': exit 1\n  fine-name: echo x\n");
    repo.expect(1, &["run", "say $(touch x)"]);
    let proposed = repo.report(&["suggest"])["suggestions"].to_string();
    assert!(proposed.contains("wgx run 'profile:say$(touchx)'"), "{proposed}");
    let shell = repo
        .call(&["--", "wgx", "run", ""])
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", "2")
        .env("_CLAP_IFS", "\n")
        .go();
    assert!(shell.stdout.contains("fine-name"), "{} {}", shell.stdout, shell.stderr);
    assert!(!shell.stdout.contains("touch"), "{}", shell.stdout);
}
