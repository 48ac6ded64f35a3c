//! Kubernetes `Secret` manifests, in YAML and in JSON: every value below `data` and `stringData` is a
//! secret, however short and whatever its key is called.

use std::ops::Range;

use crate::engine::{Candidate, Rank};
use crate::judge;
use crate::shapes::shape;

/// Id of the rule.
pub(crate) const RULE: &str = "kubernetes-secret";

/// Bytes around a `kind` that are looked at, in each direction.
const REACH: usize = 1 << 20;

/// The keys whose values are secrets.
const KEYS: [&[u8]; 2] = [b"data", b"stringData"];

/// Many manifests may name the word in each other's reach: so many times the text is looked at.
const PASSES_MAX: usize = 16;

/// Finds the values of all `Secret` manifests in a text.
pub(crate) fn find(text: &[u8], found: &mut Vec<Candidate>) {
    let mut work = text.len().saturating_mul(PASSES_MAX);
    // The mapping that was read last: the key says it once.
    let mut last = (0..0, 0);
    for at in memchr::memmem::find_iter(text, b"Secret") {
        let read = match kind(text, at) {
            Some(Kind::Yaml { column, .. }) if last.1 == column && last.0.contains(&at) => continue,
            Some(Kind::Yaml { line, column }) => {
                let read = yaml(text, line, column);
                last = (read.range.clone(), column);
                read
            }
            Some(Kind::Json { key }) => json(text, key),
            None => continue,
        };
        for value in read.values {
            if !is_template(&text[value.clone()]) {
                found.push(shape(RULE, Rank::Shape, value.start, value));
            }
        }
        work = work.saturating_sub(read.range.len());
        if work == 0 {
            return;
        }
    }
}

/// One manifest: what was looked at, and the values in it.
struct Manifest {
    range: Range<usize>,
    values: Vec<Range<usize>>,
}

/// The form in which a manifest says that it is a secret.
enum Kind {
    Yaml { line: usize, column: usize },
    Json { key: usize },
}

/// What the word at `at` is the value of, when that is `kind`.
fn kind(text: &[u8], at: usize) -> Option<Kind> {
    let line = memchr::memrchr(b'\n', &text[..at]).map_or(0, |end| end + 1);
    let before = &text[line..at];
    let after = &text[at + 6..];
    if let Some(rest) = before.strip_suffix(b"\"") {
        let rest = rest.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
        if rest.ends_with(b"\"kind\"") && after.starts_with(b"\"") {
            return Some(Kind::Json { key: line + rest.len() - 6 });
        }
    }
    let column = before.iter().take_while(|byte| matches!(byte, b' ' | b'-')).count();
    let key = before[column..].trim_ascii_end();
    let (key, quote) = match key {
        [rest @ .., quote @ (b'"' | b'\'')] => (rest.trim_ascii_end(), Some(*quote)),
        _ => (key, None),
    };
    let key = key.strip_suffix(b":")?;
    let key = key.trim_ascii();
    let bare = matches!(key, b"kind" | b"\"kind\"" | b"'kind'");
    let mut rest = match quote {
        Some(quote) => after.strip_prefix(&[quote])?,
        None => after,
    };
    rest = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    let rest = rest.trim_ascii();
    (bare && (rest.is_empty() || rest.starts_with(b"#"))).then_some(Kind::Yaml { line, column })
}

/// The lines of a text from a place on, each with where it begins, without its end.
fn lines(text: &[u8], from: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = from;
    std::iter::from_fn(move || {
        let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let begin = at;
        at += end + 1;
        Some((begin, rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end])))
    })
}

fn indent(line: &[u8]) -> usize {
    line.iter().take_while(|byte| **byte == b' ').count()
}

/// Whether a line ends the mapping whose keys stand at `column`.
fn leaves(line: &[u8], column: usize) -> bool {
    let rest = line.trim_ascii();
    let in_column = indent(line) >= column;
    line.starts_with(b"---") || !(rest.is_empty() || rest.starts_with(b"#") || in_column)
}

/// The values of the mapping around the line that begins at `line`.
fn yaml(text: &[u8], line: usize, column: usize) -> Manifest {
    let mut begin = line;
    let floor = line.saturating_sub(REACH);
    // The keys above may stand in the line of the dash, which is in a lower column.
    let is_item = |line: &[u8]| {
        let dashed = line.iter().take_while(|byte| matches!(byte, b' ' | b'-')).count();
        dashed == column && indent(line) < column
    };
    while begin > floor && !is_item(first_line(text, begin)) {
        let end = begin - 1;
        let above = memchr::memrchr(b'\n', &text[..end]).map_or(0, |at| at + 1);
        let content = &text[above..end];
        if leaves(content, column) && !is_item(content) {
            break;
        }
        begin = above;
    }
    let mut values = Vec::new();
    let mut inside: Option<usize> = None;
    let mut scalar: Option<usize> = None;
    let mut end = begin;
    for (at, content) in lines(text, begin).take_while(|(at, _)| *at < line + REACH) {
        end = at + content.len();
        if at > line && leaves(content, column) {
            break;
        }
        let dashed = content.iter().take_while(|byte| matches!(byte, b' ' | b'-')).count();
        let own = if is_item(content) { dashed } else { indent(content) };
        let rest = content[own.min(content.len())..].trim_ascii_end();
        if rest.is_empty() {
            continue;
        }
        if own == column {
            // A comment does not end a mapping.
            if rest.starts_with(b"#") {
                continue;
            }
            scalar = None;
            inside = None;
            if let Some((key, value)) = pair(rest)
                && KEYS.contains(&unquoted(key))
            {
                inside = Some(column);
                let from = at + own + (rest.len() - value.len());
                if value.starts_with(b"{") {
                    values.extend(flow(text, from));
                }
            }
            continue;
        }
        if inside.is_none() {
            continue;
        }
        if scalar.is_some_and(|key| own > key) {
            values.push(at + own..at + own + rest.len());
            continue;
        }
        scalar = None;
        if rest.starts_with(b"#") {
            continue;
        }
        let Some((_, value)) = pair(rest) else {
            // A plain scalar that goes on.
            values.push(at + own..at + own + rest.len());
            continue;
        };
        let from = at + own + (rest.len() - value.len());
        match value.first() {
            None | Some(b'|' | b'>') => scalar = Some(own),
            Some(_) => {
                values
                    .extend(scalar_value(value).map(|range| from + range.start..from + range.end));
            }
        }
    }
    Manifest { range: begin..end, values }
}

fn first_line(text: &[u8], at: usize) -> &[u8] {
    let rest = &text[at..];
    &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())]
}

/// `key: value`; the value is empty where it stands below.
fn pair(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let quoted = match line.first() {
        Some(quote @ (b'"' | b'\'')) => memchr::memchr(*quote, &line[1..]).map_or(0, |at| at + 2),
        _ => 0,
    };
    let at = quoted + memchr::memchr(b':', &line[quoted..])?;
    let value = &line[at + 1..];
    (value.is_empty() || value.starts_with(b" ") || value.starts_with(b"\t"))
        .then(|| (line[..at].trim_ascii(), value.trim_ascii_start()))
}

fn unquoted(key: &[u8]) -> &[u8] {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    match key {
        [first, inner @ .., last] if first == last && is_quote(first) => inner,
        _ => key,
    }
}

/// What of a value is the secret: without tag, quotation marks and comment.
fn scalar_value(value: &[u8]) -> Option<Range<usize>> {
    let tag = if value.starts_with(b"!!") {
        let end = memchr::memchr(b' ', value)?;
        end + value[end..].iter().take_while(|byte| **byte == b' ').count()
    } else {
        0
    };
    let rest = &value[tag..];
    let range = match rest.first()? {
        quote @ (b'"' | b'\'') => {
            let end = memchr::memrchr(*quote, rest).filter(|at| *at > 0).unwrap_or(rest.len());
            1..end
        }
        _ => {
            let end = memchr::memmem::find(rest, b" #").unwrap_or(rest.len());
            0..rest[..end].trim_ascii_end().len()
        }
    };
    Some(tag + range.start..tag + range.end).filter(|range| !range.is_empty())
}

/// The values of the JSON object around the key `kind` at `key`.
fn json(text: &[u8], key: usize) -> Manifest {
    // Backwards to the brace that is open here; braces inside strings come in pairs or do harm only here.
    let mut depth = 0_usize;
    let floor = key.saturating_sub(REACH);
    let mut begin = None;
    for at in (floor..key).rev() {
        match text[at] {
            b'}' => depth += 1,
            b'{' if depth == 0 => {
                begin = Some(at);
                break;
            }
            b'{' => depth -= 1,
            _ => {}
        }
    }
    let Some(begin) = begin else { return Manifest { range: floor..key, values: Vec::new() } };
    let mut values = Vec::new();
    let mut reader = Strings { text, at: begin, depth: 0 };
    while let Some(token) = reader.next() {
        if reader.depth == 0 {
            break;
        }
        if reader.depth == 1
            && let Token::Key(range) = &token
            && KEYS.contains(&&text[range.clone()])
        {
            let at = reader.at
                + text[reader.at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            if text.get(at) == Some(&b'{') {
                values.extend(flow(text, at));
            }
        }
    }
    Manifest { range: begin..reader.at, values }
}

/// The values of `{key: value, …}` that begins at `from`, in JSON or as a flow of YAML.
fn flow(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let mut values = Vec::new();
    let mut reader = Strings { text, at: from, depth: 0 };
    while let Some(token) = reader.next() {
        if reader.depth == 0 {
            break;
        }
        match token {
            Token::Value(range) | Token::Word(range) if !range.is_empty() => values.push(range),
            _ => {}
        }
    }
    values
}

/// Strings and words of an object, with the depth of its braces.
struct Strings<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
}

enum Token {
    /// What a colon follows.
    Key(Range<usize>),
    /// A string in quotation marks.
    Value(Range<usize>),
    /// Anything else up to a comma, a brace or a line end.
    Word(Range<usize>),
    Brace,
}

impl Strings<'_> {
    fn next(&mut self) -> Option<Token> {
        let limit = self.text.len();
        while self
            .text
            .get(self.at)
            .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':'))
        {
            self.at += 1;
        }
        let token = match self.text.get(self.at)? {
            b'{' | b'[' => {
                self.depth += 1;
                self.at += 1;
                return Some(Token::Brace);
            }
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                self.at += 1;
                return Some(Token::Brace);
            }
            quote @ (b'"' | b'\'') => {
                let from = self.at + 1;
                let mut end = from;
                while end < limit && self.text[end] != *quote {
                    end += if self.text[end] == b'\\' { 2 } else { 1 };
                }
                let end = end.min(limit);
                self.at = (end + 1).min(limit);
                Token::Value(from..end)
            }
            _ => {
                let from = self.at;
                let stops = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b'\n' | b':');
                let length = self.text[from..].iter().position(stops).unwrap_or(limit - from);
                self.at = from + length;
                Token::Word(from..from + self.text[from..from + length].trim_ascii_end().len())
            }
        };
        let blank = self.text[self.at..].iter().take_while(|byte| **byte == b' ').count();
        let (Token::Value(range) | Token::Word(range)) = &token else { return Some(token) };
        if self.text.get(self.at + blank) == Some(&b':') {
            self.at += blank + 1;
            return Some(Token::Key(range.clone()));
        }
        Some(token)
    }
}

/// Whether a value is filled in later, or is none.
fn is_template(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    let filled = ["{{", "${", "$(", "<%"];
    value.is_empty()
        || matches!(value, b"null" | b"~" | b"{}" | b"\"\"" | b"''")
        || filled.iter().any(|sign| memchr::memmem::find(value, sign.as_bytes()).is_some())
        || (value.starts_with(b"<") && value.ends_with(b">"))
        || judge::is_placeholder(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        find(text.as_bytes(), &mut found);
        found.into_iter().map(|candidate| &text[candidate.secret]).collect()
    }

    #[test]
    fn every_value_of_a_manifest_is_found() {
        let yaml = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: data\ntype: Opaque\n\
            data:\n  user: YWJj # who\n  \"tls.key\": |\n    bGluZTE=\n\n    bGluZTI=\n\
            stringData:\n  motto: 'two words'\n  empty: \"\"\n  later: \"{{ .Values.later }}\"\nimmutable: true\n";
        assert_eq!(values(yaml), ["YWJj", "bGluZTE=", "bGluZTI=", "two words"]);
        let order = "data:\r\n  a: b64a\r\nkind: 'Secret'\r\n---\r\nkind: ConfigMap\r\ndata:\r\n  a: shown\r\n";
        assert_eq!(values(order), ["b64a"]);
        let list = "kind: List\nitems:\n- apiVersion: v1\n  data:\n    a: one\n  kind: Secret\n\
            - kind: ConfigMap\n  data:\n    a: shown\n- kind: Secret\n  stringData: {a: two, 'b': \"thr,ee\"}\n";
        assert_eq!(values(list), ["one", "two", "thr,ee"]);
    }

    #[test]
    fn manifests_in_json_are_read_by_their_braces() {
        let json = concat!(
            r#"{"items":[{"data":{"a":"one","b":"t\"wo"},"#,
            r#""kind": "Sec"#,
            r#"ret","metadata":{"name":"x"}},
            {"kind":"ConfigMap","data":{"a":"shown"}}]}"#
        );
        assert_eq!(values(json), ["one", r#"t\"wo"#]);
        let pretty =
            "{\n  \"kind\": \"Secret\",\n  \"stringData\": {\n    \"a\": \"one\"\n  }\n}\n";
        assert_eq!(values(pretty), ["one"]);
    }

    #[test]
    fn what_only_speaks_of_secrets_is_none() {
        for text in [
            "kind: SecretStore\ndata:\n  a: b\n",
            "kind: SealedSecret\ndata:\n  a: b\n",
            "# kind: Secret\ndata:\n  a: b\n",
            "kind: Secret\nmetadata:\n  data: b\n",
            "kind: Secret\ndata:\n  a: <your value>\n  b: ${B}\n  c: changeme\n",
            "A Secret, kind: of.\ndata:\n  a: b\n",
            r#"{"kind":"Secrets","data":{"a":"b"}}"#,
            "kind: Secret",
            "\"kind\":\"Secret",
        ] {
            assert_eq!(values(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn manifests_that_repeat_themselves_cost_no_more_than_some_passes() {
        for line in ["kind: Secret\n", " kind: Secret\nkind: Secret\n", "\"kind\":\"Secret\","] {
            let text = line.repeat(100_000);
            assert!(values(&text).is_empty());
        }
    }
}
