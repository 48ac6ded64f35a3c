//! `Index`: files by category and by tag. Only files with content are linked here; the manifest lists all.

use std::io::{self, Write};

use contracts::repolens::report::MetaDensity;

use super::heading;
use super::view::{Entry, View, category_word, tag_word};
use crate::model::{Category, Tag};

const CATEGORIES: [(Category, &str); 6] = [
    (Category::Source, "Source Files"),
    (Category::Doc, "Docs"),
    (Category::Config, "Config"),
    (Category::Contract, "Contracts"),
    (Category::Test, "Tests"),
    (Category::Other, "Other"),
];

const TAGS: [(Tag, &str); 8] = [
    (Tag::Ci, "CI Pipelines"),
    (Tag::WgxProfile, "WGX Profiles"),
    (Tag::AiContext, "AI Context"),
    (Tag::Runbook, "Runbooks"),
    (Tag::Lockfile, "Lock Files"),
    (Tag::Script, "Scripts"),
    (Tag::Adr, "ADRs"),
    (Tag::Feed, "Feeds"),
];

/// Categories and tags that the specification lists whether or not there is such a file.
fn is_always_listed(label: &str) -> bool {
    ["Source Files", "Docs", "Config", "Contracts", "Tests", "CI Pipelines", "WGX Profiles"]
        .contains(&label)
}

/// One section of the index.
struct Section<'a> {
    label: &'static str,
    token: String,
    title: String,
    shows: Box<dyn Fn(&Entry<'_>) -> bool + 'a>,
}

pub(super) fn write(view: View<'_>, out: &mut dyn Write) -> io::Result<()> {
    let nav = view.settings.nav_headings;
    heading(nav, "##", "index", "Index", out)?;
    if view.settings.density == MetaDensity::Min {
        return writeln!(
            out,
            "_Index reduced (meta density `min`): the [manifest](#manifest) has category and tags of every file._\n"
        );
    }
    let sections = sections();
    let counts: Vec<usize> = sections.iter().map(|section| count(view, section)).collect();
    for (section, count) in sections.iter().zip(&counts) {
        match count {
            0 if is_always_listed(section.label) => writeln!(out, "- {}: none", section.label)?,
            0 => {}
            _ => writeln!(out, "- [{}](#{}) ({count})", section.label, section.token)?,
        }
    }
    writeln!(out)?;
    for section in sections.iter().zip(&counts).filter(|(_, count)| **count > 0) {
        let (section, _) = section;
        heading(nav, "##", &section.token, &section.title, out)?;
        for entry in view.entries().filter(|entry| entry.has_content() && (section.shows)(entry)) {
            writeln!(out, "- {}", view.link(entry, &view.path(entry)))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn count(view: View<'_>, section: &Section<'_>) -> usize {
    view.entries().filter(|entry| entry.has_content() && (section.shows)(entry)).count()
}

/// In the order of the specification, with `other` last among the categories.
fn sections() -> Vec<Section<'static>> {
    let categories = CATEGORIES.into_iter().map(|(category, label)| Section {
        label,
        token: format!("cat-{}", category_word(category)),
        title: format!("Category: {}", category_word(category)),
        shows: Box::new(move |entry: &Entry<'_>| entry.file.category == category),
    });
    let tags = TAGS.into_iter().map(|(tag, label)| Section {
        label,
        token: format!("tag-{}", tag_word(tag)),
        title: format!("Tag: {}", tag_word(tag)),
        shows: Box::new(move |entry: &Entry<'_>| entry.file.tags.contains(&tag)),
    });
    categories.chain(tags).collect()
}
