//! German spelling variants, and the parts of compounds: `Datenbankverbindungen` is `daten`, `bank`, `verbindungen`.
//!
//! The constituents that a compound may be made of are a list of our own (`german_constituents.txt`). A word is cut only where
//! both sides are made of constituents, or where a long one stands beside a rest that could be a word by its sounds.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use super::lexicon::WordHasher;

/// Shortest compound, and shortest part of one, in characters.
const MIN_COMPOUND: usize = 8;
const MIN_PART: usize = 3;
/// From this length on a constituent is trusted beside a rest that the list does not know, and so long that rest must be.
const MIN_ANCHOR: usize = 5;
const MIN_UNKNOWN: usize = 4;
/// Longest word that is looked into, in characters.
const MAX_COMPOUND: usize = 60;

/// Endings of cases and plurals that a constituent may carry as the last part of a compound.
const ENDINGS: &[&str] = &["", "s", "es", "e", "en", "n", "er", "ern", "nen", "se", "sen"];
/// What may stand between two parts.
const LINKS: &[&str] = &["", "s", "es", "n", "en", "er", "e", "ens", "nen"];

static CONSTITUENTS: LazyLock<HashSet<String, BuildHasherDefault<WordHasher>>> =
    LazyLock::new(|| {
        include_str!("german_constituents.txt").split_whitespace().map(plain).collect()
    });

/// Lower-case text with one spelling for each of ä/ae, ö/oe, ü/ue and ß/ss: the one with umlauts, as the stemmer wants it.
/// `ue` after a vowel or a q is left alone (`neue`, `Quelle`).
pub(super) fn umlauts(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for c in word.chars() {
        let last = out.chars().next_back();
        match (last, c) {
            (Some('a'), 'e') => replace_last(&mut out, 'ä'),
            (Some('o'), 'e') => replace_last(&mut out, 'ö'),
            (Some('u'), 'e') if !after_vowel_or_q(&out) => replace_last(&mut out, 'ü'),
            (_, 'ß') => out.push_str("ss"),
            _ => out.push(c),
        }
    }
    out
}

fn replace_last(out: &mut String, by: char) {
    out.pop();
    out.push(by);
}

/// Whether the character before the last one is a vowel or a q.
fn after_vowel_or_q(out: &str) -> bool {
    out.chars().rev().nth(1).is_some_and(|c| "aeiouäöüyq".contains(c))
}

/// The key of a word in the list: without umlauts, so that `Händler` and `Handel` have to stand there both.
fn plain(word: &str) -> String {
    umlauts(&word.to_lowercase()).chars().map(base).collect()
}

fn base(c: char) -> char {
    match c {
        'ä' => 'a',
        'ö' => 'o',
        'ü' => 'u',
        c => c,
    }
}

/// The parts of a compound, as they stand in it without what links them, last part with its ending; nothing for a word that
/// is none. `word` is lower case and went through [`umlauts`].
pub(super) fn parts(word: &str) -> Vec<String> {
    let plain: String = word.chars().map(base).collect();
    // A letter each is a byte from here on; words with other letters are not German ones.
    if !(MIN_COMPOUND..=MAX_COMPOUND).contains(&plain.len())
        || !plain.bytes().all(|b| b.is_ascii_lowercase())
        || known_with_ending(&plain)
    {
        return Vec::new();
    }
    let original: Vec<char> = word.chars().collect();
    let mut cutter = Cutter { word: &plain, best: vec![None; plain.len() + 1] };
    match cutter.all_known().or_else(|| cutter.one_unknown()) {
        Some(cuts) => cuts.iter().map(|&(from, to)| original[from..to].iter().collect()).collect(),
        None => Vec::new(),
    }
}

fn known(part: &str) -> bool {
    CONSTITUENTS.contains(part)
}

fn known_with_ending(part: &str) -> bool {
    ENDINGS.iter().any(|ending| {
        part.strip_suffix(ending).is_some_and(|stem| stem.len() >= MIN_PART && known(stem))
    })
}

type Cuts = Vec<(usize, usize)>;

struct Cutter<'a> {
    word: &'a str,
    /// For each start: the cheapest way to the end, as its price and its first part with where the next begins.
    best: Vec<Option<(u32, usize, usize)>>,
}

impl<'a> Cutter<'a> {
    /// The way with the fewest parts in which every part is known; among equals the one with the longest last parts.
    fn all_known(&mut self) -> Option<Cuts> {
        let end = self.word.len();
        for start in (0..end).rev() {
            if known_with_ending(self.text(start, end)) && end - start >= MIN_PART {
                self.best[start] = Some((1, end, end));
                continue;
            }
            for stop in (start + MIN_PART..end).rev() {
                if !known(self.text(start, stop)) {
                    continue;
                }
                for link in LINKS {
                    let next = stop + link.len();
                    if next >= end || self.text(stop, next) != *link {
                        continue;
                    }
                    let Some((price, _, _)) = self.best[next] else { continue };
                    if self.best[start].is_none_or(|(old, _, _)| price + 1 < old) {
                        self.best[start] = Some((price + 1, stop, next));
                    }
                }
            }
        }
        self.walk(0)
    }

    /// One unknown part, first or last, beside known ones.
    fn one_unknown(&self) -> Option<Cuts> {
        let end = self.word.len();
        // The head says what the thing is, so it is looked for first; the longest one wins.
        for start in MIN_UNKNOWN..=end.saturating_sub(MIN_ANCHOR) {
            if self.best[start].is_none()
                || !self.could_be_word(0, start)
                || is_vowel(self.at(start))
            {
                continue;
            }
            let mut cuts = vec![(0, self.without_link(start))];
            cuts.extend(self.walk(start)?);
            let anchored = cuts[1..].iter().all(|(from, to)| to - from >= MIN_ANCHOR);
            if anchored {
                return Some(cuts);
            }
        }
        for stop in (MIN_ANCHOR..end.saturating_sub(MIN_UNKNOWN)).rev() {
            if !known(self.text(0, stop)) {
                continue;
            }
            let linked = self.at(stop) == b's' && self.could_be_word(stop + 1, end);
            let next = stop + usize::from(linked);
            if self.could_be_word(next, end) && end - next >= MIN_ANCHOR && !is_vowel(self.at(next))
            {
                return Some(vec![(0, stop), (next, end)]);
            }
        }
        None
    }

    fn walk(&self, from: usize) -> Option<Cuts> {
        let mut cuts = Vec::new();
        let mut at = from;
        while at < self.word.len() {
            let (_, stop, next) = self.best[at]?;
            cuts.push((at, stop));
            at = next;
        }
        (cuts.len() > 1 || from > 0).then_some(cuts)
    }

    /// An unknown first part loses the `s` that links it after endings which take one.
    fn without_link(&self, end: usize) -> usize {
        const TAKE_S: &[&str] =
            &["ungs", "heits", "keits", "schafts", "ions", "tats", "lings", "tums", "ments"];
        let text = self.text(0, end);
        end - usize::from(TAKE_S.iter().any(|ending| text.ends_with(ending)))
    }

    /// Whether the sounds allow a word to stand here: a vowel inside, no cluster at its border that no word begins or ends
    /// with, and not a mere prefix of verbs.
    fn could_be_word(&self, from: usize, to: usize) -> bool {
        const PREFIXES: &[&str] = &[
            "unter", "uber", "hinter", "wieder", "miss", "gegen", "zusammen", "zuruck", "vorbe",
            "einge", "ausge", "abge", "ange", "aufge", "unge", "unver", "unbe",
        ];
        if to <= from || to - from < MIN_UNKNOWN {
            return false;
        }
        let part = self.text(from, to);
        let Some(first) = part.bytes().position(is_vowel) else { return false };
        let last = part.bytes().rposition(is_vowel).unwrap_or(first);
        begins(&part[..first]) && ends(&part.as_bytes()[last + 1..]) && !PREFIXES.contains(&part)
    }

    fn text(&self, from: usize, to: usize) -> &'a str {
        &self.word[from..to]
    }

    fn at(&self, at: usize) -> u8 {
        self.word.as_bytes()[at]
    }
}

fn is_vowel(letter: u8) -> bool {
    b"aeiouy".contains(&letter)
}

/// Whether a word can begin with these consonants.
fn begins(onset: &str) -> bool {
    const CLUSTERS: &[&str] = &[
        "bl", "br", "ch", "chr", "cl", "cr", "dr", "fl", "fr", "gl", "gn", "gr", "kl", "kn", "kr",
        "pf", "pfl", "pfr", "ph", "pl", "pr", "ps", "qu", "rh", "sc", "sch", "schl", "schm",
        "schn", "schr", "schw", "sh", "sk", "sl", "sm", "sn", "sp", "spl", "spr", "st", "str",
        "sw", "th", "tr", "tw", "vl", "wr", "zw",
    ];
    onset.len() <= 1 || CLUSTERS.contains(&onset)
}

/// Whether a word can end with these consonants.
fn ends(coda: &[u8]) -> bool {
    match *coda {
        [] => true,
        [last] => !b"jqw".contains(&last),
        [.., before, last] => {
            let pair = (before, last);
            let bound = b"lnrmsck".contains(&before)
                || before == last
                || matches!(
                    pair,
                    (b'f' | b'p' | b'h', b't' | b's') | (b't', b'z' | b's') | (b'g', b's')
                );
            let odd = matches!(
                pair,
                (b's', b'm' | b'n' | b'r' | b'l' | b'g' | b'd')
                    | (b'm' | b'n' | b'k', b'r' | b'l' | b'm')
            ) || (before == b'c' && !b"hk".contains(&last));
            b"stzkfphdngmrl".contains(&last) && bound && !odd
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(word: &str) -> String {
        parts(&umlauts(&word.to_lowercase())).join("|")
    }

    #[test]
    fn spellings_become_one() {
        assert_eq!(umlauts("aenderung"), "änderung");
        assert_eq!(umlauts("neue"), "neue");
        assert_eq!(umlauts("quelle"), "quelle");
        assert_eq!(umlauts("ueberpruefen"), "überprüfen");
        assert_eq!(umlauts("straße"), "strasse");
    }

    #[test]
    fn compounds_are_cut() {
        assert_eq!(cut("Datenbankverbindung"), "datenbank|verbindung");
        assert_eq!(cut("Sicherheitslücken"), "sicherheit|lücken");
        assert_eq!(cut("Zwischenspeicher"), "zwischen|speicher");
        assert_eq!(cut("Kubernetescluster"), "kubernetes|cluster");
        assert_eq!(cut("Aenderungsverlauf"), "änderung|verlauf");
    }

    #[test]
    fn other_words_stay_whole() {
        for word in [
            "Verwalter",
            "Gestalter",
            "Verbindungen",
            "verändern",
            "Krawatte",
            "Beispiele",
            "Unterstützung",
            "konfigurieren",
            "Fehlermeldung2",
            "Bibliothek",
            "Frühling",
            "wahrscheinlich",
            "verschiedene",
            "Programmierer",
            "Gesellschaft",
        ] {
            assert_eq!(cut(word), "", "{word}");
        }
    }

    proptest::proptest! {
        /// Parts stand in the word in their order; what is between them is short.
        #[test]
        fn parts_stand_in_the_word(word in "[a-zäöüß]{0,40}") {
            let word = umlauts(&word);
            let mut at = 0;
            for part in parts(&word) {
                let found = word[at..].find(&part);
                proptest::prop_assert!(found.is_some_and(|gap| gap <= 4), "{part} in {word}");
                at += found.unwrap_or(0) + part.len();
            }
        }

        #[test]
        fn umlauts_are_stable(word in "\\PC{0,30}") {
            let once = umlauts(&word);
            proptest::prop_assert_eq!(umlauts(&once), once);
        }
    }
}
