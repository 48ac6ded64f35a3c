//! wgx on a real terminal: what the task sees, what is asked, how colours behave.

use testkit::TestRepo;

use crate::world::Wgx;

#[test]
fn the_task_has_a_terminal_and_its_output_is_logged_too() {
    let repo = TestRepo::new().profile(
        "tasks:\n  look: 'test -t 0 && test -t 1 && test -t 2 && echo all three; \
         printf \"\\033[31mred\\033[0m\\n\"; exit 9'\n",
    );
    let (screen, code) = repo.call(&["run", "look"]).on_terminal().finish();
    assert_eq!(code, 9);
    assert!(screen.contains("all three\r\n\u{1b}[31mred\u{1b}[0m\r\n"), "{screen:?}");
    let log = repo.expect(0, &["runs", "log", "last"]).stdout;
    assert!(log.contains("all three") && log.contains("\u{1b}[31mred"), "{log:?}");
}

#[test]
fn a_person_types_into_a_task_and_can_interrupt_it() {
    let repo = TestRepo::new().profile(
        "tasks:\n  ask: 'read -p \"name? \" n; echo \"hi $n\"'\n  long: echo begun; sleep 60\n",
    );
    let mut terminal = repo.call(&["run", "ask"]).on_terminal();
    terminal.wait_for("name? ");
    terminal.type_keys("Ada\n");
    let (screen, code) = terminal.finish();
    assert!(screen.contains("hi Ada"), "{screen:?}");
    assert_eq!(code, 0);
    let mut terminal = repo.call(&["run", "long"]).on_terminal();
    terminal.wait_for("begun");
    terminal.type_keys("\u{3}");
    assert_eq!(terminal.finish().1, 130);
    assert_eq!(repo.recorded()[0]["exit_code"], 130);
}

#[test]
fn results_are_coloured_on_a_terminal_unless_somebody_minds() {
    let repo = TestRepo::new().profile("tasks: {a: x}\n");
    let coloured = |screen: String| screen.contains("\u{1b}[");
    assert!(coloured(repo.call(&["list"]).on_terminal().finish().0));
    assert!(!coloured(repo.call(&["list"]).env("NO_COLOR", "1").on_terminal().finish().0));
    assert!(!coloured(repo.call(&["list", "--color", "never"]).on_terminal().finish().0));
}

#[test]
fn a_destructive_task_and_trust_are_asked_about() {
    let repo = TestRepo::new().profile(
        "tasks:\n  gen: echo generated\n  build: {cmd: echo built, needs: [gen]}\n  \
         wipe: {cmd: echo wiped, desc: Remove all caches, safe: false}\n",
    );
    let mut terminal = repo.call(&["run", "build"]).on_terminal();
    terminal.wait_for("Trust this repository as it is now? [y/N]");
    terminal.type_keys("n\n");
    assert_eq!(terminal.finish().1, 122);
    let mut terminal = repo.call(&["run", "build"]).on_terminal();
    terminal.wait_for("[y/N]");
    terminal.type_keys("y\n");
    let (screen, code) = terminal.finish();
    assert!(screen.contains("built"), "{screen}");
    assert_eq!(code, 0);
    repo.expect(0, &["trust", "--status"]);
    for (answer, expected) in [("\n", 122), ("ja\n", 0)] {
        let mut terminal = repo.call(&["run", "remove all caches"]).on_terminal();
        terminal.wait_for("Start it? [y/N]");
        terminal.type_keys(answer);
        let (screen, code) = terminal.finish();
        assert_eq!(code, expected, "{screen}");
        assert_eq!(screen.contains("wiped"), expected == 0, "{screen}");
    }
}

#[test]
fn among_several_a_person_chooses_and_the_choice_is_learned() {
    let repo = TestRepo::new().profile(
        "tasks:\n  lint-web: {cmd: echo the web, desc: Run the linter for the web part}\n  \
         lint-api: {cmd: echo the api, desc: Run the linter for the api part}\n",
    );
    repo.expect(0, &["trust"]);
    let mut terminal = repo.call(&["run", "run the linter"]).on_terminal();
    terminal.wait_for("Which one?");
    terminal.type_keys("2\n");
    let (screen, code) = terminal.finish();
    assert_eq!(code, 0, "{screen}");
    let chosen = repo.recorded()[0]["task"].clone();
    let report = repo.report(&["run", "run the linter", "--dry-run"]);
    assert_eq!((&report["decision"], &report["task"]["id"]), (&"run".into(), &chosen));
    repo.write(
        ".wgx/profile.yml",
        "tasks:\n  lint-docs: {cmd: echo docs, desc: Run the linter for the docs part}\n  \
         lint-all: {cmd: echo all, desc: Run the linter for every part}\n",
    );
    let report = repo.wgx(&["run", "run the linter", "--dry-run", "--json"]).json();
    assert_ne!(report["meaning"], "semantics", "a learned task that is gone: {report}");
}

#[test]
fn a_choice_that_ended_red_is_not_learned() {
    let repo = TestRepo::new().profile(
        "tasks:\n  lint-web: {cmd: exit 3, desc: Run the linter for the web part}\n  \
         lint-api: {cmd: exit 3, desc: Run the linter for the api part}\n",
    );
    repo.expect(0, &["trust"]);
    let mut terminal = repo.call(&["run", "run the linter"]).on_terminal();
    terminal.wait_for("Which one?");
    terminal.type_keys("1\n");
    assert_eq!(terminal.finish().1, 3);
    let report = repo.wgx(&["run", "run the linter", "--dry-run", "--json"]).json();
    assert_eq!(report["decision"], "choose");
}

#[test]
fn the_log_of_a_hostile_task_does_not_steer_the_terminal() {
    let repo =
        TestRepo::new().profile("tasks:\n  evil: 'printf \"\\033]0;owned\\007\\033[2Jtext\\n\"'\n");
    repo.expect(0, &["run", "evil"]);
    let (screen, _) = repo.call(&["runs", "log", "last"]).on_terminal().finish();
    assert!(screen.contains("text"), "{screen:?}");
    assert!(!screen.contains("\u{1b}]0;") && !screen.contains("\u{1b}[2J"), "{screen:?}");
}
