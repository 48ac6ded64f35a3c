//! What notes say about themselves: front matter, tags and links of an Obsidian vault.

use std::collections::BTreeSet;

/// Longest tag, name or title that is kept, in characters.
const MAX_CHARS: usize = 120;
/// Most links and tags of one note; a note with more is an index, not a thought.
const MAX_EACH: usize = 256;

/// What a note says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note {
    /// `title` of the front matter, else the first heading.
    pub title: Option<String>,
    /// Tags of the front matter and of the text, without `#`.
    pub tags: BTreeSet<String>,
    /// Other names, from the front matter.
    pub aliases: BTreeSet<String>,
    /// What it links to: names of notes, without headings and shown names.
    pub links: BTreeSet<String>,
}

/// Reads a note. Code between fences and in backticks says nothing.
#[must_use]
pub fn read(text: &str) -> Note {
    let mut note = Note::default();
    let text = text.trim_start_matches('\u{feff}');
    let body = match front_matter(text) {
        Some((front, body)) => {
            read_front(front, &mut note);
            body
        }
        None => text,
    };
    let mut fence: Option<&str> = None;
    for line in body.lines() {
        let content = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| content.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            _ => {}
        }
        if fence.is_some() || mark.is_some() {
            continue;
        }
        if note.title.is_none()
            && let Some(heading) = content.strip_prefix("# ")
        {
            note.title = kept(heading);
        }
        read_line(line, &mut note);
    }
    note
}

/// The front matter and what follows it.
fn front_matter(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("---")?;
    let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n'))?;
    let mut at = 0;
    for line in rest.split_inclusive('\n') {
        if matches!(line.trim_end(), "---" | "...") {
            return Some((&rest[..at], &rest[at + line.len()..]));
        }
        at += line.len();
    }
    None
}

/// The keys that matter, in block or flow style; any other YAML is left to its passages.
fn read_front(front: &str, note: &mut Note) {
    let mut key = String::new();
    for line in front.lines() {
        let is_item = line.trim_start().starts_with("- ");
        let (values, is_new) = match line.split_once(':') {
            Some((name, value)) if !line.starts_with([' ', '\t', '-', '#']) => {
                key = name.trim().to_lowercase();
                (value, true)
            }
            _ if is_item => (line.trim_start().trim_start_matches("- "), false),
            _ => continue,
        };
        let values = values.trim().trim_start_matches('[').trim_end_matches(']');
        match key.as_str() {
            "title" if is_new => note.title = kept(unquoted(values)),
            "tags" | "tag" | "keywords" => {
                let words =
                    values.split([',', ' ']).map(|tag| unquoted(tag).trim_start_matches('#'));
                keep_all(&mut note.tags, words);
            }
            "aliases" | "alias" => keep_all(&mut note.aliases, values.split(',').map(unquoted)),
            _ => {}
        }
    }
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

fn keep_all<'a>(set: &mut BTreeSet<String>, values: impl Iterator<Item = &'a str>) {
    for value in values.filter_map(kept) {
        if set.len() < MAX_EACH {
            set.insert(value);
        }
    }
}

fn kept(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty() && value.chars().count() <= MAX_CHARS).then(|| value.to_owned())
}

fn read_line(line: &str, note: &mut Note) {
    let mut in_code = false;
    for part in line.split('`') {
        if !in_code {
            read_links(part, note);
            read_tags(part, note);
        }
        in_code = !in_code;
    }
}

/// `[[Note#Heading|shown]]`, also behind `!`.
fn read_links(text: &str, note: &mut Note) {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once("[[") {
        let Some((inner, after)) = behind.split_once("]]") else { break };
        let target = inner.split(['|', '#', '^']).next().unwrap_or_default();
        keep_all(&mut note.links, std::iter::once(target));
        rest = after;
    }
}

/// `#tag` and `#nested/tag` at the beginning of a word; a number alone is no tag.
fn read_tags(text: &str, note: &mut Note) {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == '#' && (before.is_whitespace() || before == '(') {
            let rest = &text[at + 1..];
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | '/')))
                .unwrap_or(rest.len());
            let tag = rest[..end].trim_end_matches('/');
            if tag.chars().any(char::is_alphabetic) {
                keep_all(&mut note.tags, std::iter::once(tag));
            }
        }
        before = c;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(set: &BTreeSet<String>) -> Vec<&str> {
        set.iter().map(String::as_str).collect()
    }

    #[test]
    fn front_matter_links_and_tags_are_read() {
        let note = read(
            "---\ntitle: \"The garden\"\ntags: [plants, 'year/2026']\naliases:\n  - Garten\n  - Hof\n---\n\
             # Heading\nSee [[Roses#Care|how to care]] and ![[plan.png]], #todo, `#no` `[[No]]`, C# 5 #12 (#späte-Blüte).\n\
             ```\n[[Nor this]] #nor\n```\n[[Soil]]\n",
        );
        assert_eq!(note.title.as_deref(), Some("The garden"));
        assert_eq!(words(&note.tags), ["plants", "späte-Blüte", "todo", "year/2026"]);
        assert_eq!(words(&note.aliases), ["Garten", "Hof"]);
        assert_eq!(words(&note.links), ["Roses", "Soil", "plan.png"]);
    }

    #[test]
    fn broken_notes_say_what_they_can() {
        assert_eq!(read(""), Note::default());
        assert_eq!(read("---\ntitle: x\n").title, None);
        assert_eq!(read("# A\r\n[[open\n]] [[]]").title.as_deref(), Some("A"));
        assert_eq!(read("---\r\ntitle: Ü\r\n---\r\ntext").title.as_deref(), Some("Ü"));
    }
}
