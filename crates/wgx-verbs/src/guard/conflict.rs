//! Markers that an unfinished merge left behind.

use contracts::wgx::FixKind;

use super::tree::SourceFile;
use super::{Check, Context, Found, Rule};

pub(super) struct ConflictMarkers;

static RULE: Rule = Rule {
    id: "conflict-markers",
    finds: "markers of an unfinished merge (`<<<<<<<`, `>>>>>>>`); underlines of headings are none",
    why: "the file holds two versions at once and works as neither",
    fix: "keep the right version and delete the markers",
    kind: FixKind::Manual,
};

impl Check for ConflictMarkers {
    fn rule(&self) -> &'static Rule {
        &RULE
    }

    fn file(&self, file: &SourceFile, _context: &Context<'_>) -> Vec<Found> {
        if memchr::memmem::find(&file.content, b"<<<<<<<").is_none()
            && memchr::memmem::find(&file.content, b">>>>>>>").is_none()
        {
            return Vec::new();
        }
        markers(&file.content, file.is_markdown())
            .into_iter()
            .map(|(line, message)| Found::new(&file.path, Some(line), message))
            .collect()
    }
}

/// Conflicts with the line they begin on. In Markdown `>>>>>>>` alone is a quotation.
fn markers(content: &[u8], markdown: bool) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    let mut open: Option<u32> = None;
    let unfinished = |line| (line, "the beginning of a merge conflict without its end".to_owned());
    for (number, line) in (1_u32..).zip(content.split(|byte| *byte == b'\n')) {
        if is_marker(line, b"<<<<<<<") {
            found.extend(open.replace(number).map(unfinished));
        } else if is_marker(line, b">>>>>>>") {
            match open.take() {
                Some(start) => found.push((start, format!("merge conflict up to line {number}"))),
                None if markdown => {}
                None => found.push((number, "the end of a merge conflict".to_owned())),
            }
        }
    }
    found.extend(open.map(unfinished));
    found
}

/// Seven signs, then a blank and a name: eight signs, or seven alone, are something else.
fn is_marker(line: &[u8], marker: &[u8]) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.starts_with(b" ") && !rest.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made here, so that this file holds no marker of its own.
    fn conflict(between: &str) -> String {
        format!("a\n{} HEAD\nx\n{between}\ny\n{} theirs\n", "<".repeat(7), ">".repeat(7))
    }

    #[test]
    fn one_finding_a_conflict() {
        let text = conflict(&"=".repeat(7));
        assert_eq!(
            markers(text.as_bytes(), false),
            [(2, "merge conflict up to line 6".to_owned())]
        );
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(markers(crlf.as_bytes(), true).len(), 1);
    }

    #[test]
    fn halves_are_found() {
        let start = format!("{} HEAD\nx\n", "<".repeat(7));
        assert_eq!(markers(start.as_bytes(), true)[0].0, 1);
        let end = format!("x\n{} feature\n", ">".repeat(7));
        assert_eq!(markers(end.as_bytes(), false)[0].0, 2);
        assert!(markers(end.as_bytes(), true).is_empty(), "a quotation in Markdown");
    }

    #[test]
    fn underlines_and_arrows_are_none() {
        let text = "Title\n=======\n\n>>>>>>>>> deep\n<<<<<<<\n>>>>>>>\n    <<<<<<< HEAD\n";
        assert!(markers(text.as_bytes(), false).is_empty());
    }
}
