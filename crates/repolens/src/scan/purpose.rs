//! What a repository says it is for: the first paragraph of `README.md`, else of `docs/intro.md`.
//! Nothing is interpreted: headings, badges, HTML, quotes, lists, tables and code are no paragraph.

use super::beneath::Root;
use super::walk::read_bounded;

/// Most bytes of a document that are looked at.
const READ_MAX: usize = 1 << 20;

/// What the repository at `root` says: the document and its paragraph, the better one first.
pub(super) fn read(root: &Root) -> Vec<(&'static str, String)> {
    let paragraph = |path: &'static str| {
        let file = root.file(path.as_bytes()).ok()?;
        let bytes = read_bounded(file, READ_MAX).ok()?;
        Some((path, first_paragraph(str::from_utf8(&bytes).ok()?)?))
    };
    ["README.md", "docs/intro.md"].into_iter().filter_map(paragraph).collect()
}

/// The first paragraph of a Markdown text, its lines joined with single spaces.
fn first_paragraph(text: &str) -> Option<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = without_front_matter(text).lines().peekable();
    let mut paragraph: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        let next = lines.peek().map_or("", |next| next.trim());
        if !paragraph.is_empty() {
            // A list, quote or heading may follow without an empty line.
            if trimmed.is_empty() || interrupts(trimmed) {
                break;
            }
            if is_underline(trimmed) {
                paragraph.clear();
            } else {
                paragraph.push(trimmed);
            }
            continue;
        }
        if trimmed.is_empty() || is_badges(trimmed) || is_definition(trimmed) {
            continue;
        }
        if let Some(end) = block_end(trimmed) {
            skip_block(&mut lines, trimmed, end);
        } else if line.starts_with("    ") || line.starts_with('\t') || is_rule(trimmed) {
            // Indented code, a line across the page.
        } else if trimmed.starts_with('#') && is_heading(trimmed) {
            // A heading.
        } else if is_container(trimmed) || (trimmed.contains('|') && is_table_rule(next)) {
            skip_until_empty(&mut lines);
        } else {
            paragraph.push(trimmed);
        }
    }
    paragraph.retain(|line| !is_badges(line));
    (!paragraph.is_empty()).then(|| paragraph.join(" "))
}

fn without_front_matter(text: &str) -> &str {
    let Some(rest) = text.strip_prefix("---\n").or_else(|| text.strip_prefix("---\r\n")) else {
        return text;
    };
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        at += line.len();
        if matches!(line.trim_end(), "---" | "...") {
            return &rest[at..];
        }
    }
    text
}

/// How a block that holds no paragraph ends.
#[derive(Clone, Copy)]
enum End<'a> {
    /// With a line that holds this.
    Holds(&'a str),
    /// With a fence of at least so many of this character.
    Fence(char, usize),
    /// With an empty line.
    Empty,
}

fn block_end(line: &str) -> Option<End<'static>> {
    for fence in ['`', '~'] {
        let count = line.chars().take_while(|c| *c == fence).count();
        if count >= 3 && !(fence == '`' && line[count..].contains('`')) {
            return Some(End::Fence(fence, count));
        }
    }
    if line.starts_with("<!--") {
        return Some(End::Holds("-->"));
    }
    let lower = line.to_ascii_lowercase();
    for (open, close) in [
        ("<script", "</script>"),
        ("<style", "</style>"),
        ("<pre", "</pre>"),
        ("<textarea", "</textarea>"),
    ] {
        if lower.starts_with(open) {
            return Some(End::Holds(close));
        }
    }
    let is_link = lower.starts_with("<http") || lower.starts_with("<mailto:");
    (line.starts_with('<') && !is_link).then_some(End::Empty)
}

fn skip_block<'a>(lines: &mut impl Iterator<Item = &'a str>, first: &str, end: End<'_>) {
    match end {
        End::Holds(close) => {
            let holds = |line: &str| line.to_ascii_lowercase().contains(close);
            if !holds(first) {
                let _closing = lines.find(|line| holds(line));
            }
        }
        End::Fence(fence, count) => {
            let _closing = lines.find(|line| {
                let line = line.trim();
                line.len() >= count && line.chars().all(|c| c == fence)
            });
        }
        End::Empty => skip_until_empty(lines),
    }
}

fn skip_until_empty<'a>(lines: &mut impl Iterator<Item = &'a str>) {
    let _empty = lines.find(|line| line.trim().is_empty());
}

fn interrupts(line: &str) -> bool {
    is_heading(line) || is_container(line) || block_end(line).is_some()
}

fn is_heading(line: &str) -> bool {
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    (1..=6).contains(&level) && matches!(line.as_bytes().get(level), None | Some(b' ' | b'\t'))
}

fn is_underline(line: &str) -> bool {
    line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-')
}

fn is_rule(line: &str) -> bool {
    let marks: Vec<char> = line.chars().filter(|c| !c.is_whitespace()).collect();
    marks.len() >= 3 && matches!(marks[0], '-' | '*' | '_') && marks.iter().all(|c| *c == marks[0])
}

/// Quotes and lists.
fn is_container(line: &str) -> bool {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=9).contains(&digits)
        && matches!(line.as_bytes().get(digits), Some(b'.' | b')'))
        && matches!(line.as_bytes().get(digits + 1), None | Some(b' '));
    let bullet = ["- ", "* ", "+ "].iter().any(|bullet| line.starts_with(bullet));
    line.starts_with('>') || bullet || numbered
}

fn is_table_rule(line: &str) -> bool {
    line.contains('-') && line.contains('|') && line.chars().all(|c| "|:- \t".contains(c))
}

/// `[name]: target`, which renders as nothing.
fn is_definition(line: &str) -> bool {
    line.starts_with('[') && line.split_once("]:").is_some_and(|(name, _)| !name[1..].contains('['))
}

/// Whether nothing is left of a line once its images are taken out, linked or not.
fn is_badges(line: &str) -> bool {
    let mut rest = line;
    let mut images = 0;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || "|·•\\".contains(c));
        if let Some(tail) = rest.strip_prefix("&nbsp;").or_else(|| rest.strip_prefix("<br>")) {
            rest = tail;
            continue;
        }
        let Some(tail) = image(rest).or_else(|| linked_image(rest)) else { break };
        images += 1;
        rest = tail;
    }
    images > 0 && rest.is_empty()
}

fn linked_image(text: &str) -> Option<&str> {
    let rest = image(text.strip_prefix('[')?.trim_start())?;
    target(rest.trim_start().strip_prefix(']')?)
}

fn image(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("![")?;
    target(&rest[rest.find(']')? + 1..])
}

/// The target of a link: `(…)`, `[…]`, or nothing.
fn target(text: &str) -> Option<&str> {
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some(rest) = text.strip_prefix(open) {
            return Some(&rest[rest.find(close)? + 1..]);
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::first_paragraph;

    #[test]
    fn the_first_paragraph_is_what_a_reader_would_call_so() {
        let cases = [
            ("# Title\n\nWhat it is\nfor.\n\nMore.\n", Some("What it is for.")),
            ("Title\n=====\nA tool.\n", Some("A tool.")),
            ("Title (rg)\n----------\nA tool.\n", Some("A tool.")),
            ("---\ntitle: x\n---\n# T\nText\n", Some("Text")),
            ("[![ci](a.svg)](b)\n![x](y) [![z][q]][r]\n\nText.\n", Some("Text.")),
            ("[![ci](a.svg)](b)\nText beside.\n", Some("Text beside.")),
            ("Text.\n[![ci](a.svg)](b)\n", Some("Text.")),
            ("<p align=center>\nnot this\n</p>\n\nText.\n", Some("Text.")),
            ("<!-- a\n\nb -->\nText.\n", Some("Text.")),
            ("```sh\nrun\n\nit\n```\n\nText.\n", Some("Text.")),
            (
                "> quote\ngoes on\n\n- list\n\n1. one\n\n| a | b |\n|---|---|\n| c | d |\n\nText.",
                Some("Text."),
            ),
            (
                "***\n\n    code\n\nText with `code` and **bold**.",
                Some("Text with `code` and **bold**."),
            ),
            ("Text.\n# Next\n", Some("Text.")),
            ("\u{feff}# T\r\n\r\nText\r\nmore\r\n", Some("Text more")),
            ("[a]: https://example.org\n\n# Only\n## Headings\n", None),
            ("<div>\n\n</div>\n", None),
            ("", None),
            ("<https://example.org> is it.\n", Some("<https://example.org> is it.")),
        ];
        for (text, expected) in cases {
            assert_eq!(first_paragraph(text).as_deref(), expected, "{text:?}");
        }
    }
}
