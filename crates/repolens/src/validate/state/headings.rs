//! Headings: their three lines, the order of the sections, the headings of repositories.

use super::{List, State, Trio};
use crate::reader::{plain_name, slug};
use crate::validate::findings::Place;
use crate::validate::rules::Rule;
use crate::validate::sections::{EXTRAS, Section};

impl State {
    pub(super) fn heading(&mut self, place: Place, level: usize, text: &str, token: Option<&str>) {
        let trio = std::mem::take(&mut self.part.trio);
        let Some(token) = token else {
            match trio {
                Trio::Anchor(known) if known == text => self.part.trio = Trio::Bare(known),
                Trio::Idle => self.plain_heading(place, level, text),
                _ => self.fail(
                    Rule::HeadingMarkers,
                    place,
                    "the heading does not carry the token of the markers above it",
                ),
            }
            return;
        };
        let bare = matches!(trio, Trio::Bare(_));
        if *self.bare_headings.get_or_insert(bare) != bare {
            self.fail(
                Rule::HeadingMarkers,
                place,
                "some headings have a bare one above them, others do not",
            );
        }
        match trio {
            Trio::Anchor(known) | Trio::Bare(known) if known == token => {}
            _ => self.fail(
                Rule::HeadingMarkers,
                place,
                format!("`§§ {token}` and its anchor do not stand directly above"),
            ),
        }
        if text == "🧾 Manifest" && token != "manifest" {
            self.fail(Rule::ManifestAnchor, place, "the manifest has the token `manifest`");
        }
        self.part.blank_due = true;
        match Section::of(token) {
            Some(section) => self.section(place, level, text, section),
            None => self.inner_heading(place, level, text, token),
        }
    }

    fn plain_heading(&mut self, place: Place, level: usize, text: &str) {
        let free = matches!(
            self.part.section,
            Section::ProfileDescription | Section::ReadingPlan | Section::Plan | Section::Extra(_)
        );
        if level < 3 || !free {
            self.fail(
                Rule::SectionUnknown,
                place,
                format!("`{text}` is no heading of the format here"),
            );
        }
        self.hotspots |= self.part.section == Section::Plan && text == "Hotspots";
    }

    fn section(&mut self, place: Place, level: usize, text: &str, section: Section) {
        if level != 2 || section.title().is_some_and(|title| title != text) {
            let title = section.title().unwrap_or_default();
            let message = format!("the heading of this section is `## {title}`");
            self.fail(Rule::SectionUnknown, place, message);
        }
        if self.is_later() {
            if section != Section::Content || self.part.section != Section::Preamble {
                self.fail(Rule::SectionForbidden, place, "a later part has nothing but contents");
            }
            self.part.content_seen = true;
        } else {
            let before = self.part.section;
            if section <= before {
                let message = format!("`{}` comes after `{}`", section.name(), before.name());
                self.fail(Rule::SectionOrder, place, message);
            }
            self.seen.push((section, place.line));
            self.manifest.index_section(section);
        }
        if !section.is_allowed(self.mode()) {
            self.fail(Rule::SectionForbidden, place, "this section has no place in a plan");
        }
        if let Section::Extra(at) = section
            && self.part.extra.as_deref() != Some(EXTRAS[at])
        {
            self.fail(
                Rule::ExtraForm,
                place,
                format!("`<!-- @{}:start -->` does not stand above", EXTRAS[at]),
            );
        }
        if self.part.section <= Section::Manifest && section > Section::Manifest {
            self.manifest.blank(place, &mut self.findings);
        }
        if self.part.extra.is_some() && !matches!(section, Section::Extra(_)) {
            self.fail(Rule::ExtraForm, place, "the extra above is not closed");
        }
        self.part.section = section;
        self.part.list = List::Before;
        self.part.extra_opened = true;
    }

    /// A heading with a token that is no section.
    fn inner_heading(&mut self, place: Place, level: usize, text: &str, token: &str) {
        let known = match self.part.section {
            Section::Content if token.starts_with("repo-") => {
                self.repository(place, level, text, token);
                true
            }
            Section::Manifest if token.starts_with("manifest-") => {
                let name =
                    self.meta.as_ref().map(|meta| meta.source_repos.get(self.manifest.headings));
                let wanted = name.map(|name| name.map(|name| format!("📦 {}", plain_name(name))));
                let fits = match wanted {
                    Some(wanted) => wanted.as_deref() == Some(text),
                    None => text.starts_with("📦 "),
                };
                if level != 3 || !fits {
                    self.fail(
                        Rule::ManifestTable,
                        place,
                        "a repository has the heading `### 📦 name`, in the order of @meta",
                    );
                }
                self.manifest.repository(place, &mut self.findings);
                true
            }
            Section::Plan | Section::Extra(_) => level > 2,
            _ => false,
        };
        if !known {
            self.fail(
                Rule::SectionUnknown,
                place,
                format!("no heading of the format has the token `{token}` here"),
            );
        }
    }

    fn repository(&mut self, place: Place, level: usize, text: &str, token: &str) {
        let Some(meta) = &self.meta else { return };
        let wanted = |name: &String| {
            let slug = format!("repo-{}", slug(name));
            token
                .strip_prefix(&slug)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-') && rest.len() >= 7)
        };
        let at = self.repos_seen;
        let name = meta
            .source_repos
            .get(at)
            .filter(|name| wanted(name) && text.strip_prefix("📦 ") == Some(&*plain_name(name)));
        match name {
            Some(_) if level == 2 => {
                self.repos_seen = at + 1;
                self.blocks.repo = Some(at);
            }
            _ => self.fail(
                Rule::RepoHeading,
                place,
                "this is not the heading of the next repository in @meta",
            ),
        }
    }
}
