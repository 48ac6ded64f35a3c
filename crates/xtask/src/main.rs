//! Repository chores: `cargo xtask CHORE`. One file a chore.

mod bench;
mod db;
mod eval_lens;
mod eval_list;
mod observability;
mod schemas;
mod test;
mod tidy;

use std::process::ExitCode;

type Chore = fn(&[String]) -> anyhow::Result<()>;

/// Name, what it is for, and the function.
const CHORES: &[(&str, &str, Chore)] = &[
    ("bench", "speed as ratios against named peers (--json, --quick)", bench::run),
    ("db", "write .sqlx from the queries and migrations (--check: only compare)", db::run),
    ("eval-lens", "how well packs foresee the changes of real commits", eval_lens::run),
    ("eval-list", "compare discovery with what native tools list", eval_list::run),
    (
        "observability",
        "write observability/ from the registry of metrics (--check: only compare)",
        observability::run,
    ),
    ("schemas", "write schemas/ and man/ from code (--check: only compare)", schemas::run),
    ("test", "format, lints, docs, dependencies, secrets and all tests", test::run),
    ("tidy", "the rules of the house that no compiler knows", tidy::run),
];

#[expect(clippy::print_stderr, reason = "a chore talks to a person")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let chosen = arguments.first().map(String::as_str).unwrap_or_default();
    let Some((_, _, run)) = CHORES.iter().find(|(name, _, _)| *name == chosen) else {
        eprintln!("usage: cargo xtask CHORE");
        for (name, about, _) in CHORES {
            eprintln!("  {name:10} {about}");
        }
        return ExitCode::from(2);
    };
    match run(&arguments[1..]) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of this workspace.
fn workspace() -> std::path::PathBuf {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("crates/xtask lies two folders below the root").to_owned()
}

/// A cargo command in the root of this workspace.
#[expect(clippy::disallowed_methods, reason = "chores start cargo")]
fn cargo(arguments: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace());
    command
}
