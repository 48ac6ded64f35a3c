//! The content of a block as it streams by: bytes, lines, hashes, the longest run of backticks.

use md5::Md5;
use sha2::Digest as _;
use sha2::Sha256;

/// What the content turned out to be.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) sha256: Option<Sha256>,
    pub(super) md5: Option<Md5>,
    /// A line feed that may have been added behind the content.
    held: bool,
    pub(super) bytes: u64,
    line_feeds: u64,
    ends_open: bool,
    /// Backticks at the end of what was read so far (a run may go on in the next piece), and the longest
    /// run of them.
    run: usize,
    pub(super) longest: usize,
}

impl Content {
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let Some((last, body)) = bytes.split_last() else { return };
        if std::mem::take(&mut self.held) {
            self.count(b"\n");
        }
        if *last == b'\n' {
            self.count(body);
            self.held = true;
        } else {
            self.count(bytes);
        }
    }

    /// The end of a zone; `added` says that its last line feed is none of the content.
    pub(super) fn end(&mut self, added: bool) {
        if std::mem::take(&mut self.held) && !added {
            self.count(b"\n");
        }
    }

    fn count(&mut self, bytes: &[u8]) {
        let Some(last) = bytes.last() else { return };
        self.bytes += bytes.len() as u64;
        self.line_feeds += memchr::memchr_iter(b'\n', bytes).count() as u64;
        self.ends_open = *last != b'\n';
        if let Some(hash) = &mut self.sha256 {
            hash.update(bytes);
        }
        if let Some(hash) = &mut self.md5 {
            hash.update(bytes);
        }
        let mut end = 0;
        for at in memchr::memchr_iter(b'`', bytes) {
            self.run = if at == end { self.run + 1 } else { 1 };
            self.longest = self.longest.max(self.run);
            end = at + 1;
        }
        if end != bytes.len() {
            self.run = 0;
        }
    }

    pub(super) fn lines(&self) -> u64 {
        self.line_feeds + u64::from(self.ends_open)
    }
}
