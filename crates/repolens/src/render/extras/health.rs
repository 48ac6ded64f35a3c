//! Health: what every repository has and lacks, and the verdict that follows by a fixed rule.

use std::io::{self, Write};

use crate::model::{Category, File, Repo, Tag};
use crate::render::names::plain;
use crate::render::view::View;

/// Missing things from which a repository is `critical`; one less than half of it is `warning`.
const CRITICAL: usize = 4;
const WARNING: usize = 2;

/// Something that a repository should have.
struct Check {
    name: &'static str,
    looked_for: &'static str,
    is_there: fn(&File) -> bool,
}

const CHECKS: [Check; 7] = [
    Check { name: "README", looked_for: "README* in the root", is_there: is_readme },
    Check {
        name: "licence",
        looked_for: "LICENSE*, LICENCE*, COPYING* in the root",
        is_there: is_licence,
    },
    Check {
        name: "pipeline",
        looked_for: "a file tagged ci",
        is_there: |file| file.tags.contains(&Tag::Ci),
    },
    Check {
        name: "tests",
        looked_for: "a file of category test",
        is_there: |file| file.category == Category::Test,
    },
    Check {
        name: "contracts",
        looked_for: "a file of category contract, or *.schema.json",
        is_there: is_contract,
    },
    Check {
        name: "notes for an AI",
        looked_for: "*.ai-context.yml, AGENTS.md or CLAUDE.md",
        is_there: is_ai_note,
    },
    Check {
        name: "wgx profile",
        looked_for: "a file tagged wgx-profile",
        is_there: |file| file.tags.contains(&Tag::WgxProfile),
    },
];

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| Repository | Verdict | Missing | Has |\n| :--- | :--- | :--- | :--- |")?;
    for repo in &view.snapshot.repos {
        let (has, missing): (Vec<_>, Vec<_>) = CHECKS.iter().partition(|check| is_met(check, repo));
        let verdict = match missing.len() {
            CRITICAL.. => "critical",
            WARNING.. => "warning",
            _ => "ok",
        };
        writeln!(
            out,
            "| {} | {verdict} | {} | {} |",
            plain(&repo.name),
            names(&missing),
            names(&has)
        )?;
    }
    writeln!(out, "\nLooked for (among the {} files of this merge):\n", view.totals.files)?;
    for check in &CHECKS {
        writeln!(out, "- {}: {}", check.name, check.looked_for)?;
    }
    if !view.totals.left_out.is_empty() {
        writeln!(out, "\nFiles that are not listed in this merge were not looked at.")?;
    }
    Ok(())
}

fn names(checks: &[&Check]) -> String {
    if checks.is_empty() {
        return "nothing".to_owned();
    }
    checks.iter().map(|check| check.name).collect::<Vec<_>>().join(", ")
}

fn is_met(check: &Check, repo: &Repo) -> bool {
    repo.files.iter().any(check.is_there)
}

fn in_root(file: &File, starts: &[&str]) -> bool {
    let name = file.path.to_ascii_lowercase();
    !name.contains('/') && starts.iter().any(|start| name.starts_with(start))
}

fn is_readme(file: &File) -> bool {
    in_root(file, &["readme"])
}

fn is_licence(file: &File) -> bool {
    in_root(file, &["license", "licence", "copying"])
}

fn is_contract(file: &File) -> bool {
    file.category == Category::Contract || file.path.ends_with(".schema.json")
}

fn is_ai_note(file: &File) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    name.ends_with(".ai-context.yml") || matches!(name, "AGENTS.md" | "CLAUDE.md")
}
