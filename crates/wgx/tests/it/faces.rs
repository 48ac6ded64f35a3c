//! Help, manual pages, colours and faults of the call.

use testkit::TestRepo;

use crate::world::{Wgx, filtered};

const VERBS: [&str; 21] = [
    "list",
    "run",
    "up",
    "doctor",
    "validate",
    "guard",
    "smoke",
    "runs",
    "suggest",
    "trust",
    "profile",
    "init",
    "recall",
    "ask",
    "remember",
    "memory",
    "seeds",
    "secrets",
    "completions",
    "man",
    "help",
];

#[test]
fn the_overview_names_every_verb() {
    let repo = TestRepo::new();
    let ran = repo.expect(0, &["help"]);
    let first: Vec<&str> = ran.stdout.lines().take(5).collect();
    filtered(&repo, || {
        insta::assert_snapshot!(first.join("\n"), @r"
    One vocabulary for every repository, with a memory.

    `wgx list` shows what a repository offers, `wgx run` starts it, and every run is remembered.

    Usage: wgx [OPTIONS] <COMMAND>
    ");
    });
    for verb in VERBS {
        assert!(ran.stdout.contains(&format!("\n  {verb}")), "{verb}: {}", ran.stdout);
        assert!(repo.expect(0, &["help", verb]).stdout.contains("Usage: "), "{verb}");
        assert!(repo.expect(0, &[verb, "--help"]).stdout.contains("Usage: "), "{verb}");
    }
    assert!(repo.expect(0, &["--version"]).stdout.starts_with("wgx 0."));
}

#[test]
fn help_tells_more_than_the_line_in_the_list_of_verbs() {
    let repo = TestRepo::new();
    let told = repo.expect(0, &["run", "--help"]).stdout;
    assert!(told.contains("Exit code: the task's own, 128+N for a signal"), "{told}");
    for verb in VERBS.iter().filter(|verb| !["memory", "profile"].contains(verb)) {
        let told = repo.expect(0, &[verb, "--help"]).stdout;
        let about = told.split("Usage: ").next().unwrap().trim_end();
        assert!(about.contains("\n\n"), "{verb}: {about}");
    }
}

#[test]
fn plain_help_speaks_the_language_that_was_asked_for_or_the_locales() {
    let repo = TestRepo::new();
    let english = repo.expect(0, &["help", "list", "--plain"]).stdout;
    let german = repo.expect(0, &["help", "list", "--plain", "--lang", "de"]).stdout;
    assert!(english.contains("shows everything this project can do"), "{english}");
    assert!(german.contains(" zeigt "), "{german}");
    for name in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        let call = repo.call(&["help", "list", "--plain"]).without("LC_ALL");
        assert_eq!(call.env(name, "de_DE.UTF-8").go().stdout, german, "{name}");
    }
    let call = repo.call(&["help", "list", "--plain", "--lang", "en"]);
    assert_eq!(call.env("LC_ALL", "de_DE.UTF-8").go().stdout, english);
    assert_eq!(english.lines().count(), 1);
    let ran = repo.expect(2, &["help", "lsit"]);
    filtered(&repo, || {
        insta::assert_snapshot!(ran.snapshot(&[]), @r"
    code: 2
    --- stdout
    --- stderr
    error: there is no verb `lsit`
    hint: `wgx help` lists the verbs
    ");
    });
}

#[test]
fn faults_of_the_call_end_with_2() {
    let repo = TestRepo::new();
    for words in [
        &["--no-such-option"][..],
        &["list", "--no-such-option"],
        &["run"],
        &["list", "--color", "sometimes"],
        &["help", "--lang", "fr"],
        &["completions", "tcsh"],
        &["no-such-verb"],
        &["runs", "--limit", "many"],
        &["runs", "show"],
        &["memory"],
        &["trust", "--revoke", "--status"],
        &["run", "a", "--jobs", "2"],
    ] {
        let ran = repo.expect(2, words);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{words:?}: {}", ran.stdout);
    }
}

#[test]
fn errors_are_reports_too_where_json_is_asked_for() {
    let repo = TestRepo::new()
        .profile("tasks:\n  a: {cmd: [no-such-program-anywhere]}\n  c: {cmd: x, needs: [zz]}\n")
        .file("no.tar.gz", "not a pack");
    for (code, words) in [
        (1, &["memory", "check"][..]),
        (1, &["runs", "show", "last"]),
        (1, &["memory", "import", "no.tar.gz"]),
        (1, &["guard", "--changed"]),
        (2, &["guard", "--only", "nosuch"]),
        (2, &["run", "a", "nosuch"]),
        (2, &["-C", "nosuch", "list"]),
        (2, &["list", "--no-such-option"]),
        (2, &["runs", "--limit", "many"]),
        (2, &["help", "lsit"]),
        (2, &["no-such-verb"]),
        (2, &["validate", "--profile", "quick"]),
        (123, &["run", "c"]),
        (127, &["run", "a"]),
    ] {
        let plain = repo.expect(code, words);
        let ran = repo.expect(code, &[words, &["--json"]].concat());
        let report = ran.json();
        assert_eq!(report["schema"], "wgx.error/1", "{words:?}");
        assert_eq!(report["code"], code, "{words:?}");
        assert_eq!(ran.stderr, plain.stderr, "{words:?}");
        let message = report["message"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("error:"), "{words:?}: {message}");
        assert!(report["hint"].is_string(), "{words:?}");
    }
    let report = repo.expect(123, &["run", "c", "--json"]).json();
    assert_eq!((&report["file"], &report["line"]), (&".wgx/profile.yml".into(), &3.into()));
    let ran = repo.expect(2, &["run", "a", "nosuch", "--", "--json"]);
    assert_eq!(ran.stdout, "", "what follows -- is the task's");
}

#[test]
fn colours_appear_where_they_are_wanted_only() {
    let repo = TestRepo::new().profile("tasks: {a: x}\n");
    let coloured = |ran: testkit::Ran| ran.stdout.contains('\u{1b}');
    assert!(!coloured(repo.expect(0, &["list"])));
    assert!(coloured(repo.expect(0, &["list", "--color", "always"])));
    assert!(!coloured(repo.call(&["list"]).env("NO_COLOR", "1").go()));
    assert!(!coloured(repo.expect(0, &["list", "--json", "--color", "always"])));
    let ran = repo.expect(0, &["list", "--color", "always"]).stdout;
    let plain = repo.expect(0, &["list"]).stdout;
    for word in plain.split_whitespace() {
        assert!(ran.contains(word), "colour is never the only signal: {word}");
    }
}

#[test]
fn manual_pages_are_written_for_every_verb() {
    let repo = TestRepo::new();
    assert!(repo.expect(0, &["man"]).stdout.contains(".TH wgx 1"));
    repo.expect(0, &["man", "--out", "pages"]);
    for name in ["wgx", "wgx-list", "wgx-run", "wgx-runs", "wgx-memory", "wgx-trust"] {
        let page = std::fs::read_to_string(repo.path().join(format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    repo.write("file", "");
    let ran = repo.expect(1, &["man", "--out", "file/pages"]);
    assert!(ran.stderr.contains("file/pages"), "{}", ran.stderr);
}

#[test]
fn programs_called_wgx_something_are_verbs_too() {
    let repo =
        TestRepo::new().executable("bin/wgx-hello", "#!/bin/sh\necho \"hello $1\"; exit 6\n");
    let path = format!("{}:/usr/bin:/bin", repo.path().join("bin").display());
    let ran = repo.call(&["hello", "you"]).env("PATH", path).go();
    assert_eq!((ran.stdout.as_str(), ran.code), ("hello you\n", 6));
}

#[test]
fn a_full_place_for_the_output_is_said() {
    let repo = TestRepo::new().profile("tasks: {a: x}\n");
    for words in ["list", "list --json", "help", "completions bash", "man"] {
        let line = format!("{} {words} > /dev/full", crate::world::WGX);
        let ran = repo.run("bash", &["-c", &line]).go();
        assert_eq!(ran.code, 1, "{words}: {}", ran.stderr);
        assert!(ran.stderr.contains("standard output: No space left"), "{words}: {}", ran.stderr);
    }
}

#[test]
fn a_folder_that_is_gone_is_named_and_a_bare_environment_is_enough() {
    let repo = TestRepo::new().profile("tasks: {a: echo ran}\n");
    let line = format!("mkdir gone && cd gone && rmdir ../gone && {} list", crate::world::WGX);
    let ran = repo.run("bash", &["-c", &line]).go();
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("cannot read the working directory"), "{}", ran.stderr);
    let bare = repo.call(&["list"]).without("LC_ALL").without("HOME").without("HAUSKI_HOME");
    assert_eq!(bare.go().code, 0);
}
