//! `Manifest`: every file of the merge with its facts, and a link where its content stands.

use std::io::{self, Write};

use super::anchors::hex;
use super::heading;
use super::names::plain;
use super::view::{View, category_word, included, tags};

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nav = view.settings.nav_headings;
    heading(nav, "##", "manifest", "🧾 Manifest", out)?;
    for (at, repo) in view.snapshot.repos.iter().enumerate() {
        if view.is_fleet() {
            let token = format!("manifest-{}", view.names.repo(at));
            heading(nav, "###", &token, &format!("📦 {}", plain(&repo.name)), out)?;
        }
        if repo.files.is_empty() {
            writeln!(out, "No file.\n")?;
            continue;
        }
        writeln!(out, "| Path | Category | Tags | Size | Tokens | Included | MD5 |")?;
        writeln!(out, "| :--- | :--- | :--- | ---: | ---: | :--- | :--- |")?;
        for entry in view.of_repo(at) {
            let file = entry.file;
            let tokens = entry.facts.emitted.as_ref().and_then(|emitted| emitted.tokens);
            let tokens = tokens.map_or("-".to_owned(), |tokens| tokens.to_string());
            let md5 = entry.facts.hashes.map_or("-".to_owned(), |hashes| hex(&hashes.md5));
            writeln!(
                out,
                "| {} | {} | {} | {} | {tokens} | {} | {md5} |",
                view.link(entry, &file.path),
                category_word(file.category),
                tags(file),
                file.size,
                included(entry),
            )?;
        }
        writeln!(out)?;
    }
    Ok(())
}
