//! A program in the sandbox that tries to get out, one attempt at a time; says `done` or the error.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::ExitCode;

use rustix::mount::MountFlags;
use rustix::thread::UnshareFlags;

pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tried = match words[..] {
        ["connect", path] => UnixStream::connect(path).map(drop),
        ["connect-abstract", name] => SocketAddr::from_abstract_name(name)
            .and_then(|address| UnixStream::connect_addr(&address))
            .map(drop),
        ["unshare"] => unshare(),
        ["mount"] => rustix::mount::mount("tmpfs", "/tmp", "tmpfs", MountFlags::empty(), None)
            .map_err(io::Error::from),
        ["eat", bytes] => bytes.parse().map_err(io::Error::other).map(eat),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    };
    #[expect(clippy::print_stdout, reason = "the answer")]
    match tried {
        Ok(()) => println!("done"),
        Err(error) => println!("{error}"),
    }
    ExitCode::SUCCESS
}

fn unshare() -> io::Result<()> {
    #[expect(deprecated, reason = "unsafe only with the flag FILES, which is not passed")]
    Ok(rustix::thread::unshare(UnshareFlags::NEWUSER)?)
}

/// Takes that much memory and uses every page of it.
fn eat(bytes: usize) {
    let mut held = Vec::new();
    for _ in 0..bytes >> 20 {
        held.push(vec![1_u8; 1 << 20]);
    }
    std::hint::black_box(&held);
}
