//! The text of a pack: a heading and a fence for every file, honest about what is left out of it.

use std::fmt::Write as _;

use super::role::extension;
use super::select::Kind;
use crate::render::names::{code, sentence};

/// One file of the text.
pub(super) struct Block<'a> {
    /// Name of the repository, where there are several.
    pub(super) repo: Option<&'a str>,
    /// Path in it.
    pub(super) path: &'a str,
    /// How much of it is shown.
    pub(super) kind: Kind,
    /// The lines that are shown.
    pub(super) lines: &'a [(u32, u32)],
    /// Number of lines of the file.
    pub(super) all_lines: u32,
    /// Gives the text of lines, both ends included.
    pub(super) text: &'a dyn Fn((u32, u32)) -> String,
}

/// Most characters of the task that are repeated.
pub(super) const TASK: usize = 100;

/// The first lines of a pack, with at most `most` characters of the task.
#[must_use]
pub(super) fn head(task: &str, most: usize, budget: u64, vocabulary: &str) -> String {
    let first = task.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let mut short: String = first.chars().take(most).collect();
    if short.len() < first.len() {
        short.push('…');
    }
    format!(
        "# Pack\n\nTask: {}\nBudget: {budget} tokens ({vocabulary}). `⋮` stands for lines that are left out.\n",
        sentence(&short)
    )
}

/// The part of one file.
#[must_use]
pub(super) fn block(block: &Block<'_>) -> String {
    let mut content = String::new();
    let mut next = 1;
    for range in block.lines {
        if range.0 > next {
            content.push_str("⋮\n");
        }
        content.push_str(&(block.text)(*range));
        if !content.ends_with('\n') {
            content.push('\n');
        }
        next = range.1 + 1;
    }
    if next <= block.all_lines {
        content.push_str("⋮\n");
    }
    let shown = match block.kind {
        Kind::Full => format!("{} lines", block.all_lines),
        Kind::Definitions => format!("lines {} of {}", ranges(block.lines), block.all_lines),
        Kind::Signatures => format!("signatures, of {} lines", block.all_lines),
    };
    let place = block.repo.map_or_else(String::new, |repo| format!("{repo}/"));
    let place = code(&format!("{place}{}", block.path));
    let fence = "`".repeat(longest_run(&content).max(2) + 1);
    let language = extension(block.path);
    let language =
        if language.chars().all(|c| c.is_ascii_alphanumeric()) { language } else { String::new() };
    format!("\n## {place} ({shown})\n\n{fence}{language}\n{content}{fence}\n")
}

fn ranges(lines: &[(u32, u32)]) -> String {
    let mut text = String::new();
    for (at, (from, to)) in lines.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = if from == to {
            write!(text, "{comma}{from}")
        } else {
            write!(text, "{comma}{from}–{to}")
        };
    }
    text
}

fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_run_of_backticks_in_it() {
        let text = "a\n```rust\nb\n````\n";
        let lines = |_| text.to_owned();
        let shown = Block {
            repo: None,
            path: "x`\ny.md",
            kind: Kind::Full,
            lines: &[(1, 4)],
            all_lines: 4,
            text: &lines,
        };
        let block = block(&shown);
        assert_eq!(
            block,
            "\n## `x\\u{60}\\u{a}y.md` (4 lines)\n\n`````md\na\n```rust\nb\n````\n`````\n"
        );
    }

    #[test]
    fn gaps_are_shown_where_lines_are_left_out() {
        let lines =
            |(from, to): (u32, u32)| (from..=to).map(|line| format!("line {line}\n")).collect();
        let shown = Block {
            repo: Some("r"),
            path: "a.py",
            kind: Kind::Definitions,
            lines: &[(2, 2), (5, 6)],
            all_lines: 9,
            text: &lines,
        };
        let expected =
            "\n## `r/a.py` (lines 2, 5–6 of 9)\n\n```py\n⋮\nline 2\n⋮\nline 5\nline 6\n⋮\n```\n";
        assert_eq!(block(&shown), expected);
    }
}
