//! The rule file, its keyword prefilter and its expressions.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, OnceLock};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};

use crate::checksum::Check;
use crate::commands;

const SOURCE: &str = include_str!("secrets.rules");

/// Least entropy in bits per character where a rule names none: below lie repeated characters and
/// placeholders.
const DEFAULT_ENTROPY: f64 = 2.7;

/// Words inside names whose values are secrets; each hit leads to the assignment parser.
pub(crate) const NAME_WORDS: [&str; 10] = [
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "credential",
    "auth",
    "bearer",
    "cookie",
    "signature",
];

/// Rules that are code instead of lines of the rule file: id and what a person reads.
pub(crate) const SHAPES: [(&str, &str); 11] = [
    ("private-key", "private key block"),
    ("url-password", "password inside an address"),
    ("authorization-header", "credentials of an Authorization header"),
    ("cookie-header", "value of a cookie"),
    ("secret-assignment", "value of a name that says it is secret"),
    ("secret-flag", "value of a command-line flag that says it is secret"),
    ("secret-variable", "environment variable whose name says it is secret"),
    ("known-value", "value of a secret environment variable"),
    ("registry-login", "login of a container registry"),
    ("kubernetes-secret", "value of a Kubernetes Secret"),
    ("packed-text", "compressed text too large to be searched whole"),
];

/// What a person reads of a rule that is code.
pub(crate) fn why_of(id: &str) -> &'static str {
    SHAPES.iter().find(|(shape, _)| *shape == id).map_or("", |(_, why)| why)
}

/// Whether a rule knows a secret by its place and not by the format of one issuer.
pub(crate) fn is_shape(id: &str) -> bool {
    SHAPES.iter().any(|(shape, _)| *shape == id)
}

/// One rule, as documentation shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Name in masks and findings.
    pub id: &'static str,
    /// What it finds.
    pub why: &'static str,
}

/// All rules: those of the rule file in its order, then those that are code.
pub fn rules() -> Vec<RuleInfo> {
    let file = table().rules.iter().map(|rule| RuleInfo { id: rule.id, why: rule.why });
    file.chain(SHAPES.iter().map(|&(id, why)| RuleInfo { id, why })).collect()
}

/// A rule of the file.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) why: &'static str,
    pub(crate) anchor: Anchor,
    pub(crate) words: Vec<&'static str>,
    value: &'static str,
    pub(crate) entropy: f64,
    pub(crate) check: Option<Check>,
    compiled: OnceLock<Option<Regex>>,
}

/// How the keyword relates to the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Around,
    Near,
}

impl Rule {
    /// The expression, compiled on first use. `None` only for a broken rule file, which a test
    /// rules out.
    pub(crate) fn expression(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| self.compile()).as_ref()
    }

    /// Whether a blank follows the word, so that word and secret are no run of token characters.
    pub(crate) fn is_spaced(&self) -> bool {
        self.value.starts_with(r"\s")
    }

    fn compile(&self) -> Option<Regex> {
        let pattern = match self.anchor {
            Anchor::Start => {
                let words: Vec<_> = self.words.iter().map(|word| regex::escape(word)).collect();
                format!(r"\A(?:{})(?:{})", words.join("|"), self.value)
            }
            Anchor::Around => self.value.to_owned(),
            Anchor::Near => format!(r"\A(?:{})", self.value),
        };
        RegexBuilder::new(&pattern).unicode(false).build().ok()
    }
}

/// What a keyword leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lead {
    /// Index into [`Table::rules`].
    Rule(usize),
    /// A word inside a name whose value may be a secret.
    Name,
    /// `-----BEGIN`
    Pem,
    /// `://`
    Address,
    /// A program whose flags carry secrets.
    Command,
}

/// The compiled-in rules with their keywords.
pub(crate) struct Table {
    pub(crate) rules: Vec<Rule>,
    /// Rules with a `near` word, tried on the value of a secret name.
    pub(crate) near: Vec<usize>,
    /// The keywords and where they lead.
    leads: Vec<(&'static str, Lead)>,
    /// Indices into `leads` by first byte, in both cases.
    heads: Vec<Vec<u16>>,
    automaton: LazyLock<AhoCorasick>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(parse(SOURCE)));

static AUTOMATON: fn() -> AhoCorasick = || automaton(&TABLE.leads);

/// Bytes that the plain matcher has seen. The automaton is ten times as fast but takes half a
/// millisecond to build, which pays from about here on.
static SEEN: AtomicUsize = AtomicUsize::new(0);
const AUTOMATON_PAYS: usize = 48 * 1024;

/// The rules, built on first use.
pub(crate) fn table() -> &'static Table {
    &TABLE
}

impl Table {
    fn new(rules: Vec<Rule>) -> Self {
        let mut leads: Vec<(&'static str, Lead)> =
            NAME_WORDS.iter().map(|word| (*word, Lead::Name)).collect();
        leads.push(("-----BEGIN", Lead::Pem));
        leads.push(("://", Lead::Address));
        leads.extend(commands::words().map(|word| (word, Lead::Command)));
        let mut near = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            if rule.anchor == Anchor::Near {
                near.push(index);
            } else {
                leads.extend(rule.words.iter().map(|word| (*word, Lead::Rule(index))));
            }
        }
        let mut heads = vec![Vec::new(); 256];
        for (index, (word, _)) in (0_u16..).zip(&leads) {
            let first = word.as_bytes().first().copied().unwrap_or_default();
            let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
            heads[usize::from(lower)].push(index);
            if upper != lower {
                heads[usize::from(upper)].push(index);
            }
        }
        Self { rules, near, leads, heads, automaton: LazyLock::new(AUTOMATON) }
    }

    /// Calls `visit` with every keyword in the text, whatever its case, and where it leads.
    pub(crate) fn keywords(
        &self,
        text: &[u8],
        mut visit: impl FnMut(&'static str, Lead, Range<usize>),
    ) {
        if SEEN.fetch_add(text.len(), Ordering::Relaxed) + text.len() < AUTOMATON_PAYS {
            return self.plain(text, visit);
        }
        for hit in self.automaton.find_overlapping_iter(text) {
            let (word, lead) = self.leads[hit.pattern().as_usize()];
            visit(word, lead, hit.range());
        }
    }

    /// The words that rules look for.
    pub(crate) fn rule_words(&self) -> impl Iterator<Item = (&'static str, Lead)> {
        self.leads.iter().copied().filter(|(_, lead)| matches!(lead, Lead::Rule(_)))
    }

    /// The words that begin with this byte in either case.
    pub(crate) fn words_from(&self, first: u8) -> impl Iterator<Item = (&'static str, Lead)> {
        let here = self.heads[usize::from(first)].iter();
        here.map(|index| self.leads[usize::from(*index)])
    }

    fn plain(&self, text: &[u8], mut visit: impl FnMut(&'static str, Lead, Range<usize>)) {
        for (at, byte) in text.iter().enumerate() {
            for index in &self.heads[usize::from(*byte)] {
                let (word, lead) = self.leads[usize::from(*index)];
                let range = at..at + word.len();
                let here = text.get(range.clone());
                if here.is_some_and(|here| here.eq_ignore_ascii_case(word.as_bytes())) {
                    visit(word, lead, range);
                }
            }
        }
    }
}

fn automaton(leads: &[(&'static str, Lead)]) -> AhoCorasick {
    AhoCorasickBuilder::new()
        .match_kind(MatchKind::Standard)
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(leads.iter().map(|(word, _)| word))
        .expect("a few hundred short words stay far below the automaton's limits")
}

fn parse(source: &'static str) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::with_capacity(160);
    for line in source.lines() {
        if let Some(id) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            rules.push(empty_rule(id));
        } else if let (Some(rule), Some((key, value))) = (rules.last_mut(), field(line)) {
            set_field(rule, key, value);
        }
    }
    rules
}

/// `key = value`. A plain search for the sign: the two-way search for a longer text costs more to begin
/// with than the line is long.
fn field(line: &'static str) -> Option<(&'static str, &'static str)> {
    let (key, value) = line.split_once('=')?;
    Some((key.strip_suffix(' ')?, value.strip_prefix(' ')?))
}

fn empty_rule(id: &'static str) -> Rule {
    Rule {
        id,
        why: "",
        anchor: Anchor::Start,
        words: Vec::new(),
        value: "",
        entropy: DEFAULT_ENTROPY,
        check: None,
        compiled: OnceLock::new(),
    }
}

fn set_field(rule: &mut Rule, key: &str, value: &'static str) {
    let mut anchored = |anchor| {
        rule.anchor = anchor;
        rule.words = value.split(' ').collect();
    };
    match key {
        "start" => anchored(Anchor::Start),
        "around" => anchored(Anchor::Around),
        "near" => anchored(Anchor::Near),
        "why" => rule.why = value,
        "value" => rule.value = value,
        "entropy" => rule.entropy = value.parse().unwrap_or(DEFAULT_ENTROPY),
        "check" => rule.check = Check::from_name(value),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_of_the_file_is_whole() {
        let table = table();
        assert!(table.rules.len() >= 80, "{} rules", table.rules.len());
        for rule in &table.rules {
            assert!(rule.expression().is_some(), "{}: expression does not compile", rule.id);
            assert!(!rule.why.is_empty() && !rule.words.is_empty(), "{}", rule.id);
            let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(rule.id.len() <= 40 && rule.id.chars().all(name), "{}", rule.id);
        }
    }

    #[test]
    fn every_line_of_the_file_is_understood() {
        for line in SOURCE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let known = ["why = ", "start = ", "around = ", "near = ", "value = ", "entropy = "];
            let check =
                line.strip_prefix("check = ").is_some_and(|n| Check::from_name(n).is_some());
            let entropy = line.strip_prefix("entropy = ").is_none_or(|n| n.parse::<f64>().is_ok());
            let field = line.starts_with('[') || known.iter().any(|key| line.starts_with(key));
            assert!((field || check) && entropy, "{line}");
        }
    }

    #[test]
    fn both_matchers_find_the_same_keywords() {
        let words = ["ghp_", "xoxb-", "AKIA", "eyJ", "-----BEGIN", "://", "Password=\n"];
        let text = SOURCE.replace('\n', &words.concat());
        let table = table();
        let mut plain = Vec::new();
        table.plain(text.as_bytes(), |word, _, range| {
            plain.push((range.end, word));
        });
        assert!(text.len() > 48 * 1024 / 2 && plain.len() > 1000);
        let mut fast = Vec::new();
        for hit in table.automaton.find_overlapping_iter(&text) {
            fast.push((hit.end(), table.leads[hit.pattern().as_usize()].0));
        }
        plain.sort_unstable();
        fast.sort_unstable();
        assert_eq!(plain, fast);
    }

    #[test]
    fn ids_are_unique() {
        let all = rules();
        let ids: BTreeSet<_> = all.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), all.len());
    }
}
