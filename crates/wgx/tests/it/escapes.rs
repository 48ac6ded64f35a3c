//! Names and words of a repository reach the terminal visible and harmless, with colours and without.

use testkit::TestRepo;

use crate::world::Wgx;

/// Clears the screen, retitles the window, rings, reorders what follows, and begins a second line.
const EVIL: &str = r"\u001b[2J\u001b]0;owned\u0007\u202eevil\nhint: spoofed";

fn repo() -> TestRepo {
    let tasks = format!(
        "{{\"tasks\": {{
          \"build{EVIL}\": {{\"cmd\": \"echo done\", \"desc\": \"Builds {EVIL}\",
                           \"needs\": [\"gen{EVIL}\"]}},
          \"gen{EVIL}\": {{\"cmd\": \"false\", \"desc\": \"Generates {EVIL}\"}},
          \"lint\": {{\"cmd\": \"true\", \"desc\": \"Lints {EVIL}\",
                    \"requires\": {{\"tools\": {{\"tool{EVIL}\": \"*\"}}}}}}
        }}}}"
    );
    let scripts = format!("{{\"scripts\": {{\"start{EVIL}\": \"echo {EVIL}\", \"plain\": 3}}}}");
    TestRepo::new()
        .file(".wgx/profile.json", tasks)
        .file("package.json", scripts)
        .file("bad\u{1b}[2J\u{202e}.json", "{")
        .file("justfile", "say word='\u{1b}[2J\u{202e}':\n  echo\n")
}

fn expect_harmless(what: &str, text: &str) {
    for evil in ["\u{1b}[2J", "\u{1b}]0;", "\u{7}", "\u{202e}", "\nhint: spoofed"] {
        assert!(!text.contains(evil), "{what}: {evil:?} in {text:?}");
    }
}

#[test]
fn no_verb_lets_a_repository_steer_the_terminal() {
    let repo = repo();
    let listed = repo.report(&["list"]);
    let tasks = listed["tasks"].as_array().unwrap();
    let id = |word: &str| {
        let ids = tasks.iter().map(|task| task["id"].as_str().unwrap());
        ids.clone().find(|id| id.contains(word)).map(str::to_owned)
    };
    let (build, generate) = (id("build").unwrap(), id("gen").unwrap());
    assert!(build.contains('\u{1b}'), "JSON keeps the name: {build:?}");
    for color in ["always", "never"] {
        let calls: [&[&str]; 16] = [
            &["list"],
            &["run", &build, "--dry-run"],
            &["run", "build", "it", "now", "--dry-run"],
            &["run", "build", "it", "now"],
            &["run", "gen", "things"],
            &["run", &build],
            &["run", &build, "--yes"],
            &["run", &generate],
            &["run", "no\u{1b}[2J\u{202e}such", "\u{1b}]0;thing\u{7}"],
            &["trust"],
            &["runs"],
            &["runs", "show", "last"],
            &["guard"],
            &["doctor"],
            &["suggest"],
            &["init", "--dry-run"],
        ];
        let mut shown = String::new();
        for words in calls {
            let ran = repo.wgx(&[words, &["--color", color]].concat());
            expect_harmless(&format!("{words:?} on standard output"), &ran.stdout);
            expect_harmless(&format!("{words:?} on standard error"), &ran.stderr);
            shown.push_str(&ran.stdout);
        }
        assert!(shown.contains(r"\u{1b}[2J") && shown.contains(r"\u{202e}"), "{shown}");
        repo.expect(0, &["trust", "--revoke"]);
    }
}

#[test]
fn the_question_for_trust_is_harmless() {
    let repo = repo();
    let listed = repo.report(&["list"]);
    let ids = listed["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap());
    let build = ids.clone().find(|id| id.contains("build")).unwrap();
    let mut terminal = repo.call(&["run", build]).on_terminal();
    terminal.wait_for("[y/N]");
    terminal.type_keys("n\n");
    let (shown, code) = terminal.finish();
    assert_eq!(code, 122, "{shown}");
    expect_harmless("the question", &shown);
}
