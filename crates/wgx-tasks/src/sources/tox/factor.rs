//! Generative names (`py{311,312}-{a,b}`, `py3{10-13}`) and lines that hold for some environments only.

/// The newest and oldest Python minors that an open range stands for in tox 4.
const LATEST_MINOR: u32 = 15;
const OLDEST_MINOR: u32 = 11;
/// Most names that one expression may expand to.
const MAX_EXPANSION: usize = 10_000;
/// Widest number range.
const MAX_RANGE: u32 = 1_000;

/// The names of one expression, `None` where a part is no factor.
pub(super) fn expand(expression: &str) -> Option<Vec<String>> {
    let groups = groups(expression)?;
    Some(groups.iter().map(|group| group.replace('!', "")).collect())
}

/// The groups of one expression with their negations (`!`).
fn groups(expression: &str) -> Option<Vec<String>> {
    let expression = expand_ranges(expression);
    let mut names = Vec::new();
    for alternative in split_outside_braces(&expression) {
        let alternative = alternative.trim();
        if alternative.is_empty() {
            continue;
        }
        for name in product(alternative)? {
            if !name.split('-').all(is_factor) {
                return None;
            }
            names.push(name);
        }
    }
    Some(names)
}

/// The value without the lines that do not hold for an environment, and without their conditions.
pub(super) fn filter(value: &str, environment: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut skips_next = false;
    for line in value.lines() {
        let (groups, content) = conditional(line);
        let holds = match &groups {
            Some(groups) => groups.iter().any(|group| group_holds(group, environment)),
            None => !skips_next,
        };
        skips_next = !holds && content.ends_with('\\');
        if holds {
            kept.push(content);
        }
    }
    kept.join("\n")
}

/// Environment names that the conditions of a value mention.
pub(super) fn mentioned(value: &str) -> Vec<String> {
    let groups = value.lines().filter_map(|line| conditional(line).0).flatten();
    groups.map(|group| group.replace('!', "")).collect()
}

fn group_holds(group: &str, environment: &str) -> bool {
    group.split('-').all(|factor| {
        let (name, negated) = factor.strip_prefix('!').map_or((factor, false), |name| (name, true));
        (environment.split('-').any(|own| own == name) || name == std::env::consts::OS) != negated
    })
}

/// The condition before the first `:` that whitespace or the line's end follows.
fn conditional(line: &str) -> (Option<Vec<String>>, &str) {
    let colon = line
        .match_indices(':')
        .map(|(at, _)| at)
        .find(|at| line[at + 1..].chars().next().is_none_or(char::is_whitespace));
    let Some(at) = colon else {
        return (None, line);
    };
    match groups(line[..at].trim()) {
        Some(groups) => (Some(groups), line[at + 1..].trim()),
        None => (None, line),
    }
}

/// Splits at commas; a comma between `{` and its `}` separates alternatives of one name.
fn split_outside_braces(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(found) = text[at..].find(['{', ',']) {
        let position = at + found;
        at = position + 1;
        if text.as_bytes()[position] == b',' {
            parts.push(&text[start..position]);
            start = at;
        } else if let Some(end) = text[at..].find('}').filter(|end| *end > 0) {
            at += end + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// All combinations of the brace groups; `None` when there are too many.
fn product(text: &str) -> Option<Vec<String>> {
    let mut names = vec![String::new()];
    let mut rest = text;
    while !rest.is_empty() {
        let (fixed, choices, after) = next_group(rest);
        let options: Vec<&str> = choices.map_or(vec![""], |list| list.split(',').collect());
        if names.len() * options.len() > MAX_EXPANSION {
            return None;
        }
        names = names
            .iter()
            .flat_map(|name| {
                let option = |option: &&str| format!("{name}{}{}", fixed.trim(), option.trim());
                options.iter().map(option).collect::<Vec<_>>()
            })
            .collect();
        rest = after;
    }
    Some(names)
}

/// Fixed text, the choices of the first `{…}` after it, and the rest.
fn next_group(text: &str) -> (&str, Option<&str>, &str) {
    for (open, _) in text.match_indices('{') {
        if let Some(length) = text[open + 1..].find('}').filter(|length| *length > 0) {
            let close = open + 1 + length;
            return (&text[..open], Some(&text[open + 1..close]), &text[close + 1..]);
        }
    }
    (text, None, "")
}

fn is_factor(factor: &str) -> bool {
    let factor = factor.strip_prefix('!').unwrap_or(factor);
    let mut before = ' ';
    factor.chars().all(|char| {
        let fits = char.is_alphanumeric()
            || matches!(char, '_' | '.' | '*' | '?' | '[' | ']')
            || (char == '!' && before == '[');
        before = char;
        fits
    })
}

/// Replaces `10-13`, `10-` and `-13` before `,` or `}` by the numbers.
fn expand_ranges(text: &str) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let before = text[..at].chars().next_back();
        if let Some((numbers, length)) = range_at(&text[at..], before) {
            let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
            expanded.push_str(&numbers.join(","));
            at += length;
            continue;
        }
        let Some(char) = text[at..].chars().next() else {
            break;
        };
        expanded.push(char);
        at += char.len_utf8();
    }
    expanded
}

fn range_at(text: &str, before: Option<char>) -> Option<(Vec<u32>, usize)> {
    let start = digits(text);
    if start == 0 && !matches!(before, Some('{' | ',')) {
        return None;
    }
    let in_word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '.' | '-');
    if start > 0 && before.is_some_and(in_word) {
        return None;
    }
    let rest = text[start..].strip_prefix('-')?;
    let end = digits(rest);
    let length = start + 1 + end;
    if (start == 0 && end == 0) || !text[length..].starts_with([',', '}']) {
        return None;
    }
    let number = |digits: &str, open: u32| -> Option<u32> {
        if digits.is_empty() { Some(open) } else { digits.parse().ok() }
    };
    let first = number(&text[..start], OLDEST_MINOR)?;
    let last = number(&rest[..end], LATEST_MINOR)?;
    if first.abs_diff(last) > MAX_RANGE {
        return None;
    }
    let numbers = if first <= last {
        (first..=last).collect()
    } else if start > 0 && end > 0 {
        (last..=first).rev().collect()
    } else {
        vec![if start > 0 { first } else { last }]
    };
    Some((numbers, length))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generative_names_expand_in_order() {
        for (expression, names) in [
            ("py{310,311}-{a,b}", "py310-a py310-b py311-a py311-b"),
            ("lint, docs", "lint docs"),
            ("py3{10-12}", "py310 py311 py312"),
            ("py3{12-10}", "py312 py311 py310"),
            ("py3{14-}", "py314 py315"),
            ("py3{-12},x", "py311 py312 x"),
            ("py{3, 4}{,-min}", "py3 py3-min py4 py4-min"),
            ("{py,!pi}-a,", "py-a pi-a"),
            ("django-4-2", "django-4-2"),
        ] {
            assert_eq!(expand(expression).unwrap_or_default().join(" "), names, "{expression}");
        }
        assert_eq!(expand("http"), Some(vec!["http".into()]));
        assert_eq!(expand("a b/c"), None);
    }

    #[test]
    fn conditional_lines_hold_for_their_factors() {
        let value = "always\npy311: one\n!py311: two\npy{310,312}-x: three\\\nmore";
        assert_eq!(filter(value, "py311"), "always\none");
        assert_eq!(filter(value, "py312-x"), "always\ntwo\nthree\\\nmore");
        assert_eq!(mentioned(value), ["py311", "py311", "py310-x", "py312-x"]);
    }
}
