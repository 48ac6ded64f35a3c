//! Our own terminal: raw mode that is always given back, size, and who is in the foreground.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcgetpgrp,
    tcgetwinsize, tcsetattr,
};

/// Raw mode of a terminal, from creation until it is dropped, on every way out.
pub(super) struct RawMode<'fd> {
    terminal: BorrowedFd<'fd>,
    before: Termios,
}

impl<'fd> RawMode<'fd> {
    /// Switches to raw mode: every key goes on as it is.
    pub(super) fn enter(terminal: BorrowedFd<'fd>) -> rustix::io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let guard = Self { terminal, before };
        guard.resume()?;
        Ok(guard)
    }

    /// The settings before raw mode.
    pub(super) fn before(&self) -> &Termios {
        &self.before
    }

    /// Raw mode again, after [`RawMode::give_back`].
    pub(super) fn resume(&self) -> rustix::io::Result<()> {
        let mut raw = self.before.clone();
        raw.make_raw();
        tcsetattr(self.terminal, OptionalActions::Now, &raw)
    }

    /// The settings as they were.
    pub(super) fn give_back(&self) {
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(self.terminal, OptionalActions::Drain, &self.before);
    }
}

impl Drop for RawMode<'_> {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// `fd` is a terminal and wgx is in its foreground: it may read it and change its settings.
pub(super) fn is_ours(fd: impl AsFd) -> bool {
    let fd = fd.as_fd();
    isatty(fd) && tcgetpgrp(fd).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// wgx runs in the foreground of a terminal, whatever its streams are.
pub(super) fn in_foreground(streams: [BorrowedFd<'_>; 3]) -> bool {
    if streams.into_iter().any(is_ours) {
        return true;
    }
    std::fs::File::open("/dev/tty").is_ok_and(|terminal| is_ours(&terminal))
}

/// The size of a terminal, if it tells one.
pub(super) fn size(fd: BorrowedFd<'_>) -> Option<pty_process::Size> {
    let size = tcgetwinsize(fd).ok()?;
    (size.ws_row > 0 && size.ws_col > 0).then(|| {
        pty_process::Size::new_with_pixel(size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel)
    })
}

/// Keys that the terminal of the task turns into signals at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SignalKeys {
    /// Ctrl-C, unless the task reads single keys.
    pub(super) interrupt: Option<u8>,
    /// Ctrl-Z.
    pub(super) suspend: Option<u8>,
}

/// What the keys mean to the terminal of the task: nothing while a program reads keys itself
/// (editors). Only a terminal in line mode counts as interrupted: a prompt that reads keys goes on
/// living.
pub(super) fn signal_keys(terminal: BorrowedFd<'_>) -> SignalKeys {
    let Ok(settings) = tcgetattr(terminal) else {
        return SignalKeys::default();
    };
    if !settings.local_modes.contains(LocalModes::ISIG) {
        return SignalKeys::default();
    }
    let key = |index| Some(settings.special_codes[index]).filter(|key| *key != 0);
    let in_line_mode = settings.local_modes.contains(LocalModes::ICANON);
    SignalKeys {
        interrupt: key(SpecialCodeIndex::VINTR).filter(|_| in_line_mode),
        suspend: key(SpecialCodeIndex::VSUSP),
    }
}
