//! Fleet panorama: several repositories side by side, and in what they differ.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::model::{Category, Repo, Tag};
use crate::render::names::{code, plain};
use crate::render::view::{View, category_word, tag_word};

const CATEGORIES: [Category; 6] = [
    Category::Source,
    Category::Doc,
    Category::Config,
    Category::Contract,
    Category::Test,
    Category::Other,
];

const TAGS: [Tag; 8] = [
    Tag::AiContext,
    Tag::Runbook,
    Tag::Lockfile,
    Tag::Script,
    Tag::Ci,
    Tag::Adr,
    Tag::Feed,
    Tag::WgxProfile,
];

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let repos = &view.snapshot.repos;
    let names: Vec<_> = repos.iter().map(|repo| plain(&repo.name)).collect();
    writeln!(out, "| | {} |", names.join(" | "))?;
    writeln!(out, "| :--- |{}", " ---: |".repeat(repos.len()))?;
    row("files", repos, out, |repo| repo.files.len())?;
    for category in CATEGORIES {
        row(category_word(category), repos, out, |repo| {
            repo.files.iter().filter(|file| file.category == category).count()
        })?;
    }
    for tag in TAGS {
        row(tag_word(tag), repos, out, |repo| {
            repo.files.iter().filter(|file| file.tags.contains(&tag)).count()
        })?;
    }
    writeln!(out)?;
    differences(view, out)
}

fn row(
    label: &str,
    repos: &[Repo],
    out: &mut dyn Write,
    count: impl Fn(&Repo) -> usize,
) -> io::Result<()> {
    let counts: Vec<String> = repos.iter().map(|repo| count(repo).to_string()).collect();
    writeln!(out, "| {label} | {} |", counts.join(" | "))
}

/// Files of the root and workflows that some repositories have and others lack.
fn differences(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let repos = &view.snapshot.repos;
    let sets: Vec<BTreeSet<&str>> = repos.iter().map(common_places).collect();
    let all: BTreeSet<&str> = sets.iter().flatten().copied().collect();
    let mut shared = 0;
    let mut differing = Vec::new();
    for path in all {
        let with: Vec<usize> = (0..sets.len()).filter(|at| sets[*at].contains(path)).collect();
        if with.len() == sets.len() {
            shared += 1;
        } else if with.len() > 1 {
            differing.push((path, with));
        }
    }
    writeln!(out, "- Files of the roots and workflows that all {} have: {shared}", repos.len())?;
    if differing.is_empty() {
        return writeln!(out, "- That only some have (two or more, not all): none");
    }
    writeln!(out, "- That only some have (two or more, not all): {}", differing.len())?;
    for (path, with) in differing {
        let lacking: Vec<_> = (0..repos.len())
            .filter(|at| !with.contains(at))
            .map(|at| plain(&repos[at].name))
            .collect();
        writeln!(out, "  - {}: not in {}", code(path), lacking.join(", "))?;
    }
    Ok(())
}

fn common_places(repo: &Repo) -> BTreeSet<&str> {
    let paths = repo.files.iter().map(|file| file.path.as_str());
    paths.filter(|path| !path.contains('/') || path.starts_with(".github/workflows/")).collect()
}
