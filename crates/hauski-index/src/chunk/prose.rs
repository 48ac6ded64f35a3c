//! Prose: paragraphs, and the sentences of those that are too long.

use std::ops::Range;

use super::lines::{is_blank, lines};
use super::pack::{Packer, Part, Scope, no_scope};

/// Cuts a whole text.
pub(super) fn split(packer: &mut Packer<'_>) {
    let all = 0..packer.text().len();
    paragraphs(packer, all, &no_scope(), 0);
}

/// Adds the paragraphs of a range.
pub(super) fn paragraphs(
    packer: &mut Packer<'_>,
    range: Range<usize>,
    scope: &Scope,
    owner: usize,
) {
    for paragraph in blocks(packer.text(), range) {
        block(packer, paragraph, scope, owner);
    }
}

/// Adds one paragraph, by its sentences where it is too long.
pub(super) fn block(packer: &mut Packer<'_>, range: Range<usize>, scope: &Scope, owner: usize) {
    let part = |range| Part { range, scope: scope.clone(), owner, signature: None, name: None };
    if packer.fits(&range) {
        packer.add(part(range));
        return;
    }
    packer.flush();
    for sentence in sentences(packer.text(), range) {
        packer.add(part(sentence));
    }
    packer.flush();
}

/// The blocks between blank lines, each with the blank lines behind it.
pub(super) fn blocks(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let mut blocks = Vec::new();
    let mut open = range.start;
    let (mut has_text, mut after_blank) = (false, false);
    for line in lines(text, range.clone()) {
        let is_empty = text[line.clone()].trim_matches(is_blank).is_empty();
        if !is_empty && after_blank && has_text {
            blocks.push(open..line.start);
            open = line.start;
        }
        has_text |= !is_empty;
        after_blank = is_empty;
    }
    if open < range.end {
        blocks.push(open..range.end);
    }
    blocks
}

/// The sentences of a range, each with the blanks behind it.
fn sentences(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let part = &text[range.clone()];
    let mut sentences = Vec::new();
    let mut open = 0;
    let mut chars = part.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let wide = matches!(c, '。' | '！' | '？');
        if !wide && !matches!(c, '.' | '!' | '?') {
            continue;
        }
        // Closing quotes and brackets belong to their sentence.
        while chars
            .next_if(|(_, c)| matches!(c, '"' | '\'' | '”' | '“' | '’' | '»' | ')' | ']'))
            .is_some()
        {}
        let Some(&(behind, next)) = chars.peek() else { break };
        if !(wide || next.is_whitespace()) || (c == '.' && is_abbreviation(&part[open..at])) {
            continue;
        }
        while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
        let end = chars.peek().map_or(part.len(), |(at, _)| *at);
        let begins_small = part[end..].chars().next().is_some_and(char::is_lowercase);
        if begins_small && c == '.' {
            continue;
        }
        debug_assert!(end >= behind);
        sentences.push(range.start + open..range.start + end);
        open = end;
    }
    if open < part.len() {
        sentences.push(range.start + open..range.end);
    }
    sentences
}

/// Whether a full stop behind this text is that of an abbreviation or a number: one letter or a capital and one (`z. B.`,
/// `e.g.`, `Dr.`), a title, or digits (`am 3. Mai`).
fn is_abbreviation(before: &str) -> bool {
    let start = before
        .rfind(|c: char| !c.is_alphanumeric())
        .map_or(0, |at| before.ceil_char_boundary(at + 1));
    let word = &before[start..];
    let letters = word.chars().count();
    let capital = word.chars().next().is_some_and(char::is_uppercase);
    let short = (letters == 1 || letters == 2 && capital) && word.chars().all(char::is_alphabetic);
    let number = letters <= 2 && word.chars().all(|c| c.is_ascii_digit()) && letters > 0;
    let titles = [
        "Prof", "Mrs", "bzw", "usw", "vgl", "etc", "approx", "Fig", "Abs", "Art", "Nr", "ca", "vs",
        "cf",
    ];
    short || number || titles.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        sentences(text, 0..text.len()).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn sentences_end_where_people_end_them() {
        assert_eq!(cut("One. Two! Three?"), ["One. ", "Two! ", "Three?"]);
        assert_eq!(
            cut("See e.g. Dr. Wong at 3.5 km. Then go."),
            ["See e.g. Dr. Wong at 3.5 km. ", "Then go."]
        );
        assert_eq!(
            cut("Am 3. Mai kam z. B. Anna. Sie blieb."),
            ["Am 3. Mai kam z. B. Anna. ", "Sie blieb."]
        );
        assert_eq!(cut("他来了。我走了。"), ["他来了。", "我走了。"]);
        assert_eq!(cut("He said \"no.\" She left."), ["He said \"no.\" ", "She left."]);
        assert_eq!(cut(""), Vec::<&str>::new());
    }

    #[test]
    fn blocks_are_separated_by_blank_lines() {
        let text = "\n\na\nb\n\n\nc\n";
        let blocks: Vec<&str> =
            blocks(text, 0..text.len()).into_iter().map(|range| &text[range]).collect();
        assert_eq!(blocks, ["\n\na\nb\n\n\n", "c\n"]);
    }
}
