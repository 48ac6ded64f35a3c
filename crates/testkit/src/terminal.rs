//! A program on a terminal of its own, seen from the person's side.

use std::io::{Read, Write};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pty_process::blocking as pty;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Longest silence before a test gives up, in seconds.
const SILENCE_S: i64 = 20;
/// Longest life of a terminal, whatever it shows.
const LIFE: Duration = Duration::from_secs(60);

/// A terminal of 30 rows and 100 columns with a running program.
pub struct Terminal {
    master: pty::Pty,
    child: Child,
    seen: String,
    started: Instant,
}

#[expect(clippy::missing_panics_doc, reason = "a terminal that cannot be used ends the test")]
impl Terminal {
    pub(crate) fn start(command: Command) -> Self {
        let (master, slave) = pty::open().expect("a terminal can be opened");
        master.resize(pty_process::Size::new(30, 100)).expect("a terminal has a size");
        let child = pty::Command::from(command).spawn(slave).expect("the program can be started");
        Self { master, child, seen: String::new(), started: Instant::now() }
    }

    /// Presses keys; `\n` is Enter, `\u{3}` is Ctrl-C.
    pub fn type_keys(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until `text` is on the screen.
    pub fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            let more = self.read();
            assert!(more, "the terminal never showed {text:?}:\n{}", self.seen);
        }
    }

    /// Reads to the end: everything that was shown, and the exit code (-1 for a signal).
    pub fn finish(mut self) -> (String, i32) {
        while self.read() {}
        let status = self.child.wait().expect("the program can be waited for");
        (self.seen, status.code().unwrap_or(-1))
    }

    fn read(&mut self) -> bool {
        assert!(self.started.elapsed() < LIFE, "the terminal hangs:\n{}", self.seen);
        let limit = Timespec { tv_sec: SILENCE_S, tv_nsec: 0 };
        let ready = poll(&mut [PollFd::new(&self.master, PollFlags::IN)], Some(&limit));
        assert_ne!(ready, Ok(0), "nothing happens on the terminal any more:\n{}", self.seen);
        let mut buffer = [0; 4096];
        let length = self.master.read(&mut buffer).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
        length > 0
    }
}
