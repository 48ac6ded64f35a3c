//! Names and texts of others on their way into a merge: nothing in them can imitate a marker, end an
//! attribute, a link, a code span or a line.

use std::borrow::Cow;
use std::fmt::Write as _;

use redact::escape::{escape_ctl_line, is_control};

/// Characters with a meaning to HTML or Markdown where names stand.
fn is_syntax(c: char) -> bool {
    matches!(c, '"' | '<' | '>' | '`' | '|')
}

fn does_not_print(c: char) -> bool {
    matches!(c, '\n' | '\t') || is_control(c)
}

/// A name as a code span; for people, not to be turned back.
pub fn code(name: &str) -> String {
    format!("`{}`", shown(name))
}

/// A name between backticks, without them.
pub fn shown(name: &str) -> Cow<'_, str> {
    escaped(name, |c| is_syntax(c) || does_not_print(c))
}

/// A name as plain text on one line, where it stands outside of a code span: in headings, lists and cells
/// of tables. Nothing in it can begin a link, a token, an emphasis or an entity.
pub fn plain(name: &str) -> Cow<'_, str> {
    escaped(name, |c| {
        is_syntax(c)
            || does_not_print(c)
            || matches!(c, '[' | ']' | '{' | '}' | '\\' | '*' | '~' | '&' | '!' | '$')
            || (c.is_whitespace() && c != ' ')
    })
}

/// Whether a name has nothing but what is never escaped, as nearly all have.
fn is_usual(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@ ".contains(&byte))
}

fn escaped(name: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if is_usual(name) || !name.contains(&is_bad) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        if is_bad(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A name as the value of an attribute in double quotes; [`unescape_attribute`] turns it back.
pub fn attribute(name: &str) -> Cow<'_, str> {
    let is_bad = |c: char| c == '&' || is_syntax(c) || does_not_print(c);
    if is_usual(name) || !name.contains(is_bad) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if is_bad(c) => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The name that [`attribute`] wrote; `None` when it wrote no such thing.
pub fn unescape_attribute(value: &str) -> Option<Cow<'_, str>> {
    if !value.contains('&') {
        return Some(Cow::Borrowed(value));
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        let end = rest[at..].find(';')? + at;
        out.push(match &rest[at + 1..end] {
            "amp" => '&',
            "quot" => '"',
            "lt" => '<',
            "gt" => '>',
            number => char::from_u32(number.strip_prefix('#')?.parse().ok()?)?,
        });
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Some(Cow::Owned(out))
}

/// A sentence of others on one line: no markup that could become a marker or a link.
pub fn sentence(text: &str) -> String {
    let text = escape_ctl_line(text);
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            // What looks like the target of a link, even to a reader that does not know escapes.
            '(' if out.ends_with(']') => out.push_str("\\("),
            '"' => out.push_str("&quot;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '[' | ']' | '|' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// JSON that may stand in an HTML comment or a fence: no `<`, `>` or backtick in it.
pub fn json(value: &impl serde::Serialize) -> String {
    // The types that come here have string keys and no fallible parts.
    let text = serde_json::to_string(value).unwrap_or_default();
    if !text.contains(['<', '>', '`']) {
        return text;
    }
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('`', "\\u0060")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_cannot_imitate_markers() {
        let name = "a\n<!-- file:id=\"FILE:f_000000000000\" -->`|`";
        assert_eq!(
            code(name),
            "`a\\u{a}\\u{3c}!-- file:id=\\u{22}FILE:f_000000000000\\u{22} --\\u{3e}\\u{60}\\u{7c}\\u{60}`"
        );
        assert_eq!(
            attribute(name),
            "a&#10;&lt;!-- file:id=&quot;FILE:f_000000000000&quot; --&gt;&#96;&#124;&#96;"
        );
        assert_eq!(sentence("see [docs](x) <b>"), "see \\[docs\\]\\(x) &lt;b&gt;");
    }

    proptest! {
        #[test]
        fn attributes_come_back(name in "(?s).{0,32}") {
            let written = attribute(&name).into_owned();
            prop_assert!(!written.contains(['"', '<', '>', '\n', '`', '|']));
            prop_assert_eq!(unescape_attribute(&written).unwrap(), name);
        }

        #[test]
        fn shown_names_stay_on_their_line(name in "(?s).{0,32}") {
            let shown = shown(&name).into_owned();
            prop_assert!(!shown.contains(['"', '<', '>', '\n', '\r', '`', '|']));
        }

        #[test]
        fn plain_names_are_as_the_reader_expects_them(name in "(?s).{0,32}") {
            let plain = plain(&name).into_owned();
            prop_assert!(!plain.contains(['[', ']', '<', '`', '|', '\n', '*']));
            prop_assert_eq!(&plain, &*crate::reader::plain_name(&name));
            prop_assert_eq!(shown(&name), crate::reader::code_span(&name));
        }
    }
}
