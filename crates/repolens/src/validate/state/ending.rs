//! What only the end of a part or of a merge shows: titles, totals, missing sections.

use contracts::repolens::report::{MergeMeta, MetaDensity, RenderMode};

use super::{MetaStep, State, Trio};
use crate::validate::findings::Place;
use crate::validate::rules::Rule;
use crate::validate::sections::{EXTRAS, Section, asked_for};

impl State {
    /// Checks what a part has to have, once it is over.
    pub(in crate::validate) fn end_part(&mut self) {
        let whole = Place { part: Some(self.index()), line: 0 };
        if self.part.trio != Trio::Idle {
            self.fail(
                Rule::HeadingMarkers,
                self.part.last,
                "the part ends between the markers of a heading",
            );
        }
        if let Some(name) = self.part.extra.take() {
            self.fail(Rule::ExtraForm, self.part.last, format!("`@{name}` is not closed"));
        }
        if self.part.in_fence && !self.blocks.is_inside() {
            self.fail(Rule::TextForm, self.part.last, "a fence is not closed");
        }
        self.blocks.end_part(self.part.last, &mut self.findings);
        let later = self.is_later();
        self.part.header.check(later, whole, &mut self.findings);
        self.check_title(whole);
        if later {
            self.end_later(whole);
        } else {
            self.end_first(whole);
        }
    }

    fn check_title(&mut self, whole: Place) {
        let Some((part, of)) = self.part.title else {
            return self.fail(
                Rule::Title,
                whole,
                "the part does not begin with `# WC-Merge Report (Part N/M)`",
            );
        };
        if part == 0 || part > of {
            self.fail(Rule::Title, whole, format!("there is no part {part} of {of}"));
        }
        let given = self.names.len();
        if part as usize != given {
            self.fail(
                Rule::PartSet,
                whole,
                format!("this is part {part}, but part {given} belongs here"),
            );
        }
        if let Some((_, first)) = self.first_title
            && first != of
        {
            self.fail(
                Rule::PartSet,
                whole,
                format!("this part is one of {of}, part 1 is one of {first}"),
            );
        }
    }

    fn end_first(&mut self, whole: Place) {
        if self.part.header.render_mode().is_some() {
            let planned = self.mode() == RenderMode::PlanOnly;
            if planned != self.part.plan_marker {
                let message = if planned {
                    "a plan begins with `<!-- MODE:PLAN_ONLY -->`"
                } else {
                    "this is no plan, but it begins like one"
                };
                self.fail(Rule::PlanOnlyMarker, whole, message);
            }
        }
        if self.meta_step != MetaStep::Done {
            self.fail(Rule::MetaBlock, whole, "there is no complete @meta block");
        }
        let mode = self.mode();
        for section in Section::DEMANDED {
            let found = self.seen.iter().any(|(seen, _)| *seen == section);
            if section.is_demanded(mode) && !found {
                let rule = match section {
                    Section::Manifest => Rule::ManifestAnchor,
                    _ => Rule::SectionMissing,
                };
                let message = format!("the section `{}` is missing", section.name());
                self.fail(rule, whole, message.clone());
                if rule != Rule::SectionMissing {
                    self.fail(Rule::SectionMissing, whole, message);
                }
            }
        }
        if let Some(meta) = self.meta.clone() {
            self.check_against_meta(&meta, whole);
        }
        self.first_title = self.part.title;
        self.first_header = std::mem::take(&mut self.part.header);
    }

    fn check_against_meta(&mut self, meta: &MergeMeta, whole: Place) {
        self.part.header.compare(meta, &mut self.findings);
        if let Some((_, of)) = self.part.title
            && u64::from(of) != meta.parts
        {
            self.fail(Rule::Title, whole, format!("@meta states {} parts", meta.parts));
        }
        for (at, name) in EXTRAS.iter().enumerate() {
            let found = self.seen.iter().any(|(section, _)| *section == Section::Extra(at));
            if found != asked_for(at, &meta.extras) {
                let message =
                    if found { "was not asked for" } else { "was asked for, but is not there" };
                self.fail(Rule::ExtraForm, whole, format!("the extra `{name}` {message}"));
            }
        }
        if meta.render_mode != RenderMode::PlanOnly {
            self.manifest.check_totals(meta, whole, &mut self.findings);
            self.manifest.check_index(meta.meta_density, whole, &mut self.findings);
        }
        self.check_density(meta, whole);
    }

    fn check_density(&mut self, meta: &MergeMeta, whole: Place) {
        let plain = meta.mode.is_some();
        if meta.mode.is_some() != meta.warning.is_some() {
            self.fail(Rule::MetaSchema, whole, "`mode` and `warning` stand together or not at all");
        }
        let speaking = Section::Extra(4);
        let interpreted = self
            .seen
            .iter()
            .any(|(section, _)| matches!(section, Section::Extra(_)) && *section != speaking);
        if plain && interpreted {
            self.fail(
                Rule::Density,
                whole,
                "a merge without interpretation has no extras that interpret",
            );
        }
        if self.hotspots && (plain || meta.meta_density == MetaDensity::Min) {
            self.fail(
                Rule::Density,
                whole,
                "there are no hotspots at density `min` or without interpretation",
            );
        }
    }

    fn end_later(&mut self, whole: Place) {
        let header = std::mem::take(&mut self.part.header);
        header.compare_parts(&self.first_header, &mut self.findings);
        if let Some((name, place)) = header.continues() {
            let first = self.names.first().map_or("", String::as_str);
            if name != first && !self.options.any_names {
                self.fail(
                    Rule::PartSet,
                    place,
                    format!("it continues `{name}`, but `{first}` was given"),
                );
            }
        }
        if !self.part.content_seen {
            self.fail(Rule::SectionMissing, whole, "the section `📄 Content` is missing");
        }
        if self.part.plan_marker {
            self.fail(Rule::PlanOnlyMarker, whole, "only the first part of a plan has this marker");
        }
    }

    /// Checks what only the whole merge shows.
    pub(in crate::validate) fn finish(&mut self) {
        let whole = Place { part: Some(0), line: 0 };
        if self.names.is_empty() {
            return self.fail(Rule::Title, whole, "there is no part at all");
        }
        if let Some((_, of)) = self.first_title
            && of as usize != self.names.len()
            && of > 0
        {
            let message = format!("{of} parts belong together, {} were given", self.names.len());
            self.fail(Rule::PartSet, whole, message);
        }
        self.blocks.finish(&self.manifest.listed, &mut self.findings);
        if let Some(meta) = &self.meta
            && meta.render_mode != RenderMode::PlanOnly
            && self.repos_seen < meta.source_repos.len()
        {
            let message = format!(
                "{} of {} repositories have a heading",
                self.repos_seen,
                meta.source_repos.len()
            );
            self.fail(Rule::RepoHeading, whole, message);
        }
        self.links.finish(&self.names, self.options.any_names, &mut self.findings);
        if self.options.debug {
            self.debug();
        }
    }

    fn debug(&mut self) {
        let whole = Place { part: Some(0), line: 0 };
        let counted = [
            (Rule::Untagged, self.manifest.untagged, "files have no tag"),
            (
                Rule::Colliding,
                self.blocks.suffixed,
                "files share their anchor with others and have a suffix",
            ),
            (
                Rule::WithoutAnchor,
                self.manifest.without_content,
                "files have no content and no anchor",
            ),
        ];
        for (rule, count, words) in counted {
            if count > 0 {
                self.fail(rule, whole, format!("{count} {words}"));
            }
        }
        for (section, line) in self.seen.clone() {
            let place = Place { part: Some(0), line };
            self.fail(Rule::SectionReport, place, section.name());
        }
    }
}
