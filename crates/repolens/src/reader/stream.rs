//! Bytes in, events out: lines outside of fences, raw bytes inside.

use memchr::{memchr, memchr_iter, memmem};

use super::event::{Event, Position, Sink};
use super::grammar::classify;

/// Longest line of the structure, in bytes. A longer one is reported as broken and skipped, so that no
/// file can make a reader take more memory than this.
pub const LINE_LIMIT_BYTES: usize = 16 << 20;

/// A push parser for one part of a merge.
#[derive(Debug, Default)]
pub struct Reader {
    /// The beginning of a line whose end has not come yet.
    carry: Vec<u8>,
    /// Whether the rest of the line is skipped, because it is too long.
    skipping: bool,
    fence: Option<Fence>,
    line: u64,
    offset: u64,
}

/// Inside a fence.
#[derive(Debug)]
struct Fence {
    backticks: usize,
    /// Backticks seen since the last line feed, while there was nothing else; `None` elsewhere in a line.
    held: Option<usize>,
    /// A line feed and the closing backticks.
    closing: memmem::Finder<'static>,
}

impl Fence {
    fn new(backticks: usize) -> Self {
        let mut needle = vec![b'`'; backticks + 1];
        needle[0] = b'\n';
        Self { backticks, held: Some(0), closing: memmem::Finder::new(&needle).into_owned() }
    }
}

impl Reader {
    /// A reader that stands before the first byte of a part.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of the lines that were completed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the next bytes of the part.
    pub fn push<S: Sink + ?Sized>(&mut self, mut bytes: &[u8], sink: &mut S) {
        while !bytes.is_empty() {
            let used = match self.fence.take() {
                Some(fence) => self.inside(fence, bytes, sink),
                None => self.outside(bytes, sink),
            };
            bytes = &bytes[used..];
        }
    }

    /// Says that the part is over. A line without its line feed and an open fence are reported as broken.
    pub fn finish<S: Sink + ?Sized>(&mut self, sink: &mut S) {
        let at = self.position();
        if let Some(fence) = self.fence.take() {
            if let Some(held) = fence.held {
                backticks(held, sink);
            }
            sink.event(at, Event::Broken("the merge ends inside a fence"));
        } else if self.skipping || !self.carry.is_empty() {
            self.carry = Vec::new();
            self.skipping = false;
            sink.event(at, Event::Broken("the last line has no line feed"));
        }
    }

    fn position(&self) -> Position {
        Position { line: self.line + 1, offset: self.offset }
    }

    /// Takes at most one line; gives the number of bytes used.
    fn outside<S: Sink + ?Sized>(&mut self, bytes: &[u8], sink: &mut S) -> usize {
        let Some(end) = memchr(b'\n', bytes) else {
            self.keep(bytes, sink);
            return bytes.len();
        };
        let line = &bytes[..end];
        if self.skipping {
            self.skipping = false;
            self.advance(line.len() + 1);
        } else if self.carry.is_empty() {
            self.complete(line, sink);
        } else {
            let mut whole = std::mem::take(&mut self.carry);
            whole.extend_from_slice(line);
            self.complete(&whole, sink);
            whole.clear();
            self.carry = whole;
        }
        end + 1
    }

    fn keep<S: Sink + ?Sized>(&mut self, bytes: &[u8], sink: &mut S) {
        if !self.skipping && self.carry.len() + bytes.len() > LINE_LIMIT_BYTES {
            sink.event(self.position(), Event::Broken("the line is longer than 16 MiB"));
            self.offset += self.carry.len() as u64;
            self.carry = Vec::new();
            self.skipping = true;
        }
        if self.skipping {
            self.offset += bytes.len() as u64;
        } else {
            self.carry.extend_from_slice(bytes);
        }
    }

    fn complete<S: Sink + ?Sized>(&mut self, line: &[u8], sink: &mut S) {
        let at = self.position();
        let event = match std::str::from_utf8(line) {
            _ if line.len() > LINE_LIMIT_BYTES => Event::Broken("the line is longer than 16 MiB"),
            Ok(text) if memchr(b'\r', line).is_none() => classify(text),
            Ok(_) => Event::Broken("the line has a carriage return"),
            Err(_) => Event::Broken("the line is not UTF-8"),
        };
        if let Event::FenceOpen { backticks, .. } = event {
            self.fence = Some(Fence::new(backticks));
        }
        self.advance(line.len() + 1);
        sink.event(at, event);
    }

    fn advance(&mut self, bytes: usize) {
        self.line += 1;
        self.offset += bytes as u64;
    }

    /// Passes content on until the fence closes or the bytes end; gives the number of bytes used.
    fn inside<S: Sink + ?Sized>(&mut self, mut fence: Fence, bytes: &[u8], sink: &mut S) -> usize {
        let mut at = 0;
        loop {
            if let Some(held) = fence.held {
                let run = bytes[at..].iter().take_while(|&&byte| byte == b'`').count();
                let held = held + run;
                at += run;
                match bytes.get(at) {
                    None => {
                        fence.held = Some(held);
                        self.fence = Some(fence);
                        return at;
                    }
                    Some(b'\n') if held == fence.backticks => {
                        let position = self.position();
                        self.advance(held + 1);
                        sink.event(position, Event::FenceClose);
                        return at + 1;
                    }
                    Some(_) => {
                        backticks(held, sink);
                        self.offset += held as u64;
                        fence.held = None;
                    }
                }
            }
            let rest = &bytes[at..];
            // Up to the next line feed that a closing line may follow, this line feed included.
            let end =
                fence.closing.find(rest).map_or_else(|| undecided(rest), |found| Some(found + 1));
            let content = &rest[..end.unwrap_or(rest.len())];
            self.line += memchr_iter(b'\n', content).count() as u64;
            self.offset += content.len() as u64;
            sink.content(content);
            at += content.len();
            if end.is_none() {
                self.fence = Some(fence);
                return at;
            }
            fence.held = Some(0);
        }
    }
}

/// Where the last line begins, if nothing but backticks has come of it.
fn undecided(bytes: &[u8]) -> Option<usize> {
    let run = bytes.iter().rev().take_while(|&&byte| byte == b'`').count();
    let start = bytes.len() - run;
    (start > 0 && bytes[start - 1] == b'\n').then_some(start)
}

fn backticks<S: Sink + ?Sized>(mut count: usize, sink: &mut S) {
    const SOME: [u8; 64] = [b'`'; 64];
    while count > 0 {
        let some = count.min(SOME.len());
        sink.content(&SOME[..some]);
        count -= some;
    }
}
