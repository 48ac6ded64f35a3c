//! The role that becomes a plugin: places the connection, sets limits, and executes the program.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::io::{FdFlags, fcntl_dupfd_cloexec, fcntl_setfd};
use rustix::process::{Resource, Rlimit, Signal};

/// Exit code of a plugin that could not be executed.
pub(super) const CANNOT_ENTER: u8 = 126;

/// `enter KEEPER_PID WIRING MEMORY FILES ARG0 PROGRAM [ARG]…`, with the connection as standard input.
pub(super) fn run(args: &[OsString]) -> ExitCode {
    let error = match enter(args) {
        Ok(never) => match never {},
        Err(error) => error,
    };
    // Standard error is the log of the plugin.
    let _ = writeln!(io::stderr(), "the plugin could not be started: {error}");
    ExitCode::from(CANNOT_ENTER)
}

fn enter(args: &[OsString]) -> io::Result<std::convert::Infallible> {
    let [keeper, wiring, memory, files, arg0, program, rest @ ..] = args else {
        return Err(io::Error::other("the role was called with the wrong arguments"));
    };
    rustix::process::setsid()?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get()) != Some(number(keeper)?) {
        return Err(io::Error::other("the keeper is gone"));
    }
    limit(Resource::Core, 0)?;
    limit(Resource::Data, number(memory)?)?;
    limit(Resource::Nofile, number(files)?)?;
    let mut command = command(program);
    command.arg0(arg0).args(rest);
    // Held until the program is executed, which inherits it.
    let _connection = if wiring == "fd" {
        let connection = place()?;
        command.env("HAUSKI_PLUGIN_FD", connection.as_raw_fd().to_string());
        Some(connection)
    } else {
        rustix::stdio::dup2_stdout(rustix::stdio::stdin())?;
        None
    };
    Err(command.exec())
}

#[expect(clippy::disallowed_methods, reason = "plugins are started here and by their keeper")]
fn command(program: &OsString) -> Command {
    Command::new(program)
}

/// Moves the connection from standard input to descriptor 3, or the next one that is free.
fn place() -> io::Result<OwnedFd> {
    let connection = fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    fcntl_setfd(&connection, FdFlags::empty())?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(connection)
}

fn limit(resource: Resource, to: u64) -> io::Result<()> {
    let before = rustix::process::getrlimit(resource);
    let to = before.maximum.map_or(to, |maximum| to.min(maximum));
    let new = Rlimit { current: Some(to), maximum: Some(to) };
    Ok(rustix::process::setrlimit(resource, new)?)
}

fn number<T: std::str::FromStr>(text: &OsString) -> io::Result<T> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number.ok_or_else(|| io::Error::other("an argument of the role is no number"))
}
