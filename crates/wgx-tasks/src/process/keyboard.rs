//! The keyboard of a task that runs on a terminal of its own.

use std::io;
use std::os::fd::AsFd;

use pty_process::blocking::Pty;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::Pid;
use rustix::termios::tcgetpgrp;

use super::run::Standard;
use super::terminal::{self, RawMode};

/// Keys read at once.
const KEYS_BYTES: usize = 4096;

/// What was typed, as far as the run is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// Nothing new.
    Nothing,
    /// Ordinary keys: the person goes on working with the task.
    Keys,
    /// Ctrl-C that becomes a signal.
    Interrupt,
    /// Ctrl-Z that becomes a signal.
    Suspend,
}

/// Passes keys on to the terminal of the task.
pub(super) struct Keyboard<'a> {
    master: Pty,
    raw: RawMode<'a>,
    standard: Standard<'a>,
    /// False when our terminal is gone.
    is_open: bool,
    pending: Vec<u8>,
}

impl<'a> Keyboard<'a> {
    pub(super) fn new(master: Pty, raw: RawMode<'a>, standard: Standard<'a>) -> io::Result<Self> {
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        let keyboard = Self { master, raw, standard, is_open: true, pending: Vec::new() };
        keyboard.take_over_size();
        Ok(keyboard)
    }

    /// What to poll for: room for keys that wait, else new keys.
    pub(super) fn wish(&self) -> Option<PollFd<'_>> {
        if !self.pending.is_empty() {
            return Some(PollFd::new(&self.master, PollFlags::OUT));
        }
        self.is_open.then(|| PollFd::new(&self.standard.stdin, PollFlags::IN))
    }

    /// Does what [`Keyboard::wish`] waited for.
    pub(super) fn advance(&mut self, task: Pid) -> Typed {
        let typed = if self.pending.is_empty() { self.read(task) } else { Typed::Nothing };
        match rustix::io::write(&self.master, &self.pending) {
            Ok(written) => drop(self.pending.drain(..written)),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // The task has closed its terminal; nobody will read the keys.
            Err(_) => self.pending.clear(),
        }
        typed
    }

    /// The size of our terminal becomes the size of the task's.
    pub(super) fn take_over_size(&self) {
        if let Some(size) = terminal::size(self.standard.stdout) {
            // A terminal without a size is still a terminal.
            let _ = self.master.resize(size);
        }
    }

    /// The process group that a signal key of the task's terminal would reach.
    pub(super) fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.master).ok()
    }

    /// The task reads whole lines at the moment, so nothing in it treats Ctrl-C as a mere key.
    pub(super) fn is_in_line_mode(&self) -> bool {
        terminal::signal_keys(self.master.as_fd()).interrupt.is_some()
    }

    /// Our terminal as it was, before wgx stops.
    pub(super) fn give_back(&self) {
        self.raw.give_back();
    }

    /// Our terminal for the task again, after wgx was continued.
    pub(super) fn take_back(&self) {
        // A terminal that is gone shows at the next key.
        let _ = self.raw.resume();
        self.take_over_size();
    }

    fn read(&mut self, task: Pid) -> Typed {
        let mut keys = [0; KEYS_BYTES];
        let length = match rustix::io::read(self.standard.stdin, &mut keys) {
            Err(Errno::AGAIN | Errno::INTR) => return Typed::Nothing,
            Ok(0) | Err(_) => {
                self.is_open = false;
                return Typed::Nothing;
            }
            Ok(length) => length,
        };
        let signals = terminal::signal_keys(self.master.as_fd());
        let mut typed = Typed::Nothing;
        for key in &keys[..length] {
            if Some(*key) == signals.suspend && self.foreground() == Some(task) {
                // The system would ignore it: nobody could continue a task that leads its session.
                typed = Typed::Suspend;
                continue;
            }
            let is_interrupt = Some(*key) == signals.interrupt;
            typed = if is_interrupt { Typed::Interrupt } else { Typed::Keys };
            self.pending.push(*key);
        }
        typed
    }
}
