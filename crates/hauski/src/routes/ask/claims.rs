//! Lets the sentences of an answer through that cite a passage that is there, one by one as they come.

/// The sentences so far.
pub(super) struct Claims {
    passages: usize,
    waiting: String,
    dropped: u64,
}

impl Claims {
    /// For an answer from so many passages.
    pub(super) fn new(passages: usize) -> Self {
        Self { passages, waiting: String::new(), dropped: 0 }
    }

    /// More of the answer; returns the sentences that are complete and cite.
    pub(super) fn take(&mut self, text: &str) -> String {
        self.waiting.push_str(text);
        let mut good = String::new();
        while let Some(end) = sentence_end(&self.waiting) {
            let rest = self.waiting.split_off(end);
            let sentence = std::mem::replace(&mut self.waiting, rest);
            good.push_str(&self.checked(sentence));
        }
        good
    }

    /// The end: what is left is a sentence too.
    pub(super) fn finish(&mut self) -> String {
        let sentence = std::mem::take(&mut self.waiting);
        self.checked(sentence)
    }

    /// Sentences that were left out.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn checked(&mut self, sentence: String) -> String {
        if !sentence.chars().any(char::is_alphanumeric) {
            return sentence;
        }
        let cited = citations(&sentence);
        if !cited.is_empty() && cited.iter().all(|number| (1..=self.passages).contains(number)) {
            return sentence;
        }
        self.dropped += 1;
        String::new()
    }
}

/// Where the first sentence ends, with the citations and blanks behind it; nothing while that may still change.
fn sentence_end(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        let is_end = match c {
            '\n' => true,
            '.' | '!' | '?' => characters.peek().is_some_and(|(_, next)| next.is_whitespace()),
            _ => false,
        };
        if !is_end || (c == '.' && is_abbreviation(&text[..at])) {
            continue;
        }
        let mut end = at + c.len_utf8();
        loop {
            let rest = &text[end..];
            let blank = rest.len() - rest.trim_start().len();
            let after = &rest[blank..];
            // Nothing but blanks so far: a citation may still follow.
            let next = after.chars().next()?;
            if next != '[' {
                return Some(end + blank);
            }
            let close = after.find(']')?;
            let is_number =
                after[1..close].chars().all(|c| c.is_ascii_digit() || c == ',' || c == ' ');
            if !is_number || close == 1 {
                return Some(end + blank);
            }
            end += blank + close + 1;
        }
    }
    None
}

/// Whether a full stop after this is none: a number of a list, a single letter, `e.g`.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
    let is_number = !word.is_empty() && word.chars().all(|c| c.is_ascii_digit());
    is_number
        || word.chars().count() == 1
        || ["e.g", "i.e", "z.B", "d.h", "vgl", "etc"].contains(&word)
}

/// Numbers in brackets: `[1]`, `[2, 3]`.
fn citations(sentence: &str) -> Vec<usize> {
    let mut numbers = Vec::new();
    let mut rest = sentence;
    while let Some((_, after)) = rest.split_once('[') {
        let Some((inside, behind)) = after.split_once(']') else { break };
        let cited: Option<Vec<usize>> =
            inside.split(',').map(|number| number.trim().parse().ok()).collect();
        numbers.extend(cited.into_iter().flatten());
        rest = behind;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(pieces: &[&str]) -> (String, u64) {
        let mut claims = Claims::new(2);
        let mut text: String = pieces.iter().map(|piece| claims.take(piece)).collect();
        text.push_str(&claims.finish());
        (text, claims.dropped())
    }

    #[test]
    fn what_cites_goes_through_and_the_rest_is_counted() {
        let (text, dropped) =
            through(&["Herons nest [1]. They fly. Sluices open [2][1]. Rain [3]."]);
        assert_eq!((text.as_str(), dropped), ("Herons nest [1]. Sluices open [2][1]. ", 2));
    }

    #[test]
    fn a_citation_behind_the_full_stop_counts() {
        let whole = "Herons nest. [1] They fly. [2]";
        let pieces: Vec<String> = whole.chars().map(|c| c.to_string()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        assert_eq!(through(&pieces), (whole.to_owned(), 0));
    }

    #[test]
    fn numbers_and_abbreviations_end_no_sentence() {
        let (text, dropped) = through(&["Version 1.2 is e.g. old [1].\n1. A list [2].\n"]);
        assert_eq!((text.as_str(), dropped), ("Version 1.2 is e.g. old [1].\n1. A list [2].\n", 0));
    }

    #[test]
    fn an_index_expression_is_no_citation() {
        assert_eq!(through(&["Use a[i] and b[0x1]."]), (String::new(), 1));
    }
}
