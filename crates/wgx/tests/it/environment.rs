//! What a task finds in its environment: the layers of the profile, and what is taken away.

use testkit::TestRepo;

use crate::world::Wgx;

const SHOW: &str = "tasks:\n  show: 'echo \"$A $B $C $D\"'\n";

#[test]
fn the_layers_of_the_profile_apply_in_order_and_defaults_yield_to_the_caller() {
    let layers =
        "envDefaults: {A: default, D: default}\nenv: {B: base, C: base}\nenvOverrides: {C: over}\n";
    let repo = TestRepo::new().profile(&format!("{layers}{SHOW}"));
    assert_eq!(repo.expect(0, &["run", "show"]).stdout, "default base over default\n");
    let ran = repo.call(&["run", "show"]).env("A", "mine").env("B", "mine").env("C", "mine").go();
    assert_eq!(ran.stdout, "mine base over default\n");
}

#[test]
fn local_overrides_replace_tasks_whole_and_merge_maps() {
    let repo = TestRepo::new()
        .profile("env: {A: '1', B: '1'}\ntasks:\n  show: echo no\n  other: echo other\n")
        .file(".wgx/profile.local.yml", format!("env: {{B: '2', C: '2'}}\n{SHOW}"));
    assert_eq!(repo.expect(0, &["run", "show"]).stdout, "1 2 2 \n");
    assert_eq!(repo.expect(0, &["run", "other"]).stdout, "other\n");
}

#[test]
fn what_cargo_run_adds_does_not_reach_a_task() {
    let text = "tasks:\n  show: \
                env | grep -E '^(CARGO_MANIFEST|CARGO_PKG|RUSTUP_TOOLCHAIN)' || echo none\n";
    let repo = TestRepo::new().profile(text);
    let ran = repo
        .call(&["run", "show"])
        .env("CARGO_MANIFEST_DIR", "/elsewhere/crates/wgx")
        .env("CARGO_PKG_NAME", "wgx")
        .env("CARGO_PKG_VERSION", "0.1.0")
        .env("RUSTUP_TOOLCHAIN", "nightly")
        .go();
    assert_eq!(ran.stdout, "none\n");
}

#[test]
fn the_home_can_be_named_in_three_ways() {
    let repo = TestRepo::new().profile("tasks: {a: 'true'}\n");
    let other = repo.path().join("other home");
    let words = ["--home", other.to_str().unwrap(), "run", "a"];
    repo.expect(0, &words);
    assert!(other.join("memory.sqlite").is_file(), "--home wins over HAUSKI_HOME");
    assert!(!repo.home().exists());
    let data = repo.path().join("data");
    let ran = repo.call(&["run", "a"]).without("HAUSKI_HOME").env("XDG_DATA_HOME", &data).go();
    assert_eq!(ran.code, 0);
    assert!(data.join("hauski/memory.sqlite").is_file());
    let home = repo.path().join("me");
    let ran = repo.call(&["run", "a"]).without("HAUSKI_HOME").env("HOME", &home).go();
    assert_eq!(ran.code, 0);
    assert!(home.join(".local/share/hauski/memory.sqlite").is_file());
}
