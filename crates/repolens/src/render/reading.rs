//! `Profile Description` and `Reading Plan`: what this merge is and how to read it.

use std::io::{self, Write};

use super::heading;
use super::lenses::Lens;
use super::view::View;
use crate::select::Level;

pub(super) fn profile(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nav = view.settings.nav_headings;
    heading(nav, "##", "profile-description", "Profile Description", out)?;
    let level = view.settings.level;
    writeln!(out, "`{}`: {}\n", level.name(), describe(level))
}

fn describe(level: Level) -> &'static str {
    match level {
        Level::Overview => {
            "README, runbooks and what is written for an AI stand with their content; everything else as facts in the manifest."
        }
        Level::Summary => {
            "Documents, configuration, contracts and pipelines stand with their content; source, tests and other files as facts, but for README, runbooks and what is written for an AI."
        }
        Level::Dev => {
            "Source, tests, configuration, contracts, pipelines and small lock files stand with their content; documents as facts, but for README, runbooks and what is written for an AI."
        }
        Level::MachineLean => {
            "The files of `dev` with the least overhead: the structure has no links, the manifest has them all."
        }
        Level::Max => "Every text file stands with its content.",
    }
}

pub(super) fn plan(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let settings = view.settings;
    heading(settings.nav_headings, "##", "reading-plan", "Reading Plan", out)?;
    if settings.plan_only {
        writeln!(
            out,
            "**Plan-Only:** this file holds no structure, no manifest and no contents.\n"
        )?;
        writeln!(out, "1. `@meta`: how a merge with these options would be made.")?;
        writeln!(out, "2. [Plan](#plan): what it would hold.")?;
        return writeln!(out, "3. For contents, make the merge without `--plan-only`.\n");
    }
    writeln!(
        out,
        "1. `@meta` above: profile, filters, limits, what is masked and what is missing."
    )?;
    writeln!(out, "2. [Plan](#plan): totals, purpose, folders.")?;
    writeln!(
        out,
        "3. [Manifest](#manifest): every file with its status; follow its link to the content."
    )?;
    writeln!(
        out,
        "4. A file block: found by its link, by its visible marker `§§ file-…`, or by its comment `file:id`; its end links back to the manifest."
    )?;
    writeln!(
        out,
        "5. Cite `repo/path` and lines. A file without a link has no content here; the manifest says why.\n"
    )?;
    if settings.hotspots() == 0 {
        return Ok(());
    }
    writeln!(out, "Lenses of the hotspots, each a rule and no judgement:\n")?;
    for lens in Lens::ALL {
        writeln!(out, "- {}: {}", lens.title(), lens.rule())?;
    }
    writeln!(out)
}
