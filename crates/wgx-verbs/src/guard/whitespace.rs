//! Blanks at the ends of lines.

use contracts::wgx::FixKind;

use super::tree::{Kind, SourceFile};
use super::{Check, Context, Found, Rule, counted};

pub(super) struct TrailingWhitespace;

static RULE: Rule = Rule {
    id: "trailing-whitespace",
    finds: "blanks or tabs at the ends of lines; hard breaks of Markdown, patches, tables of \
         tabs and \
            files whose .editorconfig or .gitattributes says so aside",
    why: "invisible changes hide the visible ones in every diff",
    fix: "remove them; line ends and everything else stay as they are",
    kind: FixKind::Safe,
};

/// Formats in which a blank at the end of a line means something.
const MEANINGFUL: [&str; 12] = [
    "patch", "diff", "rej", "orig", "snap", "tsv", "csv", "svg", "po", "golden", "out", "expected",
];

impl Check for TrailingWhitespace {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn file(&self, file: &SourceFile, context: &Context<'_>) -> Vec<Found> {
        if !applies(file, context) {
            return Vec::new();
        }
        let mut lines = (1_u32..)
            .zip(lines(&file.content))
            .filter(|(_, line)| kept(line, file.is_markdown()) < body(line));
        let Some((first, line)) = lines.next() else { return Vec::new() };
        let kept = kept(line, file.is_markdown());
        let message = match lines.count() {
            0 => "blanks at the end of the line".to_owned(),
            more => {
                format!("blanks at the end of the line, and of {}", counted(more, "more line", ""))
            }
        };
        let column = String::from_utf8_lossy(&line[..kept]).chars().count() as u32 + 1;
        vec![Found { column: Some(column), ..Found::new(&file.path, Some(first), message) }]
    }

    fn mended(&self, content: &[u8], file: &SourceFile, _context: &Context<'_>) -> Option<Vec<u8>> {
        let mended = trim(content, file.is_markdown());
        (mended != content).then_some(mended)
    }
}

/// Whether the bytes of a file may be judged and changed for the sake of whitespace.
pub(super) fn is_judged(file: &SourceFile, context: &Context<'_>) -> bool {
    file.kind == Kind::Text
        && !context.tree.attributes().is_verbatim(&file.path)
        && !MEANINGFUL.contains(&file.extension().as_str())
}

fn applies(file: &SourceFile, context: &Context<'_>) -> bool {
    is_judged(file, context) && context.tree.editor().settings(&file.path).trim != Some(false)
}

/// The lines with their line ends.
fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split_inclusive(|byte| *byte == b'\n')
}

/// Length of a line without its line end.
fn body(line: &[u8]) -> usize {
    let without = line.strip_suffix(b"\n").unwrap_or(line);
    without.strip_suffix(b"\r").unwrap_or(without).len()
}

/// Length of a line that stays. In Markdown two or more blanks behind text are a hard break.
fn kept(line: &[u8], markdown: bool) -> usize {
    let body = body(line);
    // A carriage return that ends no line is a blank like the others.
    let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
    let length = body - line[..body].iter().rev().take_while(blank).count();
    let is_break =
        length > 0 && body - length >= 2 && line[length..body].iter().all(|b| *b == b' ');
    if markdown && is_break { body } else { length }
}

fn trim(content: &[u8], markdown: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len());
    for line in lines(content) {
        out.extend_from_slice(&line[..kept(line, markdown)]);
        out.extend_from_slice(&line[body(line)..]);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn line_ends_stay() {
        assert_eq!(trim(b"a \r\nb\t\n\t \nc  ", false), b"a\r\nb\n\nc");
    }

    #[test]
    fn hard_breaks_of_markdown_stay() {
        assert_eq!(trim(b"a  \nb \n  \nc\t\nd   \n", true), b"a  \nb\n\nc\nd   \n");
    }

    proptest! {
        #[test]
        fn only_blanks_go_and_once_is_enough(text in "[a-z \t\r\n\u{e9}]{0,200}", markdown: bool) {
            let mended = trim(text.as_bytes(), markdown);
            let solid = |bytes: &[u8]| {
                bytes.iter().copied()
                    .filter(|b| !matches!(b, b' ' | b'\t' | b'\r')).collect::<Vec<u8>>()
            };
            prop_assert_eq!(solid(&mended), solid(text.as_bytes()));
            prop_assert_eq!(trim(&mended, markdown), mended);
        }
    }
}
