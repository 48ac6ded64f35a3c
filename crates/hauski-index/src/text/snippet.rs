//! Which stretch of a passage to show for a question, and what to mark in it: bytes of the text as it was given.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::analysis::Analyzer;
use super::language::Language;
use super::lexicon::{self, WordId};
use super::params::TextQuery;
use super::query::Plan;
use super::words::{self, Reader, Span};

/// A stretch of a text. All ranges are in bytes, lie on borders of characters and inside the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// What to show; begins and ends between words where that is possible.
    pub range: Range<usize>,
    /// Words of the question in it, ascending, none touching another.
    pub marks: Vec<Range<usize>>,
}

/// The stretch of at most `max_bytes` that holds the most different words of a question, the first of equals. A text that
/// holds none of them is shown from its beginning.
pub fn snippet(text: &str, words: &str, max_bytes: usize) -> Snippet {
    let plan = Plan::of(&TextQuery { words: words.to_owned(), ..TextQuery::default() });
    let mut wanted: HashMap<&str, usize> = HashMap::new();
    for (number, group) in plan.groups.iter().enumerate() {
        for leaf in &group.leaves {
            wanted.entry(&leaf.term).or_insert(number);
        }
    }
    let mut finder = Finder {
        text,
        wanted: &wanted,
        analyzer: Analyzer::default(),
        known: HashMap::new(),
        found: Vec::new(),
    };
    words::read(text, &mut finder);
    let mut found = finder.found;
    found.sort_by_key(|(span, group)| (span.start, span.end, *group));
    let weights: Vec<f32> = plan.groups.iter().map(|group| group.boost).collect();
    let range = shown(text, best(&found, &weights, max_bytes), max_bytes);
    let mut marks: Vec<Range<usize>> = Vec::new();
    for (span, _) in
        found.into_iter().filter(|(span, _)| span.start >= range.start && span.end <= range.end)
    {
        match marks.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => marks.push(span),
        }
    }
    Snippet { range, marks }
}

struct Finder<'a> {
    text: &'a str,
    wanted: &'a HashMap<&'a str, usize>,
    analyzer: Analyzer,
    /// What was found out about a word.
    known: HashMap<WordId, Option<usize>>,
    found: Vec<(Span, usize)>,
}

impl Finder<'_> {
    fn group(&mut self, id: WordId) -> Option<usize> {
        let lexicon = &mut self.analyzer.lexicon;
        for language in [Language::English, Language::German, Language::Other] {
            if let Some(group) = self.wanted.get(lexicon.term(id, language)) {
                return Some(*group);
            }
        }
        if let Some(group) =
            lexicon.german_parts(id).iter().find_map(|part| self.wanted.get(&**part))
        {
            return Some(*group);
        }
        let humps = lexicon.get(id).humps.clone();
        humps.iter().find_map(|hump| self.group(*hump))
    }
}

impl Reader for Finder<'_> {
    fn word(&mut self, span: Span) {
        let id = self.analyzer.lexicon.id(&self.text[span.clone()]);
        let group = match self.known.get(&id) {
            Some(group) => *group,
            None => {
                let group = self.group(id);
                self.known.insert(id, group);
                group
            }
        };
        self.found.extend(group.map(|group| (span, group)));
    }

    fn name(&mut self, span: Span) {
        let group = self.wanted.get(lexicon::name(&self.text[span.clone()]).as_str()).copied();
        self.found.extend(group.map(|group| (span, group)));
    }
}

/// The stretch from the first to the last find of the best window.
fn best(found: &[(Span, usize)], weights: &[f32], max_bytes: usize) -> Option<Range<usize>> {
    let mut inside: BTreeMap<usize, usize> = BTreeMap::new();
    let mut best: Option<(f32, Range<usize>)> = None;
    let mut first = 0;
    for (last, (span, group)) in found.iter().enumerate() {
        *inside.entry(*group).or_default() += 1;
        while first < last && span.end.saturating_sub(found[first].0.start) > max_bytes {
            if let Some(count) = inside.get_mut(&found[first].1) {
                *count -= 1;
                if *count == 0 {
                    inside.remove(&found[first].1);
                }
            }
            first += 1;
        }
        let score: f32 = inside.keys().map(|group| weights[*group]).sum();
        if best.as_ref().is_none_or(|(known, _)| score > *known) {
            best = Some((score, found[first].0.start..span.end));
        }
    }
    best.map(|(_, range)| range)
}

/// Grows a stretch to what may be shown: a third of the room before it, the rest behind.
fn shown(text: &str, found: Option<Range<usize>>, max_bytes: usize) -> Range<usize> {
    if text.len() <= max_bytes {
        return 0..text.len();
    }
    let found = found.unwrap_or(0..0);
    let room = max_bytes.saturating_sub(found.len());
    let start = found.start.saturating_sub(room / 3).min(text.len() - max_bytes);
    let start = text.ceil_char_boundary(start).min(found.start);
    let start = match text[start..found.start].find(char::is_whitespace) {
        Some(blank) if start > 0 => {
            let rest = &text[start + blank..];
            (start + blank + (rest.len() - rest.trim_start().len())).min(found.start)
        }
        _ => start,
    };
    let end = text.floor_char_boundary((start + max_bytes).min(text.len()));
    if end == text.len() {
        return start..end;
    }
    let least = found.end.clamp(start, end);
    let least = text.floor_char_boundary(least);
    let end = text[least..end].rfind(char::is_whitespace).map_or(end, |blank| least + blank);
    start..end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marked(text: &str, words: &str, max_bytes: usize) -> String {
        let snippet = snippet(text, words, max_bytes);
        let mut shown = String::new();
        let mut at = snippet.range.start;
        for mark in snippet.marks {
            shown += &format!("{}[{}]", &text[at..mark.start], &text[mark.clone()]);
            at = mark.end;
        }
        shown + &text[at..snippet.range.end]
    }

    #[test]
    fn the_best_stretch_is_shown_and_its_words_are_marked() {
        let text = "Parsers exist. Much later, and after many other words of no interest, the parser reads a configuration file.";
        assert_eq!(
            marked(text, "parse the configurations", 60),
            "of no interest, the [parser] reads a [configuration] file."
        );
        assert_eq!(
            marked("Die Datenbankverbindung ist da.", "Verbindung", 80),
            "Die [Datenbankverbindung] ist da."
        );
        assert_eq!(
            marked("call parse_config() now", "parse_config", 80),
            "call [parse_config]() now"
        );
        assert_eq!(marked("nothing here", "absent", 7), "nothing");
    }

    proptest! {
        /// Any text, any question: ranges lie on borders of characters inside the text, marks inside what is shown.
        #[test]
        fn ranges_hold(text in "\\PC*|.*", words in ".*", max_bytes in 0_usize..200) {
            let snippet = snippet(&text, &words, max_bytes);
            prop_assert!(text.get(snippet.range.clone()).is_some());
            prop_assert!(snippet.range.len() <= max_bytes);
            for mark in &snippet.marks {
                prop_assert!(text.get(mark.clone()).is_some() && !mark.is_empty());
                prop_assert!(mark.start >= snippet.range.start && mark.end <= snippet.range.end);
            }
            prop_assert!(snippet.marks.windows(2).all(|pair| pair[0].end < pair[1].start));
        }

        #[test]
        fn a_word_of_the_text_is_found_in_it(text in "[a-zäöüß]{3,12}( [a-zäöüß]{3,12}){0,20}", which in any::<prop::sample::Index>()) {
            let words: Vec<&str> = text.split(' ').collect();
            let word = *which.get(&words);
            let snippet = snippet(&text, word, 1_000);
            prop_assert!(snippet.marks.iter().any(|mark| text[mark.clone()].contains(word)));
        }
    }
}
