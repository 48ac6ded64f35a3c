//! cargo: aliases, binaries, workspaces, xtask, nextest.

use contracts::wgx::TaskSource::Cargo;
use proptest::prelude::*;
use wgx_tasks::task::Program;

use super::{TestRepo, mutations};

const PACKAGE: &str = "[package]\nname = 'app'\nversion = '0.1.0'\nedition = '2024'\n";

#[test]
fn aliases_carry_their_expansion_and_includes_are_followed() {
    let repo = TestRepo::new(&[
        (
            ".cargo/config.toml",
            "include = ['more.toml']\n[alias]\nxt = 'run -p xtask --'\nci = ['test', '--all']\n",
        ),
        (".cargo/more.toml", "[alias]\nci = 'x'\nextra = 'build'\n"),
    ]);
    let tasks = repo.tasks(Cargo);
    let seen: Vec<_> = tasks
        .iter()
        .map(|found| (found.task.name.as_str(), found.task.alias_of.as_deref(), found.task.line))
        .collect();
    assert_eq!(
        seen,
        [
            ("xt", Some("run -p xtask --"), 3),
            ("ci", Some("test --all"), 4),
            ("extra", Some("build"), 3)
        ]
    );
}

#[test]
fn binaries_by_table_and_by_place() {
    let repo = TestRepo::new(&[
        (
            "Cargo.toml",
            &format!(
                "{PACKAGE}[[bin]]\nname = 'tool'\npath = 'src/bin/t.rs'\nrequired-features = ['a']\n"
            ),
        ),
        ("src/main.rs", ""),
        ("src/bin/t.rs", ""),
        ("src/bin/other.rs", ""),
        ("src/bin/folder/main.rs", ""),
        ("src/bin/none/lib.rs", ""),
    ]);
    assert_eq!(repo.names(Cargo), ["tool", "app", "folder", "other"]);
    let Program::Argv { argv, separator } = &repo.tasks(Cargo)[0].invocation.program else {
        panic!("cargo runs without a shell");
    };
    assert_eq!(argv.join(" "), "cargo run --bin tool --features a");
    assert_eq!(*separator, Some("--"));
}

#[test]
fn places_count_by_edition_and_autobins() {
    let places = [("src/main.rs", ""), ("src/bin/b.rs", "")];
    let with = |manifest: &str| {
        let repo = TestRepo::new(&places);
        repo.write("Cargo.toml", manifest);
        repo.names(Cargo)
    };
    let package = |rest: &str| format!("[package]\nname = 'p'\n{rest}");
    assert_eq!(with(&package("edition = '2021'\nautobins = false")), [""; 0]);
    assert_eq!(with(&package("[[bin]]\nname = 'b'")), ["b"]);
    assert_eq!(with(&package("edition = '2018'\n[[bin]]\nname = 'b'")), ["b", "p"]);
}

#[test]
fn members_by_glob_exclude_and_path_dependency() {
    let member = |name: &str| format!("[package]\nname = '{name}'\nedition.workspace = true\n");
    let repo = TestRepo::new(&[
        (
            "Cargo.toml",
            "[workspace]\nmembers = ['crates/*', 'tools/{x}', 'xtask']\nexclude = ['crates/out']\n[workspace.package]\nedition = '2024'\n[workspace.dependencies]\nshared = { path = 'libs/shared' }\n",
        ),
        (
            "crates/a/Cargo.toml",
            &format!(
                "{}[dependencies]\nshared.workspace = true\nb = {{ path = '../../libs/b' }}\n",
                member("a")
            ),
        ),
        ("crates/a/src/main.rs", ""),
        ("crates/out/Cargo.toml", &member("out")),
        ("crates/out/src/main.rs", ""),
        ("crates/notes.txt", ""),
        ("libs/b/Cargo.toml", &member("b")),
        ("libs/b/src/main.rs", ""),
        ("libs/shared/Cargo.toml", &member("shared")),
        ("libs/shared/src/main.rs", ""),
        ("xtask/Cargo.toml", &member("xtask")),
        ("xtask/src/main.rs", ""),
    ]);
    let ids: Vec<_> = repo.tasks(Cargo).into_iter().map(|found| found.task.id).collect();
    assert_eq!(
        ids,
        ["cargo:crates/a:a", "cargo:libs/shared:shared", "cargo:libs/b:b", "cargo:xtask:xtask"]
    );
    assert!(repo.notes(Cargo)[0].contains("tools/{x}"), "a missing member is said");
}

#[test]
fn own_xtask_and_nextest() {
    let repo = TestRepo::new(&[
        ("Cargo.toml", PACKAGE),
        ("xtask/Cargo.toml", "[package]\nname = 'xtask'\n[workspace]\n"),
        ("xtask/src/main.rs", ""),
        (".config/nextest.toml", "[profile.ci]\nretries = 2\n"),
    ]);
    let tasks = repo.tasks(Cargo);
    let seen: Vec<_> = tasks
        .iter()
        .map(|found| (found.task.id.as_str(), found.task.description.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            ("cargo:nextest", Some("run the tests with cargo-nextest (profiles: ci)")),
            ("cargo:xtask:xtask", None)
        ]
    );
}

proptest! {
    #[test]
    fn any_manifest_is_read_without_a_crash(text in mutations(&[
        "[workspace]\n", "members = ['**', '../x', '[a', '*']\n", "exclude = ['']\n", "[package]\n", "name = 'a'\n",
        "[[bin]]\n", "path = '../..'\n", "[dependencies]\n", "x = { path = '.' }\n", "y = { workspace = true }\n", "=", "[", "\n",
    ])) {
        let repo = TestRepo::new(&[("Cargo.toml", &text), (".cargo/config.toml", &text), ("src/main.rs", "")]);
        repo.discover();
    }
}
