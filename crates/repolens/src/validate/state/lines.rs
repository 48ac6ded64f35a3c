//! Lines that are no headings: which have their place in which section, and what stands around them.

use super::{List, MetaStep, State};
use crate::reader::{Event, key_value};
use crate::validate::findings::Place;
use crate::validate::rules::Rule;
use crate::validate::sections::{EXTRAS, Section};

impl State {
    fn start(&mut self, place: Place, name: &str) {
        if name == "meta" {
            let right = self.part.section == Section::SourceProfile && !self.is_later();
            if self.meta_step != MetaStep::Before || !right {
                self.fail(
                    Rule::MetaBlock,
                    place,
                    "the block stands once, at the end of Source & Profile",
                );
            }
            self.meta_step = MetaStep::Start;
            return;
        }
        let slot =
            (Section::Plan..Section::Structure).contains(&self.part.section) && !self.is_later();
        if !EXTRAS.contains(&name) || self.part.extra.is_some() || !slot {
            self.fail(Rule::ExtraForm, place, format!("`@{name}` cannot begin here"));
        }
        self.part.extra = Some(name.to_owned());
        self.part.extra_opened = false;
    }

    fn end(&mut self, place: Place, name: &str) {
        if name == "meta" {
            if self.meta_step != MetaStep::FenceClosed {
                self.fail(
                    Rule::MetaBlock,
                    place,
                    "the block is one `yaml` fence between its comments",
                );
            }
            self.meta_step = MetaStep::Done;
            return;
        }
        let inside = matches!(self.part.section, Section::Extra(_));
        if self.part.extra.take().as_deref() != Some(name) || !self.part.extra_opened || !inside {
            self.fail(Rule::ExtraForm, place, format!("`@{name}` cannot end here"));
        }
    }

    fn fence(&mut self, place: Place, info: &str) {
        self.part.in_fence = true;
        if self.meta_step == MetaStep::Start {
            if info != "yaml" {
                self.fail(Rule::MetaBlock, place, "the fence of the block says `yaml`");
            }
            self.meta_step = MetaStep::Inside;
        } else if !matches!(self.part.section, Section::Plan | Section::Extra(_)) {
            self.fail(Rule::TextForm, place, "no fence has its place here");
        }
    }

    fn fence_closed(&mut self, place: Place) {
        self.part.in_fence = false;
        if self.meta_step == MetaStep::Inside {
            self.meta_step = MetaStep::FenceClosed;
            self.meta_text_complete(place);
        }
    }

    /// Lines that only some sections may have.
    fn line(&mut self, place: Place, event: &Event<'_>) {
        let meta_is_open = matches!(self.meta_step, MetaStep::Start | MetaStep::FenceClosed);
        if meta_is_open {
            return self.fail(Rule::MetaBlock, place, "nothing but one fence stands in the block");
        }
        self.list(place, event);
        match (self.part.section, event) {
            (_, Event::Blank) if self.part.section == Section::Manifest => {
                self.manifest.blank(place, &mut self.findings);
            }
            (_, Event::Blank) => {}
            (Section::Preamble, Event::Item(item)) if self.is_later() => {
                self.header_line(place, item);
            }
            (Section::SourceProfile, Event::Item(item)) if self.meta_step == MetaStep::Before => {
                self.header_line(place, item);
            }
            (Section::Preamble, Event::Text(text)) => self.note(place, text),
            (
                Section::ProfileDescription
                | Section::ReadingPlan
                | Section::Plan
                | Section::Extra(_),
                Event::Text(_) | Event::Item(_) | Event::Row(_),
            ) => {
                if self.part.extra.is_none() && self.part.section > Section::Plan {
                    self.fail(Rule::ExtraForm, place, "between extras there is nothing");
                }
            }
            (Section::Structure, Event::Text(line) | Event::Item(line)) => {
                self.manifest.tree_line(line, place, &self.links, &mut self.findings);
            }
            (Section::Index, Event::Item(item)) => {
                self.manifest.index_line(item, place, &mut self.findings);
            }
            (Section::Index, Event::Text(text)) if text.starts_with('_') => {}
            (section @ (Section::Category(_) | Section::Tag(_)), Event::Item(item)) => {
                self.manifest.index_file(section, item, place, &self.links, &mut self.findings);
            }
            (Section::Manifest, Event::Row(line)) => {
                let repos = self.meta.as_ref().map_or(&[][..], |meta| &meta.source_repos);
                self.manifest.row(line, place, repos, &self.links, &mut self.findings);
            }
            (Section::Manifest, Event::Text("No file.")) => self.manifest.empty_repository(),
            (Section::Content, Event::Text(text)) if text.starts_with("No file") => {}
            (Section::SourceProfile, _) => self.fail(
                Rule::HeaderKeys,
                place,
                "the section holds `- Key: value` lines and the @meta block",
            ),
            (Section::Manifest, _) => self.fail(
                Rule::ManifestTable,
                place,
                "the manifest holds tables and headings of repositories",
            ),
            (Section::Content, _) => {
                self.fail(Rule::BlockLayout, place, "between file blocks there is nothing");
            }
            (section, _) => {
                let message = format!("no such line has its place in `{}`", section.name());
                self.fail(Rule::TextForm, place, message);
            }
        }
    }

    /// Lists of the head, the tree and the index have no empty line inside.
    fn list(&mut self, place: Place, event: &Event<'_>) {
        let is_list = matches!(
            self.part.section,
            Section::SourceProfile
                | Section::Structure
                | Section::Index
                | Section::Category(_)
                | Section::Tag(_)
        );
        self.part.list = match (self.part.list, event) {
            (List::Inside, Event::Blank) => List::After,
            (List::Before, Event::Item(_) | Event::Text(_)) => List::Inside,
            (List::After, Event::Item(_) | Event::Text(_)) if is_list => {
                self.fail(Rule::TextForm, place, "the list of this section ended above");
                List::After
            }
            (list, _) => list,
        };
    }

    fn header_line(&mut self, place: Place, item: &str) {
        match key_value(item) {
            Some((key, value)) => self.part.header.add(key, value, place),
            None => self.fail(Rule::HeaderKeys, place, "a line of the header is `- Key: value`"),
        }
    }

    /// A paragraph between the title and the first heading.
    fn note(&mut self, place: Place, text: &str) {
        let known =
            ["> ", "**Meta-Density:**", "**Auto-Drosselung:**", "**Meta-Mode:**", "**Profil: "];
        if !known.iter().any(|start| text.starts_with(start)) {
            self.fail(Rule::TextForm, place, "no such line has its place above the first heading");
        }
        if let Some(density) = text.strip_prefix("**Meta-Density:** ") {
            self.part.header.set_density(density, place);
        }
    }

    /// Empty lines stand below headings and around markers.
    pub(super) fn blanks(&mut self, place: Place, event: &Event<'_>) {
        let is_blank = *event == Event::Blank;
        let due = std::mem::replace(&mut self.part.blank_due, matches!(event, Event::End(_)));
        let above = matches!(event, Event::Search(_)) && !self.part.free_above;
        self.part.free_above = is_blank || matches!(event, Event::Start(_));
        if due && !is_blank || above {
            self.fail(Rule::TextForm, place, "an empty line belongs above this one");
        }
    }

    pub(super) fn other(&mut self, place: Place, event: &Event<'_>) {
        match event {
            Event::Start(name) => self.start(place, name),
            Event::End(name) => self.end(place, name),
            Event::FenceOpen { info, .. } => self.fence(place, info),
            Event::FenceClose => self.fence_closed(place),
            Event::File(_) | Event::FileMeta(_) | Event::ZoneBegin(_) | Event::ZoneEnd(_) => {
                self.fail(Rule::BlockLayout, place, "this marker stands outside of a file block");
            }
            Event::Rule => self.fail(
                Rule::BlockLayout,
                place,
                "`---` begins a file block, and there are none here",
            ),
            _ => self.line(place, event),
        }
    }
}
