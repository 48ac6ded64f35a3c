//! Texts without secrets that keep their line numbers.

use std::collections::BTreeMap;

use crate::secrets;

/// The end of every mask.
const CLOSE: char = '»';

/// A text with its secrets masked, and how many of each rule. A secret over several lines leaves
/// empty lines behind, so every other line keeps its number.
#[must_use]
pub(super) fn masked(text: &str) -> (String, BTreeMap<String, u64>) {
    // One key for all: equal secrets show as equal, in every pack and on every machine.
    let masked = secrets::redactor().mask(text);
    let mut counts = BTreeMap::new();
    if masked.findings.is_empty() {
        return (masked.text, counts);
    }
    let mut lines: Vec<String> = masked.text.split_inclusive('\n').map(str::to_owned).collect();
    let mut findings: Vec<_> = masked.findings.iter().collect();
    findings.sort_by_key(|finding| finding.range.start);
    for finding in findings {
        *counts.entry(finding.rule.to_owned()).or_default() += 1;
        let lost = text.get(finding.range.clone()).map_or(0, |secret| secret.matches('\n').count());
        let line = finding.line as usize - 1;
        if lost == 0 || line >= lines.len() {
            continue;
        }
        let rest = lines[line].rfind(CLOSE).map_or(lines[line].len(), |at| at + CLOSE.len_utf8());
        let tail = lines[line].split_off(rest);
        lines[line].push('\n');
        let mut added = vec!["\n".to_owned(); lost - 1];
        added.push(tail);
        lines.splice(line + 1..=line, added);
    }
    (lines.concat(), counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_over_many_lines_keeps_the_numbers_of_the_others() {
        let line = |seed: usize| -> String {
            let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').collect();
            (0..64).map(|at| letters[(at * at * 7 + at * seed + seed) % letters.len()]).collect()
        };
        let body = (3..15).map(line).collect::<Vec<_>>().join("\n");
        let kind = ["RSA PRIVATE", "KEY"].join(" ");
        let text = format!(
            "one\nkey = \"\"\"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\"\"\"\nlast\n"
        );
        let (masked, counts) = masked(&text);
        assert!(!masked.contains(&line(5)), "{masked}");
        assert_eq!(masked.lines().nth(15), Some("last"), "{masked}");
        assert_eq!(masked.lines().count(), text.lines().count());
        assert_eq!(counts.values().sum::<u64>(), 1);
    }

    #[test]
    fn a_clean_text_stays_as_it_is() {
        assert_eq!(masked("a\r\nb"), ("a\r\nb".to_owned(), BTreeMap::new()));
    }
}
