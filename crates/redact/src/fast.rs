//! The fast way through a whole text: a prefilter of few passes finds the places that could hold a
//! secret, and only there the rules are asked. Encoded layers are left to the deep way.
//!
//! What every rule needs is one of: a run of [`RUN_MIN`] token characters (all formats of tokens),
//! a name with a secret word, the head of a key block, an `@` behind `://`.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::Span;
use aho_corasick::packed::{Config, MatchKind, Searcher};
use memchr::memmem::Finder;

use crate::assignment;
use crate::commands;
use crate::engine::{self, Candidate, Purpose, TEXT_MIN};
use crate::known::Known;
use crate::manifests;
use crate::mask::masks_in;
use crate::rules::{Anchor, Lead, NAME_WORDS, Table, table};
use crate::shapes;

/// Every token format holds a run of at least this many characters of [`CORE`].
const RUN_MIN: usize = 18;

/// Any run of `RUN_MIN` characters holds a whole block of this size, wherever blocks begin.
const BLOCK: usize = 8;

/// What follows the first whole block of such a run: at most `BLOCK - 1` of it lie before the block.
const BEYOND: usize = RUN_MIN - BLOCK - (BLOCK - 1);

/// How far before a run its prefix may begin.
const PREFIX_MAX: usize = 96;

/// Runs shorter than this hold none of the words that stand inside a secret.
const INSIDE_MIN: usize = 36;

/// Characters of tokens. The slash of base64 is not among them, because paths would be runs; what it
/// splits leaves a run that is long enough.
const CORE: [u8; 256] = class(b"_-+%~");

/// Characters that join a prefix to its run, too.
const WIDE: [u8; 256] = class(b"_-+%~/.:=$@\"'");

const WORD: [u8; 256] = class(b"");

const fn class(signs: &[u8]) -> [u8; 256] {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = (byte as u8).is_ascii_alphanumeric() as u8;
        byte += 1;
    }
    let mut index = 0;
    while index < signs.len() {
        class[signs[index] as usize] = 1;
        index += 1;
    }
    class
}

/// As [`engine::find`] for [`Purpose::Report`], without encoded layers.
pub(crate) fn find(text: &[u8], known: Option<&Known>) -> Vec<Candidate> {
    let found = find_around(text, known, &[]);
    // Masks only take something away, so most texts need not be searched for them.
    let masked = if found.is_empty() { Vec::new() } else { masks_in(text) };
    if masked.is_empty() { found } else { find_around(text, known, &masked) }
}

fn find_around(text: &[u8], known: Option<&Known>, masked: &[Range<usize>]) -> Vec<Candidate> {
    let mut found = Vec::new();
    if text.len() < TEXT_MIN {
        return found;
    }
    if let Some(known) = known {
        known.find(text, &mut found);
    }
    let mut places = Places { table: table(), filter: &FILTER, text, masked, found };
    places.words();
    places.runs();
    places.addresses();
    manifests::find(text, &mut places.found);
    engine::settle(places.found, masked)
}

/// What the prefilter looks for, made from the rules once per process.
struct Filter {
    words: Option<Searcher>,
    /// What each pattern of `words` leads to.
    leads: Vec<(&'static str, Lead)>,
    /// A bit for each pair of bytes that a word of a rule begins with.
    pairs: Box<[u64; 1024]>,
    /// Words that end in `=`: they may begin inside a name.
    settings: Vec<(&'static str, Lead)>,
    /// Words that stand inside a secret.
    inside: Vec<(&'static str, Lead, Finder<'static>)>,
}

static FILTER: LazyLock<Filter> = LazyLock::new(|| Filter::new(table()));

impl Filter {
    fn new(table: &'static Table) -> Self {
        let mut filter = Self {
            words: None,
            leads: vec![("-----BEGIN", Lead::Pem)],
            pairs: Box::new([0; 1024]),
            settings: Vec::new(),
            inside: Vec::new(),
        };
        let mut patterns = vec!["-----BEGIN".to_owned()];
        for word in NAME_WORDS {
            for pattern in [word.to_owned(), title(word), word.to_ascii_uppercase()] {
                patterns.push(pattern);
                filter.leads.push((word, Lead::Name));
            }
        }
        for word in commands::words() {
            patterns.push(word.to_owned());
            filter.leads.push((word, Lead::Command));
        }
        for (word, lead) in table.rule_words() {
            let Lead::Rule(index) = lead else { continue };
            let rule = &table.rules[index];
            match word.as_bytes() {
                _ if rule.is_spaced() => {
                    patterns.push(word.to_owned());
                    filter.leads.push((word, lead));
                }
                [.., b'='] => filter.settings.push((word, lead)),
                [first, ..] if rule.anchor == Anchor::Around && first.is_ascii_alphanumeric() => {
                    filter.inside.push((word, lead, Finder::new(word)));
                }
                [first, second, ..] => {
                    let pair = usize::from(u16::from_le_bytes([*first, *second]));
                    filter.pairs[pair / 64] |= 1 << (pair % 64);
                }
                _ => {}
            }
        }
        filter.words =
            Config::new().match_kind(MatchKind::LeftmostFirst).builder().extend(&patterns).build();
        filter
    }

    fn begins_word(&self, first: u8, second: u8) -> bool {
        let pair = usize::from(u16::from_le_bytes([first, second]));
        self.pairs[pair / 64] >> (pair % 64) & 1 != 0
    }
}

fn title(word: &str) -> String {
    word[..1].to_ascii_uppercase() + &word[1..]
}

/// The search through one text.
struct Places<'a> {
    table: &'static Table,
    filter: &'static Filter,
    text: &'a [u8],
    masked: &'a [Range<usize>],
    found: Vec<Candidate>,
}

impl Places<'_> {
    /// Names with a secret word, key blocks and the few rules whose secret is no token.
    fn words(&mut self) {
        let Some(words) = &self.filter.words else {
            // No vector instructions here: the plain matcher knows the same words.
            let text = self.text;
            let mut hits = Vec::new();
            self.table.keywords(text, |word, lead, range| hits.push((word, lead, range)));
            let mut name_end = 0;
            hits.into_iter()
                .for_each(|(word, lead, hit)| self.word(word, lead, hit, &mut name_end));
            return;
        };
        let (mut at, mut name_end) = (0, 0);
        while let Some(hit) = words.find_in(self.text, Span { start: at, end: self.text.len() }) {
            at = hit.end();
            let (word, lead) = self.filter.leads[hit.pattern().as_usize()];
            self.word(word, lead, hit.start()..hit.end(), &mut name_end);
        }
    }

    fn word(&mut self, word: &str, lead: Lead, hit: Range<usize>, name_end: &mut usize) {
        match lead {
            Lead::Name if hit.start < *name_end => {}
            Lead::Name => {
                let name = assignment::name_around(self.text, &hit);
                *name_end = name.end;
                if self.text.get(name.end) == Some(&b'=') {
                    self.setting_before(name.end + 1);
                }
                let free = !engine::is_masked(self.masked, hit.start);
                if free && may_be_given(self.text, name.end) {
                    shapes::named(self.text, name, Purpose::Report, &mut self.found);
                }
            }
            Lead::Pem | Lead::Rule(_) | Lead::Command => self.lead(word, lead, hit),
            Lead::Address => {}
        }
    }

    fn lead(&mut self, word: &str, lead: Lead, hit: Range<usize>) {
        if engine::is_masked(self.masked, hit.start) {
            return;
        }
        match lead {
            Lead::Rule(index) => {
                engine::apply(&self.table.rules[index], word, self.text, hit, &mut self.found);
            }
            Lead::Pem => self.found.extend(shapes::private_key(self.text, hit.start)),
            Lead::Command => {
                commands::in_text(self.text, hit, Purpose::Report, &mut self.found);
            }
            Lead::Name | Lead::Address => {}
        }
    }

    /// Runs of token characters. Blocks are looked at as a whole, which is nearly all of the work in
    /// text without secrets.
    fn runs(&mut self) {
        let text = self.text;
        // Where the last stretch of core characters and the last run that was looked into end.
        let (mut at, mut floor, mut searched) = (0, 0, 0);
        while let Some(block) = text.get(at..at + BLOCK) {
            if !is_core(block) {
                at += BLOCK;
                continue;
            }
            if !text.get(at + BLOCK..at + BLOCK + BEYOND).is_some_and(is_core) {
                at += BLOCK;
                continue;
            }
            let left = text[floor..at].iter().rev().take_while(|byte| in_core(**byte)).count();
            let after = &text[at + BLOCK..];
            let right = after.iter().take_while(|byte| in_core(**byte)).count();
            let run = at - left..at + BLOCK + right;
            if run.len() >= RUN_MIN {
                self.run(run.clone(), searched);
                searched = run.end;
            }
            floor = run.end;
            at = run.end + 1;
        }
    }

    /// The words of rules in a run and in what leads to it. Nothing before `floor` is looked at.
    // Apart from the loop that finds runs, which then keeps all it needs in registers.
    #[inline(never)]
    fn run(&mut self, run: Range<usize>, floor: usize) {
        let before = &self.text[floor.max(run.start.saturating_sub(PREFIX_MAX))..run.start];
        let joined = before.iter().rev().take_while(|byte| WIDE[usize::from(**byte)] != 0).count();
        let start = run.start - joined;
        let stretch = &self.text[start..run.end];
        let escapes =
            self.text[..start].ends_with(b"\\") || memchr::memchr(b'%', stretch).is_some();
        let mut before = 0;
        for (at, pair) in (start..).zip(stretch.windows(2)) {
            let word = WORD[usize::from(pair[0])];
            // In the middle of letters and digits only an escape ends, as in `\nTOKEN` and `%3DTOKEN`.
            let border = before & word == 0 || escapes && engine::begins_at(self.text, at);
            if border && self.filter.begins_word(pair[0], pair[1]) {
                self.words_at(at);
            }
            before = word;
        }
        if self.text[..run.start].ends_with(b"=") {
            self.setting_before(run.start);
        }
        if run.end - start >= INSIDE_MIN {
            let filter = self.filter;
            for (word, lead, finder) in &filter.inside {
                let hits: Vec<usize> = finder.find_iter(&self.text[start..run.end]).collect();
                for at in hits.into_iter().map(|at| start + at) {
                    self.lead(word, *lead, at..at + word.len());
                }
            }
        }
    }

    fn words_at(&mut self, at: usize) {
        let table = self.table;
        let rest = &self.text[at..];
        for (word, lead) in table.words_from(rest[0]) {
            if rest.starts_with(word.as_bytes()) {
                self.lead(word, lead, at..at + word.len());
            }
        }
    }

    fn setting_before(&mut self, end: usize) {
        let filter = self.filter;
        for (word, lead) in &filter.settings {
            if self.text[..end].ends_with(word.as_bytes()) {
                self.lead(word, *lead, end - word.len()..end);
            }
        }
    }

    /// `scheme://…@`: only what stands before an `@` is looked at.
    fn addresses(&mut self) {
        let mut last = None;
        for sign in memchr::memchr_iter(b'@', self.text) {
            let before = &self.text[sign.saturating_sub(shapes::AUTHORITY_MAX)..sign];
            let user = before.iter().rev().take_while(|byte| !shapes::ends_authority(byte)).count();
            let start = sign - user;
            if user == 0 || !self.text[..start].ends_with(b"://") || last == Some(start) {
                continue;
            }
            last = Some(start);
            if !engine::is_masked(self.masked, start - 3) {
                self.found.extend(shapes::address(self.text, start - 3, Purpose::Report));
            }
        }
    }
}

fn in_core(byte: u8) -> bool {
    CORE[usize::from(byte)] != 0
}

fn is_core(block: &[u8]) -> bool {
    block.iter().fold(1, |all, byte| all & CORE[usize::from(*byte)]) != 0
}

/// Whether a value may follow a name: the byte after it is an operator, a quote, a bracket or a blank.
fn may_be_given(text: &[u8], name_end: usize) -> bool {
    text.get(name_end).is_some_and(|byte| {
        matches!(
            byte,
            b'=' | b':'
                | b'"'
                | b'\''
                | b'`'
                | b'\\'
                | b']'
                | b' '
                | b'\t'
                | b'\n'
                | b'\r'
                | b','
                | b'>'
                | b'?'
                | b'+'
                | b'!'
        )
    })
}
