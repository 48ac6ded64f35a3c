//! The text of a merge, section by section. The format: `docs/merge-format.md`.

pub mod anchors;
pub mod block;
pub mod extras;
mod header;
mod index;
pub mod lang;
mod lenses;
mod manifest;
mod meta;
pub mod names;
mod plan;
mod reading;
mod structure;
pub mod view;

use std::io::{self, Write};

pub use header::SPEC_CHECKSUM;
pub(crate) use meta::profile;
pub use view::View;

/// Everything of the first part before the file blocks; in a plan everything.
pub fn head(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    header::write(view, out)?;
    reading::profile(view, out)?;
    reading::plan(view, out)?;
    plan::write(view, out)?;
    if view.settings.plan_only {
        return Ok(());
    }
    extras::write(view, out)?;
    structure::write(view, out)?;
    index::write(view, out)?;
    manifest::write(view, out)?;
    content_heading(view, out)
}

/// What parts 2 to M begin with; `part` counts from 0.
pub fn continuation(view: View<'_>, part: usize, out: &mut dyn Write) -> io::Result<()> {
    header::continuation(view, part, out)?;
    content_heading(view, out)
}

fn content_heading(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    heading(view.settings.nav_headings, "##", "content", "📄 Content", out)
}

/// The heading of a repository among the contents.
pub fn repository(view: View<'_>, repo: usize, out: &mut dyn Write) -> io::Result<()> {
    let name = names::plain(&view.snapshot.repos[repo].name);
    let token = format!("repo-{}", view.names.repo(repo));
    heading(view.settings.nav_headings, "##", &token, &format!("📦 {name}"), out)?;
    if !view.of_repo(repo).any(|entry| entry.has_content()) {
        writeln!(out, "No file of this repository stands here with its content.\n")?;
    }
    Ok(())
}

/// A heading with all layers of navigation and an empty line behind it.
fn heading(
    nav_headings: bool,
    level: &str,
    token: &str,
    title: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "§§ {token}\n<a id=\"{token}\"></a>")?;
    if nav_headings {
        writeln!(out, "{level} {token}")?;
    }
    writeln!(out, "{level} {title} {{#{token}}}\n")
}
