//! Documents with headings: Markdown, and the headings of reStructuredText, AsciiDoc and Org.
//!
//! A section is kept whole while it fits; its scope is the path of headings. Blocks (paragraphs, lists, tables, fenced
//! code, front matter) are not cut where they fit.

use std::ops::Range;
use std::rc::Rc;

use super::header::one_line;
use super::lines::{is_blank, lines};
use super::pack::{Packer, Part, Scope, no_scope};
use super::prose;

/// Longest heading in a scope, in characters.
const HEADING_CHARS: usize = 80;
/// Deepest heading.
const MAX_LEVEL: usize = 9;

/// What marks headings.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Markup {
    Markdown,
    /// Titles underlined (and overlined) with punctuation; the order of the marks tells the level.
    Rst,
    /// `==` before the title.
    Asciidoc,
    /// `*` before the title.
    Org,
}

impl Markup {
    fn of(path: &str) -> Self {
        match path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "rst" => Self::Rst,
            "adoc" | "asciidoc" => Self::Asciidoc,
            "org" => Self::Org,
            _ => Self::Markdown,
        }
    }
}

/// A heading, the blocks below it, the sections within.
struct Section {
    range: Range<usize>,
    level: usize,
    title: String,
    /// Blocks before the first section within; the heading belongs to the first one.
    blocks: Vec<Block>,
    within: Vec<Section>,
}

struct Block {
    range: Range<usize>,
    /// Code between fences: never taken for prose.
    fenced: bool,
}

/// Cuts a whole text.
pub(super) fn split(path: &str, packer: &mut Packer<'_>) {
    let root = read(Markup::of(path), packer.text());
    let mut owner = 0;
    match root.within.as_slice() {
        // One heading above everything: its name is part of every header.
        [only] if root.blocks.is_empty() => section(packer, only, &no_scope(), &mut owner),
        _ => section(packer, &root, &no_scope(), &mut owner),
    }
}

fn section(packer: &mut Packer<'_>, section: &Section, outer: &Scope, owner: &mut usize) {
    let scope: Scope = if section.title.is_empty() {
        Rc::clone(outer)
    } else {
        outer.iter().cloned().chain([section.title.clone()]).collect()
    };
    *owner += 1;
    let own = *owner;
    if packer.fits(&section.range) {
        packer.add(part(section.range.clone(), &scope, own));
        return;
    }
    packer.flush();
    for block in &section.blocks {
        if block.fenced || packer.fits(&block.range) {
            packer.add(part(block.range.clone(), &scope, own));
        } else {
            prose::block(packer, block.range.clone(), &scope, own);
        }
    }
    for inner in &section.within {
        self::section(packer, inner, &scope, owner);
    }
    packer.flush();
}

fn part(range: Range<usize>, scope: &Scope, owner: usize) -> Part {
    Part { range, scope: Rc::clone(scope), owner, signature: None, name: None }
}

/// The sections of a text.
fn read(markup: Markup, text: &str) -> Section {
    let mut reader = Reader {
        text,
        open: vec![Section::new(0, 0, String::new())],
        block: 0,
        after_blank: true,
        has_text: false,
    };
    let lines: Vec<Range<usize>> = lines(text, 0..text.len()).collect();
    let mut marks = Vec::new();
    let mut at = front_matter(text, &lines);
    if at > 0 {
        reader.end_block(lines[at - 1].end, true);
    }
    while at < lines.len() {
        if matches!(markup, Markup::Markdown | Markup::Asciidoc)
            && let Some(behind) = fence(text, &lines, at)
        {
            reader.end_block(lines[at].start, false);
            reader.end_block(lines[behind - 1].end, true);
            reader.after_blank = true;
            reader.has_text = false;
            at = behind;
            continue;
        }
        match heading(markup, text, &lines, at, &mut marks) {
            Some(found) => {
                reader.heading(lines[at].start, found.level, found.title);
                at += found.lines;
                reader.has_text = true;
                reader.after_blank = false;
            }
            None => {
                reader.line(&lines[at]);
                at += 1;
            }
        }
    }
    reader.finish()
}

struct Reader<'t> {
    text: &'t str,
    /// The sections that are open, outermost first.
    open: Vec<Section>,
    /// Where the open block begins.
    block: usize,
    after_blank: bool,
    has_text: bool,
}

impl Section {
    fn new(start: usize, level: usize, title: String) -> Self {
        Self { range: start..start, level, title, blocks: Vec::new(), within: Vec::new() }
    }
}

impl Reader<'_> {
    /// A line that is neither a heading nor in a fence.
    fn line(&mut self, line: &Range<usize>) {
        let content = &self.text[line.clone()];
        let is_empty = content.trim_matches(is_blank).is_empty();
        // What is indented belongs to the list item above.
        let continues = content.starts_with([' ', '\t']);
        if !is_empty && self.after_blank && self.has_text && !continues {
            self.end_block(line.start, false);
        }
        self.has_text |= !is_empty;
        self.after_blank = is_empty;
    }

    fn heading(&mut self, start: usize, level: usize, title: String) {
        self.end_block(start, false);
        while self.open.len() > 1 && self.open.last().is_some_and(|open| open.level >= level) {
            self.close(start);
        }
        self.open.push(Section::new(start, level, title));
    }

    fn end_block(&mut self, end: usize, fenced: bool) {
        if end > self.block {
            if let Some(open) = self.open.last_mut() {
                open.blocks.push(Block { range: self.block..end, fenced });
            }
            self.block = end;
        }
    }

    fn close(&mut self, end: usize) {
        if let Some(mut closed) = self.open.pop() {
            closed.range.end = end;
            if let Some(parent) = self.open.last_mut() {
                parent.within.push(closed);
            } else {
                self.open.push(closed);
            }
        }
    }

    fn finish(mut self) -> Section {
        let end = self.text.len();
        self.end_block(end, false);
        while self.open.len() > 1 {
            self.close(end);
        }
        let mut root = self.open.pop().unwrap_or_else(|| Section::new(0, 0, String::new()));
        root.range.end = end;
        root
    }
}

/// How many lines the front matter has.
fn front_matter(text: &str, lines: &[Range<usize>]) -> usize {
    let line = |at: usize| text[lines[at].clone()].trim_matches(is_blank);
    let Some(mark) =
        (!lines.is_empty()).then(|| line(0)).filter(|mark| matches!(*mark, "---" | "+++"))
    else {
        return 0;
    };
    (1..lines.len().min(200)).find(|at| line(*at) == mark).map_or(0, |at| at + 1)
}

/// The line behind a fenced block that begins here. A fence without an end reaches to the end of the text.
fn fence(text: &str, lines: &[Range<usize>], at: usize) -> Option<usize> {
    let (mark, length, info) = fence_mark(&text[lines[at].clone()])?;
    if mark == '`' && info.contains('`') {
        return None;
    }
    let closes = |line: &Range<usize>| {
        fence_mark(&text[line.clone()])
            .is_some_and(|(other, count, rest)| other == mark && count >= length && rest.is_empty())
    };
    let end = (at + 1..lines.len()).find(|line| closes(&lines[*line]));
    Some(end.map_or(lines.len(), |line| line + 1))
}

fn fence_mark(line: &str) -> Option<(char, usize, &str)> {
    let content = line.trim_start();
    if line.len() - content.len() > 12 {
        return None;
    }
    let mark = content.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = content.trim_start_matches(mark);
    let count = content.len() - rest.len();
    (count >= 3).then(|| (mark, count, rest.trim()))
}

struct Heading {
    level: usize,
    title: String,
    /// Lines that belong to it.
    lines: usize,
}

fn heading(
    markup: Markup,
    text: &str,
    lines: &[Range<usize>],
    at: usize,
    marks: &mut Vec<(char, bool)>,
) -> Option<Heading> {
    let raw =
        |at: usize| lines.get(at).map_or("", |line| text[line.clone()].trim_end_matches(is_blank));
    let line = raw(at).trim_start_matches('\u{feff}');
    let found = |level: usize, title: &str, lines: usize| {
        let title = one_line(title, HEADING_CHARS);
        (!title.is_empty()).then_some(Heading { level: level.min(MAX_LEVEL), title, lines })
    };
    let marked = |mark: char| {
        let rest = line.trim_start_matches(mark);
        let count = line.len() - rest.len();
        (count > 0 && rest.starts_with([' ', '\t'])).then_some((count, rest.trim()))
    };
    match markup {
        Markup::Asciidoc => marked('=').and_then(|(level, title)| found(level, title, 1)),
        Markup::Org => marked('*').and_then(|(level, title)| found(level, title, 1)),
        Markup::Markdown => {
            let indent = line.len() - line.trim_start_matches(' ').len();
            if indent > 3 || line.trim().is_empty() {
                return None;
            }
            let content = line.trim_start();
            let rest = content.trim_start_matches('#');
            let level = content.len() - rest.len();
            if (1..=6).contains(&level) && (rest.is_empty() || rest.starts_with([' ', '\t'])) {
                return found(level, rest.trim().trim_end_matches('#').trim_end(), 1);
            }
            let under = raw(at + 1).trim();
            let level = underline(under).and_then(|mark| match mark {
                '=' => Some(1),
                '-' => Some(2),
                _ => None,
            })?;
            let plain =
                !content.starts_with(['-', '*', '+', '>', '|', '#']) && !content.contains('|');
            let alone =
                at == 0 || raw(at - 1).trim().is_empty() || underline(raw(at - 1)).is_some();
            if plain && alone { found(level, content, 2) } else { None }
        }
        Markup::Rst => {
            let over = underline(line).filter(|mark| underline(raw(at + 2)) == Some(*mark));
            let (title, mark, count) = match over {
                Some(mark) if !raw(at + 1).trim().is_empty() => (raw(at + 1), mark, 3),
                _ => (line, underline(raw(at + 1))?, 2),
            };
            let long_enough = raw(at + count - 1).trim().len() >= title.trim().len().min(4);
            if title.trim().is_empty()
                || title.starts_with([' ', '\t']) && count == 2
                || !long_enough
            {
                return None;
            }
            let key = (mark, count == 3);
            let level = marks.iter().position(|known| *known == key).unwrap_or_else(|| {
                marks.push(key);
                marks.len() - 1
            });
            found(level + 1, title, count)
        }
    }
}

/// The mark of a line that holds nothing else, three at least.
fn underline(line: &str) -> Option<char> {
    let line = line.trim();
    let mark = line.chars().next().filter(char::is_ascii_punctuation)?;
    (line.len() >= 3 && line.chars().all(|c| c == mark)).then_some(mark)
}
