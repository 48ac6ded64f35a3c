//! The validator's walk through a merge: which section, which line may come next.

mod ending;
mod headings;
mod lines;

use contracts::repolens::report::{MergeMeta, RenderMode, ReportMeta};

use super::Options;
use super::block::{Blocks, Context};
use super::findings::{Findings, Place};
use super::header::Header;
use super::links::LinkBook;
use super::manifest::Manifest;
use super::rules::Rule;
use super::sections::Section;
use crate::reader::{Event, Links, Position, Sink, parse_meta};

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
