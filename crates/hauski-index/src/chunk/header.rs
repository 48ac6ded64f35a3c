//! The line above a passage: where it stands, in few tokens.

use super::tokens::estimate;

/// Between the parts of a header and of a scope.
pub(crate) const BETWEEN: &str = " :: ";
const DEEPER: &str = " > ";
/// Stands for what was left out.
const CUT: char = '…';

/// The scope on one line.
pub(super) fn chain(scope: &[String]) -> String {
    scope.join(DEEPER)
}

/// `path :: scope :: signature` in at most `most` tokens: the signature loses its end first (down to half of the room),
/// then the scope its outer part, then the path its first folders.
pub(super) fn line(path: &str, scope: &[String], signature: Option<&str>, most: usize) -> String {
    let signature = signature.unwrap_or_default();
    let whole = join(path, &chain(scope), signature);
    if estimate(&whole) <= most {
        return whole;
    }
    let half = most / 2;
    let signature =
        beginning(signature, half.max(most.saturating_sub(estimate(path) + scope_tokens(scope))));
    let room = most.saturating_sub(estimate(&signature));
    let path = end(path, '/', room.saturating_sub(scope_tokens(scope)).max(room / 2));
    let room = room.saturating_sub(estimate(&path) + 2);
    join(&path, &inner(scope, room), &signature)
}

fn scope_tokens(scope: &[String]) -> usize {
    if scope.is_empty() { 0 } else { estimate(&chain(scope)) + 2 }
}

fn join(path: &str, scope: &str, signature: &str) -> String {
    let parts = [path, scope, signature].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(BETWEEN)
}

/// The innermost names of a scope that fit.
fn inner(scope: &[String], most: usize) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut used = 0;
    for name in scope.iter().rev() {
        used += estimate(name) + 1;
        if used > most {
            break;
        }
        kept.push(name);
    }
    if kept.is_empty() {
        return scope.last().map(|name| beginning(name, most)).unwrap_or_default();
    }
    kept.reverse();
    kept.join(DEEPER)
}

/// The words of a text that fit from its beginning on.
pub(super) fn beginning(text: &str, most: usize) -> String {
    if estimate(text) <= most {
        return text.to_owned();
    }
    let mut fits = 0;
    for (at, c) in text.char_indices() {
        if !c.is_alphanumeric() {
            if estimate(&text[..at]) >= most {
                break;
            }
            fits = at;
        }
    }
    if fits == 0 {
        // One long word: its first letters.
        fits = text.floor_char_boundary(most.saturating_mul(3).min(text.len()));
    }
    let mut kept = text[..fits].trim_end().to_owned();
    if most > 0 {
        kept.push(CUT);
    }
    kept
}

/// The last parts of a text that fit.
fn end(text: &str, between: char, most: usize) -> String {
    if estimate(text) <= most {
        return text.to_owned();
    }
    let mut rest = text;
    while let Some((_, tail)) = rest.split_once(between) {
        rest = tail;
        if estimate(rest) < most {
            return format!("{CUT}{between}{rest}");
        }
    }
    beginning(rest, most)
}

/// A text on one line, blanks joined, at most `most` characters.
pub(super) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        for (at, c) in word.chars().enumerate() {
            let blank = at == 0 && !line.is_empty();
            count += 1 + usize::from(blank);
            if count > most {
                line.push(CUT);
                return line;
            }
            if blank {
                line.push(' ');
            }
            line.push(c);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_keeps_what_tells_most() {
        let scope =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let short = line("src/a.rs", &scope(&["impl A"]), Some("fn new() -> A"), 38);
        assert_eq!(short, "src/a.rs :: impl A :: fn new() -> A");
        assert_eq!(line("a.md", &[], None, 38), "a.md");
        let long = line(
            "packages/frontend/components/settings/dialogs/account.tsx",
            &scope(&["namespace outermost", "class AccountSettingsDialog"]),
            Some(
                "async function save(account: Account, options: { force: boolean, retries: number })",
            ),
            38,
        );
        assert!(estimate(&long) <= 42, "{} {long}", estimate(&long));
        assert!(long.contains("account.tsx"), "{long}");
        assert!(long.contains("save("), "{long}");
    }

    #[test]
    fn any_text_fits() {
        for text in [
            "",
            "x",
            &"x".repeat(5000),
            &"ä/".repeat(3000),
            &"🙂".repeat(400),
            "a b c d e f g h i j k",
        ] {
            let names = [text.to_owned(), text.to_owned()];
            let header = line(text, &names, Some(text), 38);
            assert!(estimate(&header) <= 60, "{} {header}", estimate(&header));
        }
        assert_eq!(one_line(" a\n\t b ", 9), "a b");
        assert_eq!(one_line("abcdef", 3), "abc…");
    }
}
