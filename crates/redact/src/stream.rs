//! Masking of a log while it is written, whatever the size of the chunks.

use crate::assignment::awaits_value;
use crate::engine::Purpose;
use crate::layers;
use crate::mask::Redactor;
use crate::shapes::KEY_BLOCK_MAX;

/// A line without an end is masked in pieces of this size, in bytes.
const LINE_MAX: usize = 64 * 1024;

/// What is held back of such a piece, so that a secret across its end is seen whole.
const TAIL: usize = 8 * 1024;

/// A key block without an end is held up to here; below what the rule for key blocks looks at.
const HELD_MAX: usize = KEY_BLOCK_MAX / 2;

/// Masks a stream of bytes. Lines come out as soon as they end, a line that ends in a backslash or in the
/// name of a secret with the one that follows; a private key block comes out when it ends. Memory stays
/// below a few hundred kilobytes, and all pieces of a stream share what may be unpacked.
#[derive(Debug)]
pub struct LogMasker {
    redactor: Redactor,
    pending: Vec<u8>,
    found: u64,
    /// Bytes that were judged so far.
    judged: usize,
    /// Bytes that were unpacked for it.
    unpacked: usize,
    /// Inside a secret that was too long to hold: everything up to its end is dropped.
    swallowing: Option<Swallow>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Swallow {
    /// Up to the line that ends a key block.
    KeyBlock,
    /// Up to the next blank or quote.
    Word,
}

impl LogMasker {
    /// A masker with the rules, the key and the known values of `redactor`.
    pub fn new(redactor: Redactor) -> Self {
        Self { redactor, pending: Vec::new(), found: 0, judged: 0, unpacked: 0, swallowing: None }
    }

    /// How many secrets have been masked so far.
    pub fn found(&self) -> u64 {
        self.found
    }

    /// Takes the next bytes and appends to `out` what is safe to write.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        self.pending.extend_from_slice(chunk);
        self.swallow();
        while self.swallowing.is_none()
            && let Some(cut) = self.cut()
        {
            self.emit(cut, out);
            self.swallow();
        }
    }

    /// Appends the rest: call it at the end of the stream.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.swallow();
        if self.swallowing.is_some() {
            self.pending.clear();
        }
        self.emit(self.pending.len(), out);
    }

    /// How much of the pending bytes can be judged now.
    fn cut(&mut self) -> Option<usize> {
        let lines = line_start(&self.pending, self.pending.len());
        let cut = match last_block(&self.pending) {
            Block::Open(start) if self.pending.len() - start > HELD_MAX => {
                self.swallowing = Some(Swallow::KeyBlock);
                Some(start + HELD_MAX)
            }
            // The line is kept whole: a value on it may end where the block begins.
            Block::Open(start) => Some(line_start(&self.pending, start)),
            Block::Ended(start, end) if end > lines && self.pending.len() <= LINE_MAX => {
                Some(line_start(&self.pending, start))
            }
            Block::Ended(_, end) if end > lines => Some(self.long_line()),
            _ if lines > 0 => Some(lines),
            _ if self.pending.len() > LINE_MAX => Some(self.long_line()),
            _ => None,
        };
        cut.filter(|cut| *cut > 0)
    }

    /// Where to cut a line without an end: before the tail, and before any secret that reaches into
    /// it.
    fn long_line(&mut self) -> usize {
        let cut = self.pending.len() - TAIL;
        let budget = self.budget(self.pending.len());
        let found = self.redactor.search_within(&self.pending, Purpose::Mask, budget).0;
        let across = found.iter().find(|c| c.context < cut && c.secret.end > cut);
        match across {
            None => cut,
            Some(candidate) if candidate.context > 0 => candidate.context,
            Some(candidate) => {
                if candidate.secret.end == self.pending.len() {
                    self.swallowing = Some(Swallow::Word);
                }
                candidate.secret.end
            }
        }
    }

    fn emit(&mut self, cut: usize, out: &mut Vec<u8>) {
        let budget = self.budget(cut);
        let (masked, unpacked) = self.redactor.mask_within(&self.pending[..cut], budget);
        self.judged = self.judged.saturating_add(cut);
        self.unpacked = self.unpacked.saturating_add(unpacked);
        self.found += masked.findings.len() as u64;
        out.extend_from_slice(&masked.bytes);
        self.pending.drain(..cut);
    }

    /// How much may be unpacked for the next `bytes`: what a text as long as the stream is granted, less
    /// what earlier pieces took.
    fn budget(&self, bytes: usize) -> usize {
        layers::budget(self.judged.saturating_add(bytes)).saturating_sub(self.unpacked)
    }

    /// Drops what belongs to a secret whose beginning is already masked.
    fn swallow(&mut self) {
        let Some(kind) = self.swallowing else { return };
        let end = match kind {
            Swallow::KeyBlock => end_of_block(&self.pending),
            Swallow::Word => self
                .pending
                .iter()
                .position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'')),
        };
        match end {
            Some(end) => {
                self.pending.drain(..end);
                self.swallowing = None;
            }
            // Enough is kept to see an end mark that is still incomplete.
            None => {
                let keep = self.pending.len().min(if kind == Swallow::KeyBlock { 128 } else { 0 });
                self.pending.drain(..self.pending.len() - keep);
            }
        }
    }
}

/// The last private key block of the pending bytes.
enum Block {
    None,
    /// Starts here and has not ended.
    Open(usize),
    /// Starts and ends here.
    Ended(usize, usize),
}

fn last_block(pending: &[u8]) -> Block {
    let Some(start) = memchr::memmem::rfind(pending, b"-----BEGIN") else {
        return Block::None;
    };
    let rest = &pending[start..];
    let Some(close) = memchr::memmem::find(&rest[10..], b"-----") else {
        let incomplete = rest.len() < 100 && !rest.contains(&b'\n');
        return if incomplete { Block::Open(start) } else { Block::None };
    };
    let head_end = 10 + close + 5;
    if close > 80 || memchr::memmem::find(&rest[..head_end], b"PRIVATE KEY").is_none() {
        return Block::None;
    }
    let body = &rest[head_end..];
    match end_of_block(body) {
        Some(end) => Block::Ended(start, start + head_end + end),
        None if body.split(|byte| *byte == b'\n').any(is_foreign) => Block::None,
        None => Block::Open(start),
    }
}

/// Where a block ends: behind its end mark.
fn end_of_block(body: &[u8]) -> Option<usize> {
    let mark = memchr::memmem::find(body, b"-----END")? + 8;
    let close = memchr::memmem::find(&body[mark..], b"-----")?;
    Some(mark + close + 5)
}

/// Whether a line cannot belong to a key block: it holds a blank that no header explains.
fn is_foreign(line: &[u8]) -> bool {
    let header = memchr::memmem::find(line, b": ").is_some();
    let trimmed = line.trim_ascii();
    // A log may put a time or a stream name before each line; the last word is what counts.
    let last = trimmed.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    !header && !trimmed.starts_with(b"-----") && trimmed.contains(&b' ') && last.len() < 20
}

/// Where the line at `at` begins, with the lines before that it continues or whose value it may hold.
fn line_start(pending: &[u8], at: usize) -> usize {
    let is_end = |line: &usize| {
        let before = &pending[..*line];
        let continues = before.strip_suffix(b"\r").unwrap_or(before).ends_with(b"\\");
        !continues && !awaits_value(before)
    };
    memchr::memrchr_iter(b'\n', &pending[..at]).find(is_end).map_or(0, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(text: &[u8], size: usize) -> Vec<u8> {
        let mut masker = LogMasker::new(Redactor::new([1; 32]));
        let mut out = Vec::new();
        for chunk in text.chunks(size) {
            masker.push(chunk, &mut out);
        }
        masker.finish(&mut out);
        out
    }

    /// Put together here, so that this file holds no secret-looking value.
    fn made(start: &str) -> String {
        format!("{start}{}", "D4e5F6g7")
    }

    fn key_block(lines: usize) -> String {
        let body: Vec<String> =
            (0..lines).map(|n| format!("{:064}", n * 7919).replace('0', "Qx")).collect();
        let body: Vec<&str> = body.iter().map(|line| &line[..64]).collect();
        let kind = "PRIVATE KEY";
        format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", body.join("\n"))
    }

    #[test]
    fn chunks_of_any_size_give_what_the_whole_gives() {
        let text = format!(
            "start\nTOKEN={}\n{}end\npassword: {}\n",
            made("a1B2c3"),
            key_block(12),
            made("q9W8e7"),
        );
        let whole = Redactor::new([1; 32]).mask(&text).text;
        assert!(!whole.contains("a1B2c3") && !whole.contains("Qx") && whole.contains("end\n"));
        for size in [1, 2, 3, 7, 64, 1000, 100_000] {
            assert_eq!(String::from_utf8(stream(text.as_bytes(), size)).unwrap(), whole, "{size}");
        }
    }

    #[test]
    fn a_secret_across_the_bound_of_a_line_is_masked() {
        for offset in [LINE_MAX - 30, LINE_MAX - TAIL - 10, LINE_MAX - TAIL + 1, LINE_MAX] {
            let text = format!(
                "{} API_TOKEN={}Xy7 {}",
                "ab ".repeat(offset / 3),
                made("k3Jd9"),
                "cd ".repeat(30_000)
            );
            let out = String::from_utf8(stream(text.as_bytes(), 4096)).unwrap();
            assert!(!out.contains("k3Jd9") && !out.contains("Xy7"), "{offset}");
            assert!(out.ends_with("cd cd "));
        }
    }

    #[test]
    fn an_endless_key_block_is_dropped_up_to_its_end() {
        let text = format!("{}after\n", key_block(5_000));
        let out = String::from_utf8(stream(text.as_bytes(), 4096)).unwrap();
        assert!(!out.contains("Qx") && out.contains("after\n"), "{}", &out[..out.len().min(300)]);
    }

    #[test]
    fn a_value_on_the_line_after_its_name_is_masked() {
        let value = made("h8J2k");
        for text in [
            format!("{{\n  \"password\":\n    \"{value}\",\n  \"next\": 1\n}}\n"),
            format!("{{\r\n\"api_token\" :\r\n\r\n  \"{value}\"\r\n}}\r\n"),
            format!("const clientSecret =\n  '{value}';\nrun()\n"),
            format!("- name: DB_PASSWORD\n  value: {value}\n- name: PORT\n"),
        ] {
            let whole = Redactor::new([1; 32]).mask(&text).text;
            assert!(!whole.contains(&value), "{text}");
            for size in [1, 5, 17, 1000] {
                let streamed = String::from_utf8(stream(text.as_bytes(), size)).unwrap();
                assert_eq!(streamed, whole, "{size}: {text}");
            }
        }
    }

    #[test]
    fn all_pieces_share_what_may_be_unpacked() {
        use base64::Engine as _;
        use std::io::Write as _;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&vec![b'x'; 3 * 1024 * 1024]).unwrap();
        let digits = base64::prelude::BASE64_STANDARD.encode(packed.finish().unwrap());
        let mut masker = LogMasker::new(Redactor::new([1; 32]));
        let mut out = Vec::new();
        for _ in 0..20 {
            masker.push(format!("data {digits}\n").as_bytes(), &mut out);
        }
        // Lines alone are granted 8 MiB each; here the first two are opened and all others masked unseen.
        assert_eq!(masker.found(), 18);
        assert!(masker.unpacked <= layers::budget(masker.judged));
    }

    #[test]
    fn lines_are_not_held_back() {
        let mut masker = LogMasker::new(Redactor::new([1; 32]));
        let mut out = Vec::new();
        masker.push(b"first\nsec", &mut out);
        assert_eq!(out, b"first\n");
    }
}
