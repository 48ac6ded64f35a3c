//! The role that stands between the host and one plugin.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, pidfd_open, set_child_subreaper, wait,
};

use super::order::{Exit, KILL, Order, Report, TERM};
use super::tree::{descendants, signal_descendants};

/// The longest order that is read.
const MAX_ORDER_BYTES: usize = 1 << 20;
/// A process that was killed and is not gone after this time hangs in the kernel; it is left behind and said so.
const KILL_TAKES_AT_MOST: Duration = Duration::from_secs(5);

/// Reads an order from standard input, runs it, and ends when nothing of the plugin is left.
pub(super) fn run() -> ExitCode {
    match keep() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "the keeper of the plugin failed: {error}");
            ExitCode::from(70)
        }
    }
}

fn keep() -> io::Result<()> {
    // A terminal that is closed or interrupted must not end the keeper before its plugin.
    let _ = rustix::process::setsid();
    set_child_subreaper(Some(getpid()))?;
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let mut control = UnixStream::from(control);
    let (order, fds) = read_order(&mut control)?;
    rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
    let child = match start(&order, fds) {
        Ok(child) => child,
        Err(error) => {
            let what = format!("{}: {error}", order.program.display());
            return report(&mut control, &Report::Failed(what));
        }
    };
    report(&mut control, &Report::Started(pid_of(&child).as_raw_nonzero().get()))?;
    let exit = watch(child, &mut control)?;
    clear_up()?;
    report(&mut control, &Report::Ended(exit))
}

fn read_order(control: &mut UnixStream) -> io::Result<(Order, Vec<OwnedFd>)> {
    let mut line = Vec::new();
    let mut fds = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut chunk = [0; 4096];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let into = &mut [IoSliceMut::new(&mut chunk)];
        let got = recvmsg(&*control, into, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                fds.extend(received);
            }
        }
        if got.bytes == 0 || line.len() > MAX_ORDER_BYTES {
            return Err(io::Error::other("there is no order"));
        }
        line.extend_from_slice(chunk.get(..got.bytes).unwrap_or_default());
    }
    Ok((serde_json::from_slice(&line)?, fds))
}

fn start(order: &Order, fds: Vec<OwnedFd>) -> io::Result<Child> {
    let mut fds = fds.into_iter();
    let connection = fds.next().ok_or_else(|| io::Error::other("there is no connection"))?;
    let opened = fds.next();
    let program = match &opened {
        Some(program) if order.program_fd => {
            // The opened file is what was checked; scripts are opened once more by their interpreter.
            fcntl_setfd(program, FdFlags::empty())?;
            format!("/proc/self/fd/{}", program.as_raw_fd()).into()
        }
        _ => order.program.clone(),
    };
    let (role, first) =
        order.init.split_first().ok_or_else(|| io::Error::other("there is no program to enter"))?;
    let arg0 = order.command.first().map_or("", String::as_str);
    let wiring = match order.wiring {
        super::Wiring::Fd => "fd",
        super::Wiring::Stdio => "stdio",
    };
    let mut command = command(role);
    command
        .args(first)
        .arg("enter")
        .arg(getpid().as_raw_nonzero().to_string())
        .args([wiring, &order.memory_bytes.to_string(), &order.files.to_string(), arg0])
        .arg(program)
        .args(order.command.get(1..).unwrap_or_default())
        .current_dir(&order.cwd)
        .env_clear()
        .envs(&order.env)
        .stdin(Stdio::from(connection));
    command.spawn()
}

#[expect(clippy::disallowed_methods, reason = "plugins are started here and by their role enter")]
fn command(program: &std::path::Path) -> Command {
    Command::new(program)
}

/// Waits until the plugin has ended, and does what the host says meanwhile.
fn watch(mut child: Child, control: &mut UnixStream) -> io::Result<Exit> {
    let pidfd = pidfd_open(pid_of(&child), PidfdFlags::empty())?;
    let mut host = true;
    loop {
        let mut polled = vec![PollFd::new(&pidfd, PollFlags::IN)];
        if host {
            polled.push(PollFd::from_borrowed_fd(control.as_fd(), PollFlags::IN));
        }
        match poll(&mut polled, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let said = polled.get(1).is_some_and(|fd| !fd.revents().is_empty());
        if let Some(status) = child.try_wait()? {
            let by_signal = status.signal().map(Exit::Signal);
            return Ok(status.code().map(Exit::Code).or(by_signal).unwrap_or(Exit::Unknown));
        }
        if said {
            host = obey(control);
        }
        reap_adopted(&child);
    }
}

/// Does what the host says; false when nothing further will be said.
fn obey(control: &mut UnixStream) -> bool {
    let mut said = [0; 16];
    let said = match control.read(&mut said) {
        Ok(0) | Err(_) => &[KILL][..],
        Ok(read) => &said[..read],
    };
    if said.contains(&KILL) {
        signal_descendants(getpid(), Signal::KILL);
        return false;
    }
    if said.contains(&TERM) {
        signal_descendants(getpid(), Signal::TERM);
        // A stopped process takes the signal only when it goes on.
        signal_descendants(getpid(), Signal::CONT);
    }
    true
}

/// Takes away what ended among the processes that the plugin left behind.
fn reap_adopted(plugin: &Child) {
    let plugin = pid_of(plugin);
    for pid in descendants(getpid()).into_iter().filter(|pid| *pid != plugin) {
        let _ = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// Ends and takes away all that the plugin left behind.
fn clear_up() -> io::Result<()> {
    let started = Instant::now();
    loop {
        signal_descendants(getpid(), Signal::KILL);
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => break,
                Err(Errno::CHILD) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        if started.elapsed() > KILL_TAKES_AT_MOST {
            return Err(io::Error::other("a process of the plugin does not end"));
        }
        sleep(Duration::from_millis(2));
    }
}

fn report(control: &mut UnixStream, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    match control.write_all(&line) {
        // The host is gone; nobody is left to tell.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}
