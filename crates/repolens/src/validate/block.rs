//! File blocks: the order of their lines, their facts, their contents.

use contracts::repolens::report::{MergeMeta, MetaDensity};
use md5::Md5;
use sha2::{Digest as _, Sha256};

use super::findings::{Findings, Place};
use super::links::LinkBook;
use super::manifest::{Listed, md5_bytes};
use super::rules::Rule;
use crate::reader::{
    Event, FileMarker, FileMeta, Zone, anchor_base, anchor_hash, code_span, encoding, file_id,
    key_value,
};

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

/// What the content turned out to be.
#[derive(Debug, Default)]
struct Content {
    sha256: Option<Sha256>,
    md5: Option<Md5>,
    /// A line feed that may have been added behind the content.
    held: bool,
    bytes: u64,
    line_feeds: u64,
    ends_open: bool,
    /// Backticks at the end of what was read so far (a run may go on in the next piece), and the longest
    /// run of them.
    run: usize,
    longest: usize,
}

impl Content {
    fn take(&mut self, bytes: &[u8]) {
        let Some((last, body)) = bytes.split_last() else { return };
        if std::mem::take(&mut self.held) {
            self.count(b"\n");
        }
        if *last == b'\n' {
            self.count(body);
            self.held = true;
        } else {
            self.count(bytes);
        }
    }

    /// The end of a zone; `added` says that its last line feed is none of the content.
    fn end(&mut self, added: bool) {
        if std::mem::take(&mut self.held) && !added {
            self.count(b"\n");
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.bytes += bytes.len() as u64;
        self.line_feeds += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.ends_open = *last != b'\n';
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.md5 {
            hash.update(bytes);
        }
        let mut end = 0;
        for at in memchr::memchr_iter(b'`', bytes) {
            self.run = if at == end { self.run + 1 } else { 1 };
            self.longest = self.longest.max(self.run);
            end = at + 1;
        }
        if end != bytes.len() {
            self.run = 0;
        }
    }

    fn lines(&self) -> u64 {
        self.line_feeds + u64::from(self.ends_open)
    }
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

    fn marker(&mut self, place: Place, marker: &FileMarker<'_>, cx: &mut Context<'_>) {
        let block = &mut self.block;
        if marker.id.strip_prefix("FILE:") != Some(&block.id) {
            cx.findings.add(Rule::FileId, place, "marker and anchor have different ids");
        }
        block.repo = marker.repo.clone().into_owned();
        block.path = marker.path.clone().into_owned();
        block.percent = marker.percent;
        let (repo, path) = (&block.repo, &block.path);
        if let Some(meta) = cx.meta {
            let salt = u64::from(meta.salt);
            let fits = [true, false].iter().any(|nfc| file_id(repo, path, salt, *nfc) == block.id);
            if !fits {
                let message = format!("`{}` is not the id of this repository and path", block.id);
                cx.findings.add(Rule::FileId, place, message);
            }
            if !meta.source_repos.contains(repo) {
                let message = format!("@meta names no repository `{repo}`");
                cx.findings.add(Rule::FileId, place, message);
            }
        }
        let base = anchor_base(repo, path);
        match block.anchor.strip_prefix(base.as_str()) {
            Some("") => {}
            Some(suffix) if is_suffix(suffix, repo, path) => self.suffixed += 1,
            _ => {
                let message =
                    format!("`{}` is not the anchor of this repository and path", block.anchor);
                cx.findings.add(Rule::FileAnchor, place, message);
            }
        }
        if block.percent && !is_percent(&block.path) {
            cx.findings.add(
                Rule::FileId,
                place,
                "a path with `name=\"percent\"` has `%XX` for every `%`",
            );
        }
        if !is_relative(&block.path) {
            cx.findings.add(
                Rule::FileId,
                place,
                "a path is relative and has neither empty parts nor `.` and `..`",
            );
        }
    }

    /// Compares the block with its row, as soon as its facts are known.
    fn compare(&mut self, cx: &mut Context<'_>) {
        let place = self.block.place;
        let anchor = cx.links.hash(&self.block.anchor);
        let here = cx.listed.get(self.next..).unwrap_or_default();
        match here.iter().position(|row| row.anchor == anchor) {
            None => {
                let message = format!(
                    "no row of the manifest (from here on) links to `{}`",
                    self.block.anchor
                );
                cx.findings.add(Rule::BlockUnlisted, place, message);
                self.start_hashes(None, cx);
            }
            Some(skipped) => {
                let at = self.next + skipped;
                self.missing(cx.listed, at, cx.findings);
                self.next = at + 1;
                let row = &cx.listed[at];
                self.compare_row(row, cx);
                self.start_hashes(Some(row), cx);
            }
        }
    }

    fn compare_row(&mut self, row: &Listed, cx: &mut Context<'_>) {
        let block = &self.block;
        let place = block.place;
        let density = cx.meta.map_or(MetaDensity::Full, |meta| meta.meta_density);
        if cx.links.hash(&code_span(&block.path)) != row.shown_path {
            cx.findings.add(Rule::FileId, place, "the row of the manifest shows another path");
        }
        if self.repo != Some(row.repo) {
            cx.findings.add(
                Rule::RepoHeading,
                place,
                "the block stands below another repository than its row",
            );
        }
        let mut facts = block.facts.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        if density != MetaDensity::Min {
            for key in ["Category", "Tags", "Size", "Included"] {
                let stated = facts.next().filter(|(stated, _)| *stated == key);
                let fits = stated.is_some_and(|(_, value)| match key {
                    "Category" => cx.links.hash(value) == row.category,
                    "Tags" => cx.links.hash(value) == row.tags,
                    "Size" => exact_size(value) == Some(row.size_bytes),
                    _ => cx.links.hash(value) == row.included,
                });
                if !fits {
                    let message = format!("`{key}` is missing, or not what the manifest says");
                    cx.findings.add(Rule::BlockFacts, place, message);
                }
            }
        }
        if density == MetaDensity::Full && row.md5.is_some() {
            let stated =
                facts.next().filter(|(key, _)| *key == "MD5").and_then(|(_, md5)| md5_bytes(md5));
            if stated != row.md5 {
                cx.findings.add(
                    Rule::BlockFacts,
                    place,
                    "`MD5` is missing, or not what the manifest says",
                );
            }
        }
        if let Some((key, _)) = facts.next() {
            let message = format!("`{key}` has no place among the facts at this density");
            cx.findings.add(Rule::BlockFacts, place, message);
        }
        self.compare_meta(row, density, cx);
    }

    fn compare_meta(&self, row: &Listed, density: MetaDensity, cx: &mut Context<'_>) {
        let place = self.block.place;
        let demanded = density == MetaDensity::Full || row.kept.is_some();
        let Some(meta) = &self.block.meta else {
            if demanded {
                cx.findings.add(Rule::FileMeta, place, "the block has no file_meta");
            }
            return;
        };
        if !demanded {
            cx.findings.add(
                Rule::FileMeta,
                place,
                "at this density only a truncated file has file_meta",
            );
        }
        let mut compare = |what: &str, same: bool| {
            if !same {
                let message = format!("file_meta states another `{what}` than the manifest");
                cx.findings.add(Rule::FileMeta, place, message);
            }
        };
        let word = if row.kept.is_some() { "truncated" } else { "full" };
        compare("included", meta.included == word);
        compare("size", meta.size == row.size_bytes);
        compare("kept", meta.kept == row.kept);
        compare("tokens", meta.tokens == row.tokens);
        compare("redacted", meta.redacted.values().sum::<u64>() == row.redacted);
        compare("md5", meta.md5.as_deref().and_then(md5_bytes) == row.md5);
        let masked = row.redacted > 0 || row.kept.is_some() || meta.encoding.is_some();
        if !masked && meta.sha256 != meta.sha256_emitted {
            cx.findings.add(
                Rule::FileMeta,
                place,
                "nothing was changed in the file, but the two hashes differ",
            );
        }
        if !masked && meta.emitted_bytes.is_some_and(|bytes| bytes != row.size_bytes) {
            cx.findings.add(
                Rule::FileMeta,
                place,
                "nothing was changed in the file, but `emitted_bytes` is not its size",
            );
        }
    }

    fn start_hashes(&mut self, row: Option<&Listed>, cx: &Context<'_>) {
        if !cx.hashes {
            return;
        }
        let block = &mut self.block;
        let stated = block.meta.as_ref().is_some_and(|meta| meta.sha256_emitted.is_some());
        let exact =
            row.is_some_and(|row| row.redacted == 0 && row.kept.is_none() && row.md5.is_some());
        if stated {
            block.content.sha256 = Some(Sha256::new());
        } else if exact {
            block.content.md5 = Some(Md5::new());
        }
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

/// The number in `1 byte`, `120 bytes` and in `1.2 KiB (1234 bytes)`.
fn exact_size(words: &str) -> Option<u64> {
    let exact = match words.split_once(" (") {
        Some((_, exact)) => exact.strip_suffix(')')?,
        None => words,
    };
    exact.strip_suffix(" bytes").or(exact.strip_suffix(" byte"))?.parse().ok()
}

/// Whether a text is what tells files apart that share an anchor.
fn is_suffix(suffix: &str, repo: &str, path: &str) -> bool {
    let Some(digits) = suffix.strip_prefix('-').filter(|digits| digits.len() >= 6) else {
        return false;
    };
    [true, false].iter().any(|nfc| anchor_hash(repo, path, *nfc).starts_with(digits))
}

/// Whether every `%` begins an escaped byte.
fn is_percent(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        rest.get(..2).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    })
}

fn is_relative(path: &str) -> bool {
    path.split('/').all(|part| !matches!(part, "" | "." | ".."))
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
