//! Secrets in names: paths, targets of links, names of working copies. Contents are masked where they are
//! read; names are masked once, by the scan, so that nothing behind it ever sees them.

use std::collections::HashSet;

use redact::{Depth, Redactor};

/// The redactor of everything that is handed on. Its key is public, because the same tree gives the same
/// merge everywhere; a secret that could be guessed gets a mask without a number.
pub(crate) fn redactor() -> Redactor {
    Redactor::for_merges()
}

/// A text without secrets and how many were masked; nothing when it holds none.
pub(crate) fn hidden(redactor: &Redactor, text: &str) -> Option<(String, u64)> {
    let redacted = redactor.redact(text, Depth::Fast);
    let count = redacted.spans.len() as u64;
    (count > 0).then(|| (redacted.text.into_owned(), count))
}

/// Names that hold secrets: their places, their masked forms (none of which another name has) and how many
/// secrets each held.
pub(crate) fn in_names<'n>(
    redactor: &Redactor,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Vec<(usize, String, u64)> {
    // One search over all of them: nearly always there is nothing.
    let mut all = String::new();
    let mut ends = Vec::new();
    for name in names.clone() {
        all.push_str(name);
        all.push('\n');
        ends.push(all.len());
    }
    let found = redactor.redact(&all, Depth::Fast);
    if found.spans.is_empty() {
        return Vec::new();
    }
    let mut places: Vec<usize> = { found.spans.iter() }
        .flat_map(|span| {
            let first = ends.partition_point(|end| *end <= span.source.start);
            let last = ends.partition_point(|end| *end < span.source.end);
            first..=last.min(ends.len() - 1)
        })
        .collect();
    places.dedup();
    let mut taken: HashSet<String> = HashSet::new();
    let listed: Vec<&str> = names.collect();
    let mut hidden_names = Vec::new();
    for place in places {
        let Some((masked, count)) = hidden(redactor, listed[place]) else { continue };
        if taken.is_empty() {
            taken.extend(listed.iter().map(|name| (*name).to_owned()));
        }
        let mut name = masked.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{masked}-{number}");
            number += 1;
        }
        hidden_names.push((place, name, count));
    }
    hidden_names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_secrets_are_masked_and_stay_apart() {
        let token = |end: &str| format!("ghp_{}{end}", "016C7gHVNMKbOj9ZRPTpsJHD4QvLrW2l0g");
        let names = ["a".to_owned(), format!("b/{}.txt", token("qM")), "c".to_owned(), token("qN")];
        let found = in_names(&redactor(), names.iter().map(String::as_str));
        let places: Vec<usize> = found.iter().map(|(place, ..)| *place).collect();
        assert_eq!(places, [1, 3]);
        assert!(found.iter().all(|(_, name, count)| *count == 1 && !name.contains("ghp_")));
        assert!(in_names(&redactor(), ["README.md", "src/a.rs"].into_iter()).is_empty());
    }
}
