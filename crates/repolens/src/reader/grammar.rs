//! The forms that single lines of a merge have.

use std::borrow::Cow;

use super::event::Event;
use super::names::unescape_attribute;

/// What a line of the structure is. It never fails: a line of no special form is text, and a comment
/// that imitates a marker without being one is broken.
pub fn classify(line: &str) -> Event<'_> {
    match line.as_bytes() {
        [] => Event::Blank,
        [b'#', ..] => heading(line),
        [b'`', b'`', b'`', ..] => fence(line),
        [b'|', ..] => Event::Row(line),
        [b'-', b' ', ..] => Event::Item(&line[2..]),
        b"---" => Event::Rule,
        [b'<', b'a', ..] => anchor(line),
        [b'<', b'!', ..] => comment(line),
        _ => match line.strip_prefix("§§ ") {
            Some(token) if is_token(token) => Event::Search(token),
            _ => Event::Text(line),
        },
    }
}

fn heading(line: &str) -> Event<'_> {
    if let Some((part, of)) = title(line) {
        return Event::Title { part, of };
    }
    let level = line.bytes().take_while(|&byte| byte == b'#').count();
    let Some(rest) = line[level..].strip_prefix(' ') else {
        return Event::Text(line);
    };
    let token = rest
        .strip_suffix('}')
        .and_then(|rest| rest.rsplit_once(" {#"))
        .filter(|(_, token)| is_token(token));
    match token {
        Some((text, token)) => Event::Heading { level, text, token: Some(token) },
        None => Event::Heading { level, text: rest, token: None },
    }
}

fn title(line: &str) -> Option<(u32, u32)> {
    let numbers = line.strip_prefix("# WC-Merge Report (Part ")?.strip_suffix(')')?;
    let (part, of) = numbers.split_once('/')?;
    Some((number(part)?, number(of)?))
}

/// A decimal number in its one canonical form.
fn number<T: std::str::FromStr + ToString>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

fn fence(line: &str) -> Event<'_> {
    let backticks = line.bytes().take_while(|&byte| byte == b'`').count();
    let info = &line[backticks..];
    if info.contains('`') { Event::Text(line) } else { Event::FenceOpen { backticks, info } }
}

fn anchor(line: &str) -> Event<'_> {
    line.strip_prefix("<a id=\"")
        .and_then(|rest| rest.strip_suffix("\"></a>"))
        .filter(|token| is_token(token))
        .map_or(Event::Text(line), Event::Anchor)
}

/// Whether a text can be the token of a heading, an anchor or a link.
fn is_token(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if text.bytes().all(usual) {
        return !text.is_empty();
    }
    !text.is_empty()
        && !text
            .contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>`|\\(){}&".contains(c))
}

fn comment(line: &str) -> Event<'_> {
    let Some(inner) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) else {
        return Event::Broken("a comment is open, or not alone on its line");
    };
    if inner.contains("-->") || inner.contains("<!--") {
        return Event::Broken("more than one comment on a line");
    }
    if inner == "MODE:PLAN_ONLY" {
        Event::PlanOnly
    } else if let Some(name) = inner.strip_prefix('@') {
        match name.rsplit_once(':') {
            Some((name, "start")) => Event::Start(name),
            Some((name, "end")) => Event::End(name),
            _ => Event::Broken("the marker ends neither with `:start` nor with `:end`"),
        }
    } else if let Some(json) = inner.strip_prefix("file_meta: ") {
        Event::FileMeta(json)
    } else if inner.starts_with("file:") {
        file(inner).map_or(Event::Broken("the file marker is malformed"), Event::File)
    } else if let Some(rest) = inner.strip_prefix("zone:begin ") {
        zone(rest).map_or(Event::Broken("the zone marker is malformed"), Event::ZoneBegin)
    } else if let Some(rest) = inner.strip_prefix("zone:end ") {
        zone_end(rest).map_or(Event::Broken("the zone marker is malformed"), Event::ZoneEnd)
    } else {
        Event::Broken("no such marker")
    }
}

/// `<!-- file:id="…" repo="…" path="…" [name="percent"] -->`, with the names as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMarker<'a> {
    /// `FILE:f_…`.
    pub id: &'a str,
    /// Name of the repository.
    pub repo: Cow<'a, str>,
    /// Path in the repository.
    pub path: Cow<'a, str>,
    /// Whether the path has `%XX` for bytes that are not UTF-8 and for `%` itself.
    pub percent: bool,
}

fn file(inner: &str) -> Option<FileMarker<'_>> {
    let mut attributes = Attributes(inner);
    let id = attributes.take("file:id")?;
    let repo = unescape_attribute(attributes.take("repo")?)?;
    let path = unescape_attribute(attributes.take("path")?)?;
    let percent = match attributes.take("name") {
        None => false,
        Some("percent") => true,
        Some(_) => return None,
    };
    attributes.0.is_empty().then_some(FileMarker { id, repo, path, percent })
}

/// `<!-- zone:begin type=code lang="…" id="…" [piece="n/m"] [eof="none"] [encoding="…"] -->`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone<'a> {
    /// The language, as in the info string of the fence; empty when unknown.
    pub lang: &'a str,
    /// `FILE:f_…`.
    pub id: &'a str,
    /// Which piece of the file this is, and of how many.
    pub piece: Option<(u32, u32)>,
    /// Whether the content ends without a line feed, so that one was added.
    pub eof_none: bool,
    /// Name of the encoding on disk, when it is not UTF-8.
    pub encoding: Option<&'a str>,
}

fn zone(rest: &str) -> Option<Zone<'_>> {
    let mut attributes = Attributes(rest.strip_prefix("type=code ")?);
    let lang = attributes.take("lang")?;
    let id = attributes.take("id")?;
    let piece = match attributes.take("piece") {
        None => None,
        Some(piece) => {
            let (n, of) = piece.split_once('/')?;
            Some((number(n)?, number(of)?))
        }
    };
    let eof_none = match attributes.take("eof") {
        None => false,
        Some("none") => true,
        Some(_) => return None,
    };
    let encoding = attributes.take("encoding");
    let complete = attributes.0.is_empty();
    complete.then_some(Zone { lang, id, piece, eof_none, encoding })
}

fn zone_end(rest: &str) -> Option<&str> {
    let mut attributes = Attributes(rest.strip_prefix("type=code ")?);
    let id = attributes.take("id")?;
    attributes.0.is_empty().then_some(id)
}

/// `name="value"`, separated by single spaces.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a>(pub &'a str);

impl<'a> Attributes<'a> {
    /// The value of the next attribute, when it has this name.
    pub fn take(&mut self, name: &str) -> Option<&'a str> {
        let rest = self.0.strip_prefix(name)?.strip_prefix("=\"")?;
        let (value, rest) = rest.split_once('"')?;
        self.0 = match rest.strip_prefix(' ') {
            Some(more) if !more.is_empty() => more,
            _ => rest,
        };
        Some(value)
    }
}

/// `Key: value` of an item. `None` when it has no such form.
pub fn key_value(item: &str) -> Option<(&str, &str)> {
    let (key, value) = item.split_once(':')?;
    let plain =
        key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_'));
    let value = if value.is_empty() { value } else { value.strip_prefix(' ')? };
    (plain && !key.is_empty()).then_some((key, value))
}

/// A link `[text](target)` in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    /// What stands in the brackets.
    pub text: &'a str,
    /// The file's name before `#`; empty for this part.
    pub file: &'a str,
    /// The token behind `#`.
    pub token: &'a str,
}

/// The links of a line that lead to a place in a merge: `(#token)` or `(NAME_partN_merge.md#token)`.
/// Other links are none of a merge's business. What stands in code spans is no link.
#[derive(Debug, Clone)]
pub struct Links<'a>(&'a str);

impl<'a> Links<'a> {
    /// The links of this line.
    pub fn of(line: &'a str) -> Self {
        Self(line)
    }
}

impl<'a> Iterator for Links<'a> {
    type Item = Link<'a>;

    fn next(&mut self) -> Option<Link<'a>> {
        let line = self.0;
        let mut from = 0;
        while let Some(at) = memchr::memchr2(b'`', b']', &line.as_bytes()[from..]) {
            let at = from + at;
            if line.as_bytes()[at] == b'`' {
                // A code span; a lone backtick stands for itself.
                let end = memchr::memchr(b'`', &line.as_bytes()[at + 1..]);
                from = at + 1 + end.map_or(0, |end| end + 1);
                continue;
            }
            from = at + 1;
            if let Some((link, end)) = link_at(line, at) {
                self.0 = &line[end..];
                return Some(link);
            }
        }
        self.0 = "";
        None
    }
}

/// The link whose words end with the bracket at `at`, and where it ends.
fn link_at(line: &str, at: usize) -> Option<(Link<'_>, usize)> {
    let target = line[at..].strip_prefix("](")?;
    if line[..at].ends_with('\\') {
        return None;
    }
    let length = target.find([')', '(', ' ', '<'])?;
    let (file, token) = target[..length].split_once('#')?;
    let known = file.is_empty() || is_part_name(file);
    let text = line[..at].rfind('[').map_or(&line[..at], |start| &line[start + 1..at]);
    let closed = target.as_bytes()[length] == b')';
    (known && closed).then_some((Link { text, file, token }, at + 2 + length))
}

/// Whether a file's name is that of one part of several: `NAME_partN_merge.md`.
pub fn is_part_name(name: &str) -> bool {
    name.strip_suffix("_merge.md").and_then(|stem| stem.rsplit_once("_part")).is_some_and(
        |(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
    )
}

/// How much of a file stands in a merge, as the manifest says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Included {
    /// All of it, with this many secrets masked.
    Full {
        /// Masked secrets.
        redacted: u64,
    },
    /// Its beginning.
    Truncated {
        /// Bytes of the file that stand here.
        kept: u64,
        /// Bytes of the file.
        of: u64,
        /// Masked secrets.
        redacted: u64,
    },
    /// Nothing; the reason in words.
    MetaOnly(String),
}

impl Included {
    /// Reads the column `Included` of the manifest; `None` when it is none of the known forms.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "full" {
            return Some(Self::Full { redacted: 0 });
        }
        let (word, inner) = text.strip_suffix(')')?.split_once(" (")?;
        match word {
            "full" => Some(Self::Full { redacted: redacted(inner)? }),
            "truncated" => {
                let (bytes, masked) = match inner.split_once(", ") {
                    Some((bytes, masked)) => (bytes, redacted(masked)?),
                    None => (inner, 0),
                };
                let (kept, of) = bytes.strip_suffix(" bytes")?.split_once(" of ")?;
                let (kept, of) = (number(kept)?, number(of)?);
                (kept < of).then_some(Self::Truncated { kept, of, redacted: masked })
            }
            "meta-only" => REASONS.contains(&inner).then(|| Self::MetaOnly(inner.to_owned())),
            _ => None,
        }
    }

    /// Whether content of the file stands in the merge.
    pub fn has_content(&self) -> bool {
        !matches!(self, Self::MetaOnly(_))
    }

    /// How many secrets were masked.
    pub fn redacted(&self) -> u64 {
        match self {
            Self::Full { redacted } | Self::Truncated { redacted, .. } => *redacted,
            Self::MetaOnly(_) => 0,
        }
    }
}

/// Why a file's content does not stand in a merge.
const REASONS: [&str; 11] = [
    "profile",
    "binary",
    "symlink",
    "submodule",
    "lfs pointer",
    "special",
    "unreadable",
    "secret file",
    "secret name",
    "too large",
    "changed while read",
];

fn redacted(text: &str) -> Option<u64> {
    number(text.strip_prefix("redacted: ")?).filter(|&count| count > 0)
}

/// A row of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The path, as it stands in its code span.
    pub path: &'a str,
    /// The link, when there is one.
    pub link: Option<Link<'a>>,
    /// Category.
    pub category: &'a str,
    /// Tags as they stand there: `-` or words separated by `, `.
    pub tags: &'a str,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// Tokens of the content.
    pub tokens: Option<u64>,
    /// How much of it stands here; the words as they are where the form is unknown.
    pub included: Result<Included, &'a str>,
    /// MD5 on disk, 32 hex digits.
    pub md5: Option<&'a str>,
}

impl<'a> Row<'a> {
    /// The tags, one by one.
    pub fn tags(&self) -> impl Iterator<Item = &'a str> {
        let tags = if self.tags == "-" { "" } else { self.tags };
        tags.split(", ").filter(|tag| !tag.is_empty())
    }
}

/// Reads a row of the manifest; the error says which column is wrong.
pub fn row(line: &str) -> Result<Row<'_>, &'static str> {
    let inner = line
        .strip_prefix("| ")
        .and_then(|rest| rest.strip_suffix(" |"))
        .ok_or("a row begins with `| ` and ends with ` |`")?;
    let mut cells = inner.split(" | ");
    let mut cell = || cells.next().ok_or("a row has seven columns");
    let (path, category, tags) = (cell()?, cell()?, cell()?);
    let (size, tokens, included, md5) = (cell()?, cell()?, cell()?, cell()?);
    if cells.next().is_some() {
        return Err("a row has seven columns");
    }
    let (path, link) = path_cell(path).ok_or("`Path` is a code span, or a link around one")?;
    Ok(Row {
        path,
        link,
        category,
        tags,
        size_bytes: number(size).ok_or("`Size` is not a number")?,
        tokens: optional(tokens, number).ok_or("`Tokens` is neither a number nor `-`")?,
        included: Included::parse(included).ok_or(included),
        md5: optional(md5, is_md5).ok_or("`MD5` is neither 32 hex digits nor `-`")?,
    })
}

fn optional<'a, T>(text: &'a str, read: impl Fn(&'a str) -> Option<T>) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { read(text).map(Some) }
}

fn is_md5(text: &str) -> Option<&str> {
    let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (hex && text.len() == 32).then_some(text)
}

/// A path in a code span, or a link around one.
pub fn path_cell(cell: &str) -> Option<(&str, Option<Link<'_>>)> {
    let span = |text: &'_ str| -> Option<std::ops::Range<usize>> {
        let inner = text.strip_prefix('`')?.strip_suffix('`')?;
        (!inner.contains('`') && !inner.is_empty()).then(|| 1..text.len() - 1)
    };
    if let Some(range) = span(cell) {
        return Some((&cell[range], None));
    }
    let (path, rest) = cell.strip_prefix("[`")?.split_once('`')?;
    let rest = rest.strip_prefix("](").filter(|_| !path.is_empty())?;
    let (file, token) = rest.strip_suffix(')')?.split_once('#')?;
    let known = file.is_empty() || is_part_name(file);
    (known && is_token(token)).then_some((path, Some(Link { text: path, file, token })))
}
