//! Reads an output stream of a plugin without a pause.

use std::sync::Arc;

use contracts::hauski::plugin_status::LogStream;
use redact::LogMasker;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::book::LogBook;

/// A longer line is cut, and says so.
const MAX_LINE: usize = 16 << 10;

/// Reads until the stream ends.
pub(crate) async fn read_stream(
    mut stream: impl AsyncRead + Unpin,
    name: LogStream,
    book: Arc<LogBook>,
) {
    let mut intake = Intake::new(name, book);
    let mut chunk = vec![0; 32 << 10];
    loop {
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => intake.take(chunk.get(..read).unwrap_or_default()),
        }
    }
    intake.finish();
}

/// Cuts a stream into lines, leaves out what is too much, and masks the rest.
struct Intake {
    name: LogStream,
    book: Arc<LogBook>,
    masker: LogMasker,
    masked: Vec<u8>,
    line: Vec<u8>,
    cut: usize,
    /// Lines were left out: what comes may be the middle of a key.
    gap: bool,
    unfinished: Vec<u8>,
}

impl Intake {
    fn new(name: LogStream, book: Arc<LogBook>) -> Self {
        let masker = LogMasker::new(book.redactor());
        Self {
            name,
            book,
            masker,
            masked: Vec::new(),
            line: Vec::new(),
            cut: 0,
            gap: false,
            unfinished: Vec::new(),
        }
    }

    /// The limit is applied to whole lines before the costly work; what has no line feed yet waits, up to a bound.
    fn take(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(at + 1);
            rest = after;
            let mut whole = std::mem::take(&mut self.unfinished);
            whole.extend_from_slice(line);
            self.take_line(&whole);
            whole.clear();
            self.unfinished = whole;
        }
        self.unfinished.extend_from_slice(rest);
        if self.unfinished.len() > 4 * MAX_LINE {
            let piece = std::mem::take(&mut self.unfinished);
            self.mask(&piece);
        }
    }

    fn take_line(&mut self, line: &[u8]) {
        if !self.book.admit(1) {
            self.gap = true;
            return;
        }
        if self.gap && looks_like_key_body(line) {
            return;
        }
        self.gap = false;
        self.mask(line);
    }

    fn mask(&mut self, bytes: &[u8]) {
        self.masker.push(bytes, &mut self.masked);
        self.emit();
    }

    fn emit(&mut self) {
        let masked = std::mem::take(&mut self.masked);
        for byte in &masked {
            match byte {
                b'\n' => self.end_line(),
                _ if self.line.len() < MAX_LINE => self.line.push(*byte),
                _ => self.cut += 1,
            }
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let cut = std::mem::take(&mut self.cut);
        let text = String::from_utf8_lossy(&line);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        if cut > 0 {
            self.book.line(self.name, &format!("{text} … {cut} bytes more"));
        } else {
            self.book.line(self.name, text);
        }
    }

    fn finish(&mut self) {
        let rest = std::mem::take(&mut self.unfinished);
        if !rest.is_empty() {
            self.take_line(&rest);
        }
        self.masker.finish(&mut self.masked);
        self.emit();
        if !self.line.is_empty() {
            self.end_line();
        }
    }
}

/// A line that is nothing but base64, as in the middle of a private key.
fn looks_like_key_body(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.len() >= 16
        && line.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}
