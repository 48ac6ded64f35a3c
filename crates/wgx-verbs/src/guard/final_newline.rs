//! Files end with exactly one line end.

use contracts::wgx::FixKind;

use super::tree::SourceFile;
use super::whitespace::is_judged;
use super::{Check, Context, Found, Rule};

pub(super) struct FinalNewline;

static RULE: Rule = Rule {
    id: "final-newline",
    finds: "text files that do not end with a line end, or end with empty lines",
    why: "tools join the last line with what follows, and every addition changes two lines",
    fix: "end the file with one line end of its own kind",
    kind: FixKind::Safe,
};

impl Check for FinalNewline {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn file(&self, file: &SourceFile, context: &Context<'_>) -> Vec<Found> {
        let off = context.tree.editor().settings(&file.path).final_newline == Some(false);
        if off || !is_judged(file, context) || ended(&file.content) == file.content {
            return Vec::new();
        }
        let line = file.content.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        let (line, message) = if file.content.ends_with(b"\n") {
            (line - 1, "the file ends with empty lines")
        } else {
            (line, "the last line has no line end")
        };
        vec![Found::new(&file.path, Some(line), message)]
    }

    fn mended(
        &self,
        content: &[u8],
        _file: &SourceFile,
        _context: &Context<'_>,
    ) -> Option<Vec<u8>> {
        let mended = ended(content);
        (mended != content).then_some(mended)
    }
}

/// The content up to its last line with text, and one line end; empty where there is no text.
fn ended(content: &[u8]) -> Vec<u8> {
    let Some(last) = content.iter().rposition(|byte| !byte.is_ascii_whitespace()) else {
        return Vec::new();
    };
    let rest = &content[last..];
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    // Blanks behind the text are another rule's.
    let ends = rest[..end].iter().rev().take_while(|byte| **byte == b'\r').count();
    let end = end - ends;
    let mut out = content[..last + end].to_vec();
    out.extend_from_slice(line_end(content));
    out
}

/// The line end of the first line; `\n` where there is none.
fn line_end(content: &[u8]) -> &'static [u8] {
    let first = content.iter().position(|byte| *byte == b'\n');
    match first {
        Some(at) if at > 0 && content[at - 1] == b'\r' => b"\r\n",
        _ => b"\n",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn endings() {
        for (before, after) in [
            ("a", "a\n"),
            ("a\n", "a\n"),
            ("a\n\n\n", "a\n"),
            ("a\r\nb", "a\r\nb\r\n"),
            ("a\r\n\r\n", "a\r\n"),
            ("", ""),
            ("\n\n", ""),
            ("a\n \n\t", "a\n"),
            ("a \n", "a \n"),
        ] {
            assert_eq!(ended(before.as_bytes()), after.as_bytes(), "{before:?}");
        }
    }

    proptest! {
        #[test]
        fn only_line_ends_change_and_once_is_enough(text in "[a-z \r\n]{0,60}") {
            let mended = ended(text.as_bytes());
            prop_assert!(mended.is_empty() || mended.ends_with(b"\n"));
            let trimmed = |bytes: &[u8]| {
                String::from_utf8_lossy(bytes).trim_end().to_owned()
            };
            prop_assert_eq!(trimmed(&mended), trimmed(text.as_bytes()));
            prop_assert_eq!(ended(&mended), mended);
        }
    }
}
