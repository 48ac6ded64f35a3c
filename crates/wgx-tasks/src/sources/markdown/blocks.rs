//! The parts of a Markdown file that matter here: headings, fenced code, quotes, list items, text.

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// `## Title`, or a title that is underlined.
    Heading {
        /// 1 to 6.
        level: usize,
        /// Without the marks.
        title: String,
        /// From 1.
        line: u32,
    },
    /// Fenced code.
    Code {
        /// What follows the opening marks.
        info: String,
        /// The code, without the indentation of the fence.
        body: Vec<String>,
        /// Line of the opening marks, from 1.
        line: u32,
    },
    /// `> text`
    Quote(String),
    /// Any other line that is not empty, indentation included.
    Text(String),
}

/// Splits a file.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let line = u32::try_from(at + 1).unwrap_or(u32::MAX);
        let text = lines[at];
        if let Some(fence) = Fence::open(text) {
            let end = (at + 1..lines.len()).find(|&end| fence.closes(lines[end]));
            let end = end.unwrap_or(lines.len());
            let body = lines[at + 1..end].iter().map(|line| fence.dedent(line)).collect();
            blocks.push(Block::Code { info: fence.info, body, line });
            at = end + 1;
            continue;
        }
        if text.trim_start().starts_with("<!--") && !text.contains("-->") {
            let end = (at + 1..lines.len()).find(|&end| lines[end].contains("-->"));
            at = end.map_or(lines.len(), |end| end + 1);
            continue;
        }
        let before = at.checked_sub(1).map(|before| lines[before]);
        blocks.extend(plain(text, line, before));
        at += 1;
    }
    underlined(blocks)
}

fn plain(text: &str, line: u32, before: Option<&str>) -> Option<Block> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return None;
    }
    let level = trimmed.bytes().take_while(|byte| *byte == b'#').count();
    let after = &trimmed[level..];
    if (1..=6).contains(&level) && (after.is_empty() || after.starts_with([' ', '\t'])) {
        let title = after.trim().trim_end_matches('#').trim_end().to_owned();
        return Some(Block::Heading { level, title, line });
    }
    let is_underline = trimmed.len() >= 3
        && (trimmed.bytes().all(|byte| byte == b'=') || trimmed.bytes().all(|byte| byte == b'-'));
    if is_underline && before.is_some_and(|before| !before.trim().is_empty()) {
        let level = if trimmed.starts_with('=') { 1 } else { 2 };
        return Some(Block::Heading { level, title: String::new(), line: line - 1 });
    }
    match trimmed.strip_prefix('>') {
        Some(quote) => Some(Block::Quote(quote.trim().to_owned())),
        None => Some(Block::Text(text.to_owned())),
    }
}

/// Gives underlined headings the text before them.
fn underlined(blocks: Vec<Block>) -> Vec<Block> {
    let mut done: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        match block {
            Block::Heading { level, title, line } if title.is_empty() => {
                if let Some(Block::Text(text)) = done.last() {
                    let title = text.trim().to_owned();
                    done.pop();
                    done.push(Block::Heading { level, title, line });
                }
            }
            block => done.push(block),
        }
    }
    done
}

struct Fence {
    mark: char,
    length: usize,
    indent: usize,
    info: String,
}

impl Fence {
    fn open(line: &str) -> Option<Self> {
        let text = line.trim_start();
        let mark = text.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
        let length = text.chars().take_while(|c| *c == mark).count();
        let info = text[length..].trim();
        if length < 3 || (mark == '`' && info.contains('`')) {
            return None;
        }
        Some(Self { mark, length, indent: line.len() - text.len(), info: info.to_owned() })
    }

    fn closes(&self, line: &str) -> bool {
        let text = line.trim();
        text.len() >= self.length && text.chars().all(|c| c == self.mark)
    }

    fn dedent(&self, line: &str) -> String {
        let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
        line[blank.min(self.indent)..].to_owned()
    }
}
