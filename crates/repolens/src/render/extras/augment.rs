//! Augment: what a repository says of itself for this purpose, in `<repo>_augment.yml` in its root.

use std::io::{self, Write};

use crate::render::names::shown;
use crate::render::view::View;

/// Most bytes of an augment file.
pub const SIZE_MAX: u64 = 64 * 1024;

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    if view.notes.augment.is_empty() {
        let names: Vec<String> = { view.snapshot.repos.iter() }
            .map(|repo| format!("`{}_augment.yml`", shown(&repo.name)))
            .collect();
        return writeln!(
            out,
            "No augment file: looked for {} in the roots, among the files of this merge.",
            names.join(", ")
        );
    }
    for (name, text) in &view.notes.augment {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        writeln!(out, "From `{}`:\n\n{fence}yaml\n{}\n{fence}", shown(name), text.trim_end())?;
    }
    Ok(())
}
