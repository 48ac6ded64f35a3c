//! File blocks: the order of their lines, their facts, their contents.

mod compare;
mod content;

use content::Content;
use contracts::repolens::report::MergeMeta;
use sha2::Digest as _;

use super::findings::{Findings, Place};
use super::links::LinkBook;
use super::manifest::Listed;
use super::rules::Rule;
use crate::reader::{Event, FileMeta, Zone, code_span, encoding, key_value};

/// What the line before was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Step {
    #[default]
    Outside,
    Rule,
    RuleBlank,
    Search,
    Anchor,
    IdAnchor,
    Marker,
    BareHeading,
    Heading,
    HeadingBlank,
    Facts,
    FileMeta,
    FactsBlank,
    ZoneBegin,
    Inside,
    FenceClosed,
    ZoneEnd,
    ZoneEndBlank,
    BackLink,
}

/// One file block while it is read.
#[derive(Debug, Default)]
struct Block {
    place: Place,
    anchor: String,
    id: String,
    repo: String,
    path: String,
    percent: bool,
    facts: Vec<(String, String)>,
    meta: Option<FileMeta>,
    encoding: Option<String>,
    lang: String,
    pieces: (u32, u32),
    fence: usize,
    eof_none: bool,
    zone_bytes: u64,
    content: Content,
}

/// What blocks are compared with.
pub(super) struct Context<'a> {
    pub(super) listed: &'a [Listed],
    pub(super) meta: Option<&'a MergeMeta>,
    pub(super) links: &'a mut LinkBook,
    pub(super) findings: &'a mut Findings,
    pub(super) hashes: bool,
    /// Whether this is a part behind the first.
    pub(super) later: bool,
    /// Whether headings have a bare one above them.
    pub(super) bare_headings: Option<bool>,
}

/// All blocks of a merge.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    step: Step,
    block: Block,
    pub(super) count: u64,
    pub(super) suffixed: u64,
    /// The row that the next block belongs to.
    next: usize,
    /// The repository of the last heading `## 📦`.
    pub(super) repo: Option<usize>,
}

impl Blocks {
    /// Takes a line of the content section; false when it belongs to no block.
    pub(super) fn event(&mut self, place: Place, event: &Event<'_>, cx: &mut Context<'_>) -> bool {
        if self.step == Step::Outside {
            if *event == Event::Rule {
                self.block = Block { place, ..Block::default() };
                self.step = Step::Rule;
                return true;
            }
            return false;
        }
        let Some(next) = self.follow(place, event, cx) else {
            let message = format!("this line cannot follow {}", name(self.step));
            cx.findings.add(Rule::BlockLayout, place, message);
            self.step = Step::Outside;
            return match event {
                Event::Rule => self.event(place, event, cx),
                _ => true,
            };
        };
        self.step = next;
        true
    }

    /// Whether the reader is inside the fence of a block.
    pub(super) fn is_inside(&self) -> bool {
        self.step == Step::Inside
    }

    pub(super) fn content(&mut self, bytes: &[u8]) {
        self.block.zone_bytes += bytes.len() as u64;
        self.block.content.take(bytes);
    }

    /// The end of a part.
    pub(super) fn end_part(&mut self, place: Place, findings: &mut Findings) {
        if self.step != Step::Outside {
            let message = format!("the part ends in a file block, after {}", name(self.step));
            findings.add(Rule::BlockLayout, place, message);
            self.step = Step::Outside;
        }
    }

    /// Rows whose blocks did not come.
    pub(super) fn finish(&mut self, listed: &[Listed], findings: &mut Findings) {
        self.missing(listed, listed.len(), findings);
    }

    fn missing(&mut self, listed: &[Listed], until: usize, findings: &mut Findings) {
        for row in listed.get(self.next..until).unwrap_or_default() {
            let place = Place { part: Some(0), line: row.line };
            findings.add(
                Rule::BlockMissing,
                place,
                "the file of this row has no block at its place",
            );
        }
        self.next = until.max(self.next);
    }

    fn follow(&mut self, place: Place, event: &Event<'_>, cx: &mut Context<'_>) -> Option<Step> {
        let anchor = self.block.anchor.as_str();
        Some(match (self.step, event) {
            (Step::Rule, Event::Blank) => Step::RuleBlank,
            (Step::RuleBlank, Event::Search(token)) => {
                self.block.anchor = (*token).to_owned();
                Step::Search
            }
            (Step::Search, Event::Anchor(token)) if *token == anchor => {
                cx.links.anchor(token, place, cx.findings);
                Step::Anchor
            }
            (Step::Anchor, Event::Anchor(token)) => {
                cx.links.anchor(token, place, cx.findings);
                self.block.id = token.strip_prefix("file-")?.to_owned();
                Step::IdAnchor
            }
            (Step::IdAnchor, Event::File(marker)) => {
                self.marker(place, marker, cx);
                Step::Marker
            }
            (Step::Marker, Event::Heading { level: 3, text, token: None }) if *text == anchor => {
                Step::BareHeading
            }
            (
                Step::Marker | Step::BareHeading,
                Event::Heading { level: 3, text, token: Some(token) },
            ) if *token == anchor => {
                if *text != format!("`{}`", code_span(&self.block.path)) {
                    cx.findings.add(
                        Rule::FileId,
                        place,
                        "the heading shows another path than the marker",
                    );
                }
                if cx.bare_headings.is_some_and(|bare| bare != (self.step == Step::BareHeading)) {
                    let message = "some headings have a bare one above them, others do not";
                    cx.findings.add(Rule::HeadingMarkers, place, message);
                }
                Step::Heading
            }
            (Step::Heading, Event::Blank) => Step::HeadingBlank,
            (Step::HeadingBlank | Step::Facts, Event::Item(item)) => {
                let (key, value) = key_value(item)?;
                self.block.facts.push((key.to_owned(), value.to_owned()));
                Step::Facts
            }
            (Step::HeadingBlank | Step::Facts, Event::FileMeta(json)) => {
                match serde_json::from_str(json) {
                    Ok(meta) => self.block.meta = Some(meta),
                    Err(error) => {
                        let message = format!("file_meta cannot be read: {error}");
                        cx.findings.add(Rule::FileMeta, place, message);
                    }
                }
                Step::FileMeta
            }
            (Step::Facts | Step::FileMeta, Event::Blank) => Step::FactsBlank,
            (Step::HeadingBlank | Step::FactsBlank, Event::ZoneBegin(zone)) => {
                self.compare(cx);
                self.zone(place, zone, cx);
                Step::ZoneBegin
            }
            (Step::ZoneEndBlank, Event::ZoneBegin(zone)) => {
                self.zone(place, zone, cx);
                Step::ZoneBegin
            }
            (Step::ZoneBegin, Event::FenceOpen { backticks, info }) => {
                let block = &mut self.block;
                let same = block.fence == 0 || block.fence == *backticks;
                if *info != block.lang || !same {
                    cx.findings.add(Rule::Zone, place, "the fence has another language than its zone, or another length than the piece before");
                }
                block.fence = *backticks;
                block.zone_bytes = 0;
                Step::Inside
            }
            (Step::Inside, Event::FenceClose) => {
                self.block.content.end(self.block.eof_none);
                if self.block.eof_none && self.block.zone_bytes < 2 {
                    cx.findings.add(
                        Rule::Zone,
                        place,
                        "nothing ends without a line feed here, but the zone says so",
                    );
                }
                Step::FenceClosed
            }
            (Step::FenceClosed, Event::ZoneEnd(id)) => {
                if id.strip_prefix("FILE:") != Some(&self.block.id) {
                    cx.findings.add(
                        Rule::FileId,
                        place,
                        "the zone ends with another id than its block has",
                    );
                }
                Step::ZoneEnd
            }
            (Step::ZoneEnd, Event::Blank) => Step::ZoneEndBlank,
            (Step::ZoneEndBlank, Event::Text(text)) => {
                self.back_link(place, text, cx);
                Step::BackLink
            }
            (Step::BackLink, Event::Blank) => {
                self.end(cx);
                Step::Outside
            }
            _ => return None,
        })
    }

    fn zone(&mut self, place: Place, zone: &Zone<'_>, cx: &mut Context<'_>) {
        let block = &mut self.block;
        let mut wrong = Vec::new();
        if zone.id.strip_prefix("FILE:") != Some(&block.id) {
            wrong.push("the zone has another id than its block");
        }
        let (at, of) = zone.piece.unwrap_or((1, 1));
        let follows = match block.pieces {
            (0, _) => at == 1 && (zone.piece.is_none() || of > 1),
            (last, all) => at == last + 1 && of == all && at <= of,
        };
        if !follows {
            wrong.push("the piece does not follow the one before");
        }
        if block.pieces.0 > 0
            && (zone.lang != block.lang || zone.encoding != block.encoding.as_deref())
        {
            wrong.push("the pieces of a file have different languages or encodings");
        }
        if zone.encoding.is_some_and(|name| encoding(name).is_none()) {
            wrong.push("the encoding is unknown");
        }
        let facts = block.meta.as_ref();
        if facts.is_some_and(|meta| meta.encoding.as_deref() != zone.encoding) {
            wrong.push("zone and file_meta name different encodings");
        }
        for what in wrong {
            cx.findings.add(Rule::Zone, place, what);
        }
        block.pieces = (at, of);
        zone.lang.clone_into(&mut block.lang);
        block.encoding = zone.encoding.map(str::to_owned);
        block.eof_none = zone.eof_none;
    }

    fn back_link(&mut self, place: Place, text: &str, cx: &mut Context<'_>) {
        let target = text
            .strip_prefix("[↑ Zurück zum Manifest](")
            .and_then(|rest| rest.strip_suffix("#manifest)"));
        let good = target.is_some_and(|file| {
            file.is_empty() != cx.later
                && (file.is_empty() || super::links::part_number(file) == Some(1))
        });
        if !good {
            cx.findings.add(
                Rule::BackLink,
                place,
                "the block does not end with the link back to the manifest",
            );
        }
        let (last, all) = self.block.pieces;
        if last != all {
            let message = format!("only {last} of {all} pieces stand here");
            cx.findings.add(Rule::Zone, place, message);
        }
    }

    /// Checks the content of a complete block.
    fn end(&mut self, cx: &mut Context<'_>) {
        self.count += 1;
        let block = std::mem::take(&mut self.block);
        let Block { place, mut content, .. } = block;
        if block.fence != content.longest.max(2) + 1 {
            let message = format!(
                "the fence has {} backticks, but the longest run in the content has {}",
                block.fence, content.longest
            );
            cx.findings.add(Rule::Fence, place, message);
        }
        let mut compare = |rule: Rule, what: &str, same: bool| {
            if !same {
                let message = format!("the content does not have the stated {what}");
                cx.findings.add(rule, place, message);
            }
        };
        if let Some(meta) = &block.meta {
            let fits = |stated: Option<u64>, counted| stated.is_none_or(|stated| stated == counted);
            compare(Rule::ContentLength, "length", fits(meta.emitted_bytes, content.bytes));
            compare(Rule::ContentLength, "number of lines", fits(meta.lines, content.lines()));
            if let (Some(hash), Some(stated)) = (content.sha256.take(), &meta.sha256_emitted) {
                let same = crate::reader::hex(&hash.finalize()) == *stated;
                compare(Rule::ContentHash, "SHA-256", same);
            }
        }
        let row = self.next.checked_sub(1).and_then(|at| cx.listed.get(at));
        if let (Some(hash), Some(row), None) = (content.md5.take(), row, &block.encoding) {
            let same = row.md5.is_some_and(|md5| md5 == <[u8; 16]>::from(hash.finalize()));
            compare(Rule::ContentHash, "MD5", same);
            compare(Rule::ContentLength, "length", content.bytes == row.size_bytes);
        }
    }
}

/// A step as messages call the line.
fn name(step: Step) -> &'static str {
    match step {
        Step::Outside => "a file block",
        Step::Rule => "`---`",
        Step::RuleBlank => "the empty line behind `---`",
        Step::Search => "`§§ file-…`",
        Step::Anchor => "the anchor of the path",
        Step::IdAnchor => "the anchor of the id",
        Step::Marker => "the file marker",
        Step::BareHeading => "the bare heading",
        Step::Heading => "the heading of the file",
        Step::HeadingBlank => "the empty line behind the heading",
        Step::Facts => "the facts",
        Step::FileMeta => "file_meta",
        Step::FactsBlank => "the empty line behind the facts",
        Step::ZoneBegin => "`zone:begin`",
        Step::Inside => "the opening fence",
        Step::FenceClosed => "the closing fence",
        Step::ZoneEnd => "`zone:end`",
        Step::ZoneEndBlank => "the empty line behind `zone:end`",
        Step::BackLink => "the link back to the manifest",
    }
}
