//! Reads an output stream of a plugin.
//!
//! On the runtime's threads nothing is done but cutting and counting. Looking for secrets is done on a thread for blocking
//! work, one piece at a time for all plugins; a plugin that writes faster than that waits in its own `write`.

use std::sync::Arc;

use contracts::hauski::plugin_status::LogStream;
use redact::LogMasker;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::book::LogBook;

/// A longer line is cut, and says so.
const MAX_LINE: usize = 16 << 10;
/// Of a longer line no more than this is looked at.
const MAX_MASKED: usize = 4 * MAX_LINE;

/// Reads until the stream ends.
pub(crate) async fn read_stream(
    mut stream: impl AsyncRead + Unpin,
    name: LogStream,
    book: Arc<LogBook>,
) {
    let turn = book.turn();
    let mut sieve = Sieve::new(Arc::clone(&book));
    let mut mill = Mill::new(name, book);
    let mut chunk = vec![0; 32 << 10];
    loop {
        let read = match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => chunk.get(..read).unwrap_or_default(),
        };
        sieve.take(read);
        let pieces = std::mem::take(&mut sieve.out);
        if pieces.is_empty() {
            // Whatever was left out cost little, but a flood must let others through too.
            tokio::task::yield_now().await;
            continue;
        }
        // Nobody closes it.
        let _turn = turn.acquire().await;
        let milled = tokio::task::spawn_blocking(move || {
            mill.grind(&pieces);
            mill
        });
        match milled.await {
            Ok(back) => mill = back,
            // The runtime ends.
            Err(_) => return,
        }
    }
    sieve.finish();
    mill.grind(&sieve.out);
    mill.finish();
}

/// What is left of a stream.
enum Piece {
    /// Bytes of it.
    Bytes(Vec<u8>),
    /// So many bytes of the line that is open were left out.
    Cut(usize),
}

/// Cuts a stream into lines and leaves out what is too much, before the costly work.
struct Sieve {
    book: Arc<LogBook>,
    /// The beginning of a line that has not ended.
    open: Vec<u8>,
    /// The open line is longer than what is looked at: whether its beginning went on, and what was left out since.
    over: Option<(bool, usize)>,
    /// Something was left out: what comes may be the middle of a key.
    gap: bool,
    out: Vec<Piece>,
}

impl Sieve {
    fn new(book: Arc<LogBook>) -> Self {
        Self { book, open: Vec::new(), over: None, gap: false, out: Vec::new() }
    }

    fn take(&mut self, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(at + 1);
            rest = after;
            self.part(line);
            self.end_line();
        }
        self.part(rest);
    }

    fn part(&mut self, bytes: &[u8]) {
        if let Some((_, left_out)) = &mut self.over {
            *left_out += bytes.len();
            return;
        }
        self.open.extend_from_slice(bytes);
        if self.open.len() > MAX_MASKED {
            let whole = std::mem::take(&mut self.open);
            let (front, back) = whole.split_at(MAX_MASKED);
            let admitted = self.admit(front);
            self.over = Some((admitted, back.len()));
        }
    }

    fn end_line(&mut self) {
        match self.over.take() {
            None => {
                let line = std::mem::take(&mut self.open);
                self.admit(&line);
            }
            Some((admitted, left_out)) => {
                // What was left out may have been the beginning of a key.
                self.gap = true;
                if admitted {
                    self.out.push(Piece::Cut(left_out.saturating_sub(1)));
                    self.out.push(Piece::Bytes(b"\n".to_vec()));
                }
            }
        }
    }

    fn admit(&mut self, line: &[u8]) -> bool {
        if !self.book.admit(1, line.len()) {
            self.gap = true;
            return false;
        }
        if self.gap && looks_like_key_body(line) {
            return false;
        }
        self.gap = false;
        match self.out.last_mut() {
            Some(Piece::Bytes(bytes)) => bytes.extend_from_slice(line),
            _ => self.out.push(Piece::Bytes(line.to_vec())),
        }
        true
    }

    fn finish(&mut self) {
        if self.over.is_some() || !self.open.is_empty() {
            self.end_line();
        }
    }
}

/// Masks secrets and makes lines.
struct Mill {
    name: LogStream,
    book: Arc<LogBook>,
    masker: LogMasker,
    masked: Vec<u8>,
    line: Vec<u8>,
    cut: usize,
}

impl Mill {
    fn new(name: LogStream, book: Arc<LogBook>) -> Self {
        let masker = LogMasker::new(book.redactor());
        Self { name, book, masker, masked: Vec::new(), line: Vec::new(), cut: 0 }
    }

    fn grind(&mut self, pieces: &[Piece]) {
        for piece in pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    self.masker.push(bytes, &mut self.masked);
                    self.emit();
                }
                Piece::Cut(bytes) => self.cut += bytes,
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]], lines_per_s: u32) -> (Vec<String>, u64, usize) {
        let book = LogBook::alone("a", lines_per_s);
        let mut sieve = Sieve::new(Arc::clone(&book));
        let mut mill = Mill::new(LogStream::Stdout, Arc::clone(&book));
        let mut looked_at = 0;
        for chunk in chunks {
            sieve.take(chunk);
            let pieces = std::mem::take(&mut sieve.out);
            looked_at += pieces.iter().map(bytes).sum::<usize>();
            mill.grind(&pieces);
        }
        sieve.finish();
        looked_at += sieve.out.iter().map(bytes).sum::<usize>();
        mill.grind(&sieve.out);
        mill.finish();
        let lines = book.tail(10_000).iter().map(|line| line.message.clone()).collect();
        (lines, book.dropped(), looked_at)
    }

    fn bytes(piece: &Piece) -> usize {
        match piece {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::Cut(_) => 0,
        }
    }

    #[test]
    fn lines_come_whole_however_they_were_written() {
        let (lines, dropped, _) = lines_of(&[b"on", b"e\ntwo\nth", b"ree"], 100);
        assert_eq!((lines, dropped), (vec!["one".into(), "two".into(), "three".into()], 0));
    }

    #[test]
    fn a_line_without_end_costs_no_more_than_its_beginning() {
        let endless = vec![b'x'; 1 << 20];
        let (lines, dropped, looked_at) = lines_of(&[&endless, &endless, b"\nnext\n"], 100);
        assert!(looked_at <= MAX_MASKED + 16, "{looked_at} bytes were looked at");
        assert_eq!(dropped, 0);
        let more = (2 << 20) - MAX_LINE;
        assert!(lines[0].ends_with(&format!("x … {more} bytes more")), "{}", &lines[0][MAX_LINE..]);
        assert_eq!(lines[1], "next");
    }

    #[test]
    fn long_lines_are_counted_by_their_bytes_too() {
        let mut line = vec![b'y'; 15 << 10];
        line.push(b'\n');
        // Cutting alone takes no second, whatever the machine.
        let book = LogBook::alone("a", 100_000);
        let mut sieve = Sieve::new(Arc::clone(&book));
        (0..1_000).for_each(|_| sieve.take(&line));
        let looked_at: usize = sieve.out.iter().map(bytes).sum();
        assert!(looked_at <= 4 << 20, "{looked_at} bytes were looked at");
        assert!(book.dropped() > 500, "{}", book.dropped());
    }
}
