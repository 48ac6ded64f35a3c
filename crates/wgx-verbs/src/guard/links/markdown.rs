//! Links and headings of Markdown, without fences, code spans and comments.

use std::collections::{HashMap, HashSet};

/// A link or an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) line: u32,
    /// In characters, from 1.
    pub(super) column: u32,
    pub(super) target: String,
}

/// All links: `[text](target)`, `![image](target)`, `[label]: target`, `href="…"` and `src="…"`.
pub(super) fn links(text: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for (line, prose) in prose(text) {
        if let Some(found) = definition(&prose) {
            links.push(Link { line, ..found });
            continue;
        }
        links.extend(inline(&prose).into_iter().map(|link| Link { line, ..link }));
    }
    links
}

/// The anchors that headings and `id`s of a text give, as [`plain`] text.
pub(super) fn anchors(text: &str) -> HashSet<String> {
    let mut anchors = HashSet::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut add = |heading: &str| {
        let slug = plain(&strip_markup(heading));
        let count = seen.entry(slug.clone()).or_insert(0);
        anchors.insert(if *count == 0 { slug } else { format!("{slug}{count}") });
        *count += 1;
    };
    let mut previous = String::new();
    // Code spans belong to a heading's text, so headings are read from the unblanked lines.
    let blanked = prose(text);
    let lines: Vec<&str> = text.lines().collect();
    for (number, prose) in &blanked {
        let line = lines.get(*number as usize - 1).copied().unwrap_or_default().trim();
        let underline = !line.is_empty()
            && (line.bytes().all(|byte| byte == b'=') || line.bytes().all(|byte| byte == b'-'));
        if let Some(heading) = atx(line) {
            add(heading);
        } else if underline && !previous.trim().is_empty() {
            add(&previous);
        }
        ids(line, |id| add(id));
        previous = if prose.trim().is_empty() { String::new() } else { line.to_owned() };
    }
    anchors
}

/// Letters and digits only, in lower case.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The text of `## heading ##`, which may stand in a quotation.
fn atx(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(['>', ' ']);
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let fits = (1..=6).contains(&level) && (text.is_empty() || text.starts_with([' ', '\t']));
    fits.then(|| text.trim().trim_end_matches('#').trim_end())
}

/// `id="x"`, `name="x"`, `{#x}` and `{: #x}`.
fn ids(line: &str, mut add: impl FnMut(&str)) {
    for mark in ["id=\"", "name=\"", "id='", "name='", "{#", "{: #"] {
        for (at, _) in line.match_indices(mark) {
            let rest = &line[at + mark.len()..];
            add(rest.split(['"', '\'', '}', ' ']).next().unwrap_or_default());
        }
    }
}

/// A heading without the targets of its links, its tags and its own id.
fn strip_markup(heading: &str) -> String {
    let heading = heading.split("{#").next().unwrap_or(heading);
    let mut out = String::with_capacity(heading.len());
    let mut rest = heading;
    while let Some(c) = rest.chars().next() {
        let skip = match c {
            '<' => rest.find('>').map(|end| end + 1),
            ']' if rest.starts_with("](") => rest.find(')').map(|end| end + 1),
            ']' if rest.starts_with("][") => rest[1..].find(']').map(|end| end + 2),
            _ => None,
        };
        if skip.is_none() {
            out.push(c);
        }
        rest = &rest[skip.unwrap_or(c.len_utf8())..];
    }
    out
}

/// The lines outside of fences and comments, with their numbers; code spans are blanked.
fn prose(text: &str) -> Vec<(u32, String)> {
    let mut lines = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    let mut comment = false;
    for (number, line) in (1_u32..).zip(text.lines()) {
        let bare = line.trim_start_matches(['>', ' ', '\t']);
        if let Some((sign, length)) = fence {
            if fence_of(bare).is_some_and(|(other, count)| other == sign && count >= length)
                && bare.trim_end().chars().all(|c| c == sign)
            {
                fence = None;
            }
            continue;
        }
        fence = if comment { None } else { fence_of(bare) };
        let indented = line.starts_with("    ")
            && lines.last().is_none_or(|(_, last): &(u32, String)| last.trim().is_empty());
        if fence.is_some() || indented {
            continue;
        }
        let line = without_comments(line, &mut comment);
        lines.push((number, without_code(&line)));
    }
    lines
}

fn fence_of(line: &str) -> Option<(char, usize)> {
    // A fence may open a list item.
    let line = line.trim_start_matches(['-', '*', '+', ' ']);
    let sign = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let count = line.chars().take_while(|c| *c == sign).count();
    let rest = &line[count..];
    (count >= 3 && !(sign == '`' && rest.contains('`'))).then_some((sign, count))
}

fn without_comments(line: &str, comment: &mut bool) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let mark = if *comment { "-->" } else { "<!--" };
        let Some(at) = rest.find(mark) else { break };
        let kept =
            if *comment { " ".repeat(rest[..at].chars().count()) } else { rest[..at].to_owned() };
        out.push_str(&kept);
        out.push_str(&" ".repeat(mark.len()));
        rest = &rest[at + mark.len()..];
        *comment = !*comment;
    }
    if !*comment {
        out.push_str(rest);
    }
    out
}

/// Blanks `code spans`, character for character, so that columns stay.
fn without_code(line: &str) -> String {
    let chars: Vec<char> = line.chars().collect();
    let mut out = chars.clone();
    let run = |at: usize| chars[at..].iter().take_while(|c| **c == '`').count();
    let mut at = 0;
    while at < chars.len() {
        let length = run(at);
        if length == 0 || at > 0 && chars[at - 1] == '\\' {
            at += length.max(1);
            continue;
        }
        let mut close = at + length;
        while close < chars.len() && run(close) != length {
            close += run(close).max(1);
        }
        if close < chars.len() {
            out[at..close + length].fill(' ');
            at = close + length;
        } else {
            at += length;
        }
    }
    out.into_iter().collect()
}

/// `[label]: target "title"`; footnotes are none.
fn definition(line: &str) -> Option<Link> {
    let start = line.trim_start();
    let (label, rest) = start.strip_prefix('[')?.split_once("]:")?;
    if label.starts_with('^') || label.contains(']') {
        return None;
    }
    let target = destination(rest.trim_start());
    let column = line.chars().count() - rest.trim_start().chars().count() + 1;
    (!target.is_empty()).then(|| Link { line: 0, column: column as u32, target: target.to_owned() })
}

fn inline(line: &str) -> Vec<Link> {
    let mut links = Vec::new();
    for mark in ["](", "href=\"", "src=\""] {
        for (at, _) in line.match_indices(mark) {
            let rest = &line[at + mark.len()..];
            let quoted = mark.ends_with('"');
            let target =
                if quoted { rest.split('"').next().unwrap_or_default() } else { destination(rest) };
            let escaped = line[..at].ends_with('\\') || !quoted && !line[..at].contains('[');
            if !escaped && !target.is_empty() {
                let column = line[..at + mark.len()].chars().count() as u32 + 1;
                links.push(Link { line: 0, column, target: target.to_owned() });
            }
        }
    }
    links
}

/// The destination at the start of a text: in angle brackets, or up to a blank or the closing
/// parenthesis.
fn destination(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix('<') {
        return rest.split('>').next().unwrap_or_default();
    }
    let mut depth = 0_i32;
    let end = text.char_indices().find(|(_, c)| match c {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth -= 1;
            depth < 0
        }
        c => c.is_whitespace(),
    });
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_all_kinds() {
        let text = "see [a](b.md) and ![i](<c d.png> \"t\")\n[ref]: ../x.md 'T'\n<a \
             href=\"e.md\">\n\
                    [p](q_(1).md) [^1]\n[^1]: note\n";
        let found: Vec<_> = links(text).into_iter().map(|l| (l.line, l.column, l.target)).collect();
        let expected = [
            (1, 9, "b.md"),
            (1, 24, "c d.png"),
            (2, 8, "../x.md"),
            (3, 10, "e.md"),
            (4, 5, "q_(1).md"),
        ];
        let expected: Vec<_> = expected.into_iter().map(|(l, c, t)| (l, c, t.to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn code_and_comments_hold_no_links() {
        let text = "`[a](b)` ``[c](`d`)``\n```\n[e](f)\n```\n~~~md\n[g](h)\n~~~\n<!-- [i](j)\n\
             [k](l) -->\n\n    [m](n)\n";
        assert_eq!(links(text), []);
    }

    #[test]
    fn headings_become_anchors() {
        let text = "# Hello, `World` & Co.\n## [Link](x) text\nSet\n---\n# Hello, World & Co.\n\
             <a id=\"own\"></a>\n### T {#named}\n";
        let anchors = anchors(text);
        for anchor in
            ["hello-world--co", "link-text", "set", "hello-world--co-1", "own", "named", "t"]
        {
            assert!(anchors.contains(&plain(anchor)), "{anchor} in {anchors:?}");
        }
        assert_eq!(anchors.len(), 7);
    }
}
