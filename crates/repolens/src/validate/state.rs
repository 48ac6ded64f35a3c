//! The validator's walk through a merge: which section, which line may come next.

use contracts::repolens::report::{MergeMeta, MetaDensity, RenderMode, ReportMeta};

use super::Options;
use super::block::{Blocks, Context};
use super::findings::{Findings, Place};
use super::header::Header;
use super::links::LinkBook;
use super::manifest::Manifest;
use super::rules::Rule;
use super::sections::{EXTRAS, Section, asked_for};
use crate::reader::{Event, Links, Position, Sink, key_value, parse_meta, plain_name, slug};

/// Longest `@meta` block, in bytes.
const META_LIMIT_BYTES: usize = 1 << 20;

/// The three lines of a heading with a token.
#[derive(Debug, Default, PartialEq, Eq)]
enum Trio {
    #[default]
    Idle,
    Search(String),
    Anchor(String),
    Bare(String),
}

/// How far the `@meta` block has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum MetaStep {
    #[default]
    Before,
    Start,
    Inside,
    FenceClosed,
    Done,
}

/// One part while it is read.
#[derive(Debug)]
struct Part {
    title: Option<(u32, u32)>,
    plan_marker: bool,
    header: Header,
    section: Section,
    /// Lines so far, empty ones not counted.
    lines: u64,
    trio: Trio,
    /// The extra whose start marker was met.
    extra: Option<String>,
    extra_opened: bool,
    in_fence: bool,
    last: Place,
    content_seen: bool,
    /// How far the lines of a section that is one list have come.
    list: List,
    /// Whether an empty line has to follow.
    blank_due: bool,
    /// Whether a heading's markers may come next.
    free_above: bool,
}

/// A list stands between two empty lines.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum List {
    #[default]
    Before,
    Inside,
    After,
}

impl Default for Part {
    fn default() -> Self {
        Self {
            title: None,
            plan_marker: false,
            header: Header::default(),
            section: Section::Preamble,
            lines: 0,
            trio: Trio::Idle,
            extra: None,
            extra_opened: false,
            in_fence: false,
            last: Place::default(),
            content_seen: false,
            list: List::Before,
            blank_due: false,
            free_above: false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    options: Options,
    pub(super) findings: Findings,
    pub(super) names: Vec<String>,
    part: Part,
    first_header: Header,
    first_title: Option<(u32, u32)>,
    meta_step: MetaStep,
    meta_text: Vec<u8>,
    meta_too_long: bool,
    pub(super) meta: Option<MergeMeta>,
    seen: Vec<(Section, u64)>,
    pub(super) links: LinkBook,
    pub(super) manifest: Manifest,
    pub(super) blocks: Blocks,
    repos_seen: usize,
    hotspots: bool,
    /// Whether headings have a bare one above them; the first one decides.
    pub(super) bare_headings: Option<bool>,
}

impl State {
    pub(super) fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    pub(super) fn begin_part(&mut self, name: &str) {
        self.names.push(name.to_owned());
        self.part = Part::default();
        self.part.last = Place { part: Some(self.names.len() - 1), line: 0 };
    }

    fn index(&self) -> usize {
        self.names.len().saturating_sub(1)
    }

    fn is_later(&self) -> bool {
        self.names.len() > 1
    }

    fn fail(&mut self, rule: Rule, place: Place, message: impl Into<String>) {
        self.findings.add(rule, place, message);
    }

    fn mode(&self) -> RenderMode {
        let first = if self.is_later() { &self.first_header } else { &self.part.header };
        let known = self.meta.as_ref().map(|meta| meta.render_mode).or(first.render_mode());
        known.unwrap_or(RenderMode::Full)
    }

    /// Checks what a part has to have, once it is over.
    pub(super) fn end_part(&mut self) {
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
    pub(super) fn finish(&mut self) {
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

    fn meta_text_complete(&mut self, place: Place) {
        let text = std::mem::take(&mut self.meta_text);
        if self.meta_too_long {
            return self.fail(Rule::MetaYaml, place, "the block is longer than 1 MiB");
        }
        let Ok(text) = String::from_utf8(text) else {
            return self.fail(Rule::MetaYaml, place, "the block is not UTF-8");
        };
        let value = match parse_meta(&text) {
            Ok(value) => value,
            Err(error) => return self.fail(Rule::MetaYaml, place, error.to_string()),
        };
        let given = value.to_string();
        match serde_json::from_value::<ReportMeta>(value) {
            Ok(meta) => {
                let canonical = serde_json::to_string(&meta).unwrap_or_default();
                if canonical != given {
                    let message = "a key is missing, or the keys are not in their order";
                    self.fail(Rule::MetaSchema, place, message);
                }
                for what in super::meta::check(&meta.merge) {
                    self.fail(Rule::MetaSchema, place, what);
                }
                self.meta = Some(meta.merge);
            }
            Err(error) => self.fail(Rule::MetaSchema, place, error.to_string()),
        }
    }

    /// The first two lines of a part; true when the line is one of them.
    fn opening(&mut self, place: Place, event: &Event<'_>) -> bool {
        match event {
            Event::PlanOnly => {
                if self.part.lines != 0 || self.is_later() {
                    self.fail(
                        Rule::PlanOnlyMarker,
                        place,
                        "the marker stands only in the first line",
                    );
                }
                self.part.plan_marker = true;
            }
            Event::Title { part, of } => {
                let above = u64::from(self.part.plan_marker);
                if self.part.title.is_some() || self.part.lines != above || place.line != above + 1
                {
                    self.fail(Rule::Title, place, "the title stands only in the first line");
                }
                self.part.title.get_or_insert((*part, *of));
            }
            _ => return false,
        }
        true
    }

    fn heading(&mut self, place: Place, level: usize, text: &str, token: Option<&str>) {
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

    fn is_content(&self) -> bool {
        self.part.section == Section::Content
    }
}

impl Sink for State {
    fn event(&mut self, at: Position, event: Event<'_>) {
        let place = Place { part: Some(self.index()), line: at.line };
        self.part.last = place;
        if at.line == 1 && !matches!(event, Event::Title { .. } | Event::PlanOnly) {
            self.fail(Rule::Title, place, "the first line is not `# WC-Merge Report (Part N/M)`");
        }
        match event {
            Event::Heading { text: line, .. }
            | Event::Item(line)
            | Event::Row(line)
            | Event::Text(line) => {
                for link in Links::of(line) {
                    self.links.link(link, place);
                }
            }
            Event::Broken(what) => {
                self.part.lines += 1;
                return self.fail(Rule::TextForm, place, what);
            }
            _ => {}
        }
        if self.is_content() {
            let mut context = Context {
                listed: &self.manifest.listed,
                meta: self.meta.as_ref(),
                links: &mut self.links,
                findings: &mut self.findings,
                hashes: self.options.hashes,
                later: self.names.len() > 1,
                bare_headings: self.bare_headings,
            };
            if self.blocks.event(place, &event, &mut context) {
                return;
            }
        }
        self.blanks(place, &event);
        let opens = self.opening(place, &event);
        if event != Event::Blank {
            self.part.lines += 1;
        }
        if opens {
            return;
        }
        match event {
            Event::Search(token) => {
                if self.part.trio != Trio::Idle {
                    self.fail(Rule::HeadingMarkers, place, "the marker above has no heading");
                }
                self.part.trio = Trio::Search(token.to_owned());
            }
            Event::Anchor(token) => {
                self.links.anchor(token, place, &mut self.findings);
                match std::mem::take(&mut self.part.trio) {
                    Trio::Search(known) if known == token => {}
                    _ => self.fail(
                        Rule::HeadingMarkers,
                        place,
                        format!("`§§ {token}` does not stand above this anchor"),
                    ),
                }
                self.part.trio = Trio::Anchor(token.to_owned());
            }
            Event::Heading { level, text, token } => self.heading(place, level, text, token),
            _ => {
                if std::mem::take(&mut self.part.trio) != Trio::Idle {
                    self.fail(Rule::HeadingMarkers, place, "the markers above have no heading");
                }
                self.other(place, &event);
            }
        }
    }

    fn content(&mut self, bytes: &[u8]) {
        if self.blocks.is_inside() {
            self.blocks.content(bytes);
        } else if self.meta_step == MetaStep::Inside {
            self.meta_too_long |= self.meta_text.len() + bytes.len() > META_LIMIT_BYTES;
            if !self.meta_too_long {
                self.meta_text.extend_from_slice(bytes);
            }
        }
    }
}

impl State {
    /// Empty lines stand below headings and around markers.
    fn blanks(&mut self, place: Place, event: &Event<'_>) {
        let is_blank = *event == Event::Blank;
        let due = std::mem::replace(&mut self.part.blank_due, matches!(event, Event::End(_)));
        let above = matches!(event, Event::Search(_)) && !self.part.free_above;
        self.part.free_above = is_blank || matches!(event, Event::Start(_));
        if due && !is_blank || above {
            self.fail(Rule::TextForm, place, "an empty line belongs above this one");
        }
    }

    fn other(&mut self, place: Place, event: &Event<'_>) {
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
