//! Links that lead nowhere: relative links of Markdown to files and headings, and symbolic links.

use std::collections::{BTreeMap, HashSet};

use contracts::wgx::FixKind;
use wgx_tasks::files::{join, parent};

use super::tree::{Kind, SourceFile};
use super::{Check, Context, Found, Rule};

mod markdown;

use markdown::{Link, anchors, links};

pub(super) struct BrokenLinks;

static RULE: Rule = Rule {
    id: "broken-links",
    finds: "relative links of Markdown to files or headings that do not exist, and symbolic links \
            without a target; addresses of the network are not tried",
    why: "readers end up nowhere",
    fix: "correct the target, or remove the link",
    kind: FixKind::Manual,
};

impl Check for BrokenLinks {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn file(&self, file: &SourceFile, context: &Context<'_>) -> Vec<Found> {
        if !file.is_markdown() {
            return Vec::new();
        }
        let Some(text) = file.text() else { return Vec::new() };
        let own = anchors(text);
        let mut others: BTreeMap<String, Option<HashSet<String>>> = BTreeMap::new();
        let broken = links(text).into_iter().filter_map(|link| {
            let target = Target::of(&link)?;
            let message = target.failure(file, &own, &mut others, context)?;
            Some(Found {
                column: Some(link.column),
                ..Found::new(&file.path, Some(link.line), message)
            })
        });
        broken.collect()
    }

    fn tree(&self, context: &Context<'_>) -> Vec<Found> {
        let links = context.tree.all().filter(|file| file.wanted && file.kind == Kind::Link);
        let broken = links.filter(|file| !context.tree.root().join(&file.path).exists());
        broken
            .map(|file| {
                let target = std::fs::read_link(context.tree.root().join(&file.path));
                let target =
                    target.map_or_else(|_| String::new(), |t| t.to_string_lossy().into_owned());
                Found::new(
                    &file.path,
                    None,
                    format!("symbolic link to `{target}`, which does not exist"),
                )
            })
            .collect()
    }
}

/// A relative target: a path, a heading, or both.
struct Target {
    path: String,
    anchor: String,
}

impl Target {
    /// `None` where a link cannot be judged from the files alone: addresses, absolute paths of
    /// sites, templates.
    fn of(link: &Link) -> Option<Self> {
        let raw = link.target.trim();
        let has_scheme = raw.split(['/', '#', '?']).next().is_some_and(|start| start.contains(':'));
        let template = ["{{", "{%", "${", "<%", "{"].iter().any(|mark| raw.contains(mark));
        if raw.is_empty() || raw.starts_with('/') || has_scheme || template {
            return None;
        }
        let (path, anchor) = raw.split_once('#').unwrap_or((raw, ""));
        let path = path.split('?').next().unwrap_or_default();
        Some(Self { path: percent_decoded(path)?, anchor: percent_decoded(anchor)? })
    }

    fn failure(
        &self,
        file: &SourceFile,
        own: &HashSet<String>,
        others: &mut BTreeMap<String, Option<HashSet<String>>>,
        context: &Context<'_>,
    ) -> Option<String> {
        let shown = redact::escape::escape_ctl_line(&self.path).into_owned();
        if self.path.is_empty() {
            return (!holds(own, &self.anchor))
                .then(|| format!("there is no heading for `#{}` in this file", self.anchor));
        }
        let Some(path) = join(parent(&file.path), &self.path) else {
            // Above the root lies whatever the clone was put into.
            return None;
        };
        let Some(existing) = existing(&path, context) else {
            return Some(format!("`{shown}` does not exist"));
        };
        if self.anchor.is_empty() || !existing.ends_with(".md") {
            return None;
        }
        let anchors = others
            .entry(existing.clone())
            .or_insert_with(|| context.tree.text_of(&existing).map(|text| anchors(&text)));
        let missing = anchors.as_ref().is_some_and(|anchors| !holds(anchors, &self.anchor));
        missing.then(|| format!("there is no heading for `#{}` in `{existing}`", self.anchor))
    }
}

/// The file a path means: itself, or what generators of sites make of it.
fn existing(path: &str, context: &Context<'_>) -> Option<String> {
    let bare = path.trim_end_matches('/');
    let stem = bare.strip_suffix(".html").unwrap_or(bare);
    let candidates = [
        bare.to_owned(),
        format!("{stem}.md"),
        format!("{stem}.mdx"),
        format!("{stem}/index.md"),
        format!("{stem}/README.md"),
        format!("{stem}.rst"),
        format!("{stem}.adoc"),
    ];
    candidates.into_iter().find(|path| context.tree.exists(path))
}

/// Whether a heading answers to an anchor. Renderers differ in what they do with signs, so only
/// letters and digits are compared.
fn holds(anchors: &HashSet<String>, anchor: &str) -> bool {
    let wanted = markdown::plain(anchor);
    wanted.is_empty() || wanted == "top" || anchors.contains(&wanted)
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let value = escaped
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(*first));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}
