//! Secrets: whatever way one comes in, no byte of it lies in the memory or in a report.

use std::fs;

use testkit::TestRepo;

use crate::world::{Wgx, files_below};

/// Shapes of real tokens, put together here so that no file of ours holds one.
fn token(number: usize) -> String {
    let body: String =
        (0..36).map(|at| char::from(b"aB3dE5gH7jK9"[(at * 5 + number) % 12])).collect();
    format!("{}{body}", ["gh", "p_"].concat())
}

fn places_of(repo: &TestRepo, secret: &str) -> Vec<String> {
    let holds = |path: &std::path::PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    };
    let files = files_below(&repo.home()).into_iter().filter(holds);
    files.map(|path| path.display().to_string()).collect()
}

#[test]
fn a_token_in_output_arguments_and_environment_is_nowhere_below_the_home() {
    let (printed, passed, kept) = (token(1), token(2), token(3));
    let profile = "env: {NAME: from-profile-9f8e7d6c5b4a}\ntasks:\n  leak: \
                   'cat printed; echo \"$DEPLOY_PASSWORD\"; echo \"$API_TOKEN\" >&2; echo harmless'\n  \
                   args: {cmd: [printf, '%s\\n']}\n"
    .replace("NAME", "API_TOKEN");
    let repo = TestRepo::new().profile(&profile).file("printed", format!("{printed}\n"));
    let password = "correct-horse-battery-9";
    let call = |words: &[&str]| {
        repo.call(words).env("DEPLOY_PASSWORD", password).env("GITHUB_TOKEN", &kept)
    };
    let ran = call(&["run", "leak"]).go();
    assert!(ran.stdout.contains(&printed), "the person sees what the task prints");
    let option = format!("--token={passed}");
    for words in [
        &["run", "args", "--", "--password", password, &option][..],
        &["run", "args", "--", &passed, &kept],
    ] {
        assert_eq!(call(words).go().code, 0);
    }
    assert_eq!(repo.recorded().len(), 3);
    let mut said = String::new();
    for words in [
        &["runs", "--json"][..],
        &["runs", "show", "last", "--json"],
        &["runs", "log", "last", "--json"],
        &["runs", "show", "last"],
        &["memory", "stats", "--json"],
        &["run", "leak", "--dry-run", "--json"],
        &["runs", "rerun", "last", "--dry-run", "--json"],
    ] {
        let ran = call(words).go();
        said.push_str(&ran.stdout);
        said.push_str(&ran.stderr);
    }
    let pack = repo.home().join("pack.tar");
    repo.expect(0, &["memory", "export", pack.to_str().unwrap()]);
    for secret in
        [&printed, &passed, &kept, &password.to_owned(), &"from-profile-9f8e7d6c5b4a".to_owned()]
    {
        assert_eq!(places_of(&repo, secret), Vec::<String>::new(), "{secret}");
        assert!(!said.contains(secret.as_str()), "{secret} is in a report:\n{said}");
    }
    assert!(said.contains("«redacted:"), "{said}");
    assert!(!places_of(&repo, "harmless").is_empty(), "the scan finds what is there");
}

#[test]
fn a_token_that_is_cut_by_the_buffers_is_masked_whole() {
    let token = token(4);
    let (left, right) = token.split_at(17);
    let profile = format!("tasks:\n  drip: printf %s {left}; sleep 0.1; printf '%s\\n' {right}\n");
    let repo = TestRepo::new().profile(&profile);
    assert_eq!(repo.expect(0, &["run", "drip"]).stdout, format!("{token}\n"));
    assert_eq!(places_of(&repo, &token), Vec::<String>::new());
    let log = repo.expect(0, &["runs", "log", "last"]).stdout;
    assert!(log.contains("«redacted:"), "{log}");
}

#[test]
fn a_run_with_a_masked_argument_is_not_started_again_with_the_mask() {
    let repo = TestRepo::new().profile("tasks:\n  args: {cmd: [printf, '%s']}\n");
    repo.expect(0, &["run", "args", "--", &token(5)]);
    let ran = repo.expect(2, &["runs", "rerun", "last"]);
    assert!(ran.stderr.contains("was masked"), "{}", ran.stderr);
}

#[test]
fn user_and_password_of_the_remote_are_not_kept() {
    let repo = TestRepo::new().profile("tasks: {a: 'true'}\n").git();
    let url = "https://someone:hunter2-hunter2@example.org/team/thing.git";
    repo.run_git(&["remote", "add", "origin", url]);
    repo.expect(0, &["run", "a"]);
    assert_eq!(places_of(&repo, "hunter2-hunter2"), Vec::<String>::new());
}

#[test]
fn a_token_in_a_plain_command_of_a_set_is_not_in_its_name() {
    let token = token(6);
    let profile = format!("semantics: {{ask the server: ['echo {token} > /dev/null']}}\n");
    let repo = TestRepo::new().profile(&profile);
    repo.expect(0, &["run", "ask the server", "--yes"]);
    assert_eq!(repo.recorded().len(), 1);
    assert_eq!(places_of(&repo, &token), Vec::<String>::new());
}

#[test]
fn a_secret_in_a_description_or_a_command_is_in_no_report() {
    let (described, password, default) = (token(6), "k3JdPw9sLq0", token(7));
    let justfile = format!(
        "# pushes with {described}\npush to=\"{default}\":\n    true\n\n# fine\nfine:\n    true\n"
    );
    let profile = format!(
        "tasks:\n  call: {{cmd: 'curl -u bob:{password} https://x.test', desc: 'call with {described}'}}\n  \
         words: {{cmd: [mysql, -p{password}, shop]}}\n"
    );
    let repo = TestRepo::new().profile(&profile).file("justfile", justfile);
    for words in [
        &["list"][..],
        &["list", "--json"],
        &["run", "call", "-n"],
        &["run", "call", "-n", "--json"],
        &["run", "words", "-n", "--json"],
        &["run", "push", "-n", "--json"],
        &["run", "pushes with", "-n", "--json"],
        &["guard"],
        &["guard", "--json"],
    ] {
        let ran = repo.call(words).go();
        let said = ran.stdout + &ran.stderr;
        for secret in [described.as_str(), password, default.as_str()] {
            assert!(!said.contains(secret), "{words:?} says {secret}:\n{said}");
        }
    }
    let listed = repo.expect(0, &["list", "--json"]).stdout;
    assert!(listed.contains("«redacted:github-token:") && listed.contains("\"fine\""), "{listed}");
}
