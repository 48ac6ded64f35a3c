//! Extras: additive blocks between plan and structure, in the order of the flags. Each states facts that
//! no other section has; rules and thresholds: `docs/repolens-extras.md`.

pub mod augment;
mod fleet;
mod health;
mod heatmap;
pub mod organism;

use std::io::{self, Write};

use super::heading;
use super::view::View;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let wanted = view.settings.extras;
    let speaks = !view.settings.meta_none;
    if wanted.health && speaks {
        block(view, "health", "Health", &mut |out| health::write(view, out), out)?;
    }
    if wanted.organism_index && speaks && !view.is_fleet() {
        let write = &mut |out: &mut dyn Write| organism::write(view, out);
        block(view, "organism-index", "Organism Index", write, out)?;
    }
    if wanted.fleet_panorama && speaks && view.is_fleet() {
        let write = &mut |out: &mut dyn Write| fleet::write(view, out);
        block(view, "fleet-panorama", "Fleet Panorama", write, out)?;
    }
    if wanted.augment_sidecar && speaks {
        block(view, "augment", "Augment", &mut |out| augment::write(view, out), out)?;
    }
    if wanted.delta_reports
        && let Some(delta) = &view.notes.delta
    {
        let write = &mut |out: &mut dyn Write| writeln!(out, "{}", delta.trim_end());
        block(view, "delta", "Delta", write, out)?;
    }
    if wanted.heatmap && speaks {
        block(view, "heatmap", "Heatmap", &mut |out| heatmap::write(view, out), out)?;
    }
    Ok(())
}

type Body<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

fn block(
    view: View<'_>,
    token: &str,
    title: &str,
    body: Body<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "<!-- @{token}:start -->")?;
    heading(view.settings.nav_headings, "##", token, title, out)?;
    body(out)?;
    writeln!(out, "\n<!-- @{token}:end -->\n")
}
