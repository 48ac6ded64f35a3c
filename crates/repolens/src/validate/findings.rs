//! What was found, bounded: everything is counted, the first of each rule are kept.

use std::collections::BTreeMap;

use super::rules::Rule;

/// Findings of one rule that are listed.
const KEPT_PER_RULE: u64 = 20;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub rule: Rule,
    /// Number of the part, from 0; `None` for the sidecar.
    pub part: Option<usize>,
    /// Line, from 1; 0 when it concerns the whole file.
    pub line: u64,
    /// What is wrong.
    pub message: String,
}

/// A place that a finding names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) part: Option<usize>,
    pub(super) line: u64,
}

#[derive(Debug, Default)]
pub(super) struct Findings {
    counts: BTreeMap<Rule, u64>,
    kept: Vec<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, rule: Rule, place: Place, message: impl Into<String>) {
        let count = self.counts.entry(rule).or_default();
        *count += 1;
        if *count <= KEPT_PER_RULE {
            let Place { part, line } = place;
            self.kept.push(Finding { rule, part, line, message: message.into() });
        }
    }

    pub(super) fn errors(&self) -> u64 {
        self.counts.iter().filter(|(rule, _)| !rule.is_debug()).map(|(_, count)| count).sum()
    }

    pub(super) fn warnings(&self) -> u64 {
        self.counts.iter().filter(|(rule, _)| rule.is_debug()).map(|(_, count)| count).sum()
    }

    /// The kept findings in the order of their places, and how many more there are.
    pub(super) fn finish(mut self) -> (Vec<Finding>, u64) {
        let place = |finding: &Finding| (finding.part.unwrap_or(usize::MAX), finding.line);
        self.kept.sort_by(|one, other| {
            let by_rule = || (one.rule, &one.message).cmp(&(other.rule, &other.message));
            place(one).cmp(&place(other)).then_with(by_rule)
        });
        let all: u64 = self.counts.values().sum();
        let left_out = all - self.kept.len() as u64;
        (self.kept, left_out)
    }
}
