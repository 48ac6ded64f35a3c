//! A role inside the sandbox that tries what must not work, and says what it got for an answer.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SendFlags, SocketType};
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};

/// Discard: nothing listens there, and the namespace is empty.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);
const MPTCP: u32 = 262;
const AF_VSOCK: u16 = 40;

/// One forbidden operation and the kernel's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// `tcp`, `tcp-fast-open`, `mptcp`, `udp`, `raw`, `packet`, `vsock`, `netlink`, `io-uring`.
    pub name: String,
    /// Whether the kernel gave what it takes: a socket or a ring. Must be false.
    pub allowed: bool,
    /// The error, or what happened to the socket that there should not be.
    pub answer: String,
}

/// What the probe saw; judged outside, which knows what it should have seen.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::sandbox) struct Seen {
    pub(in crate::sandbox) operations: Vec<Operation>,
    /// Name of each namespace's kind, and its identity.
    pub(in crate::sandbox) namespaces: BTreeMap<String, String>,
    /// Network devices.
    pub(in crate::sandbox) devices: Vec<String>,
    /// `Cap…`, `NoNewPrivs` and `Seccomp` of `/proc/self/status`.
    pub(in crate::sandbox) status: BTreeMap<String, String>,
    /// Numbers of open descriptors.
    pub(in crate::sandbox) descriptors: Vec<u32>,
    /// Names of variables.
    pub(in crate::sandbox) variables: Vec<String>,
    /// Folders in which it could make a file.
    pub(in crate::sandbox) writable: Vec<String>,
    /// Whether a further user namespace was to be had.
    pub(in crate::sandbox) further_namespace: bool,
    /// Processes besides this one and the first.
    pub(in crate::sandbox) processes: Vec<u32>,
}

pub(super) fn run() -> Seen {
    Seen {
        operations: operations(),
        namespaces: namespaces(),
        devices: devices(),
        status: status(),
        descriptors: numbers("/proc/self/fd"),
        variables: variables(),
        writable: [
            "/",
            "/usr",
            "/etc",
            "/dev",
            "/run",
            "/proc/sys/kernel",
            "/home",
            "/root",
            "/var/tmp",
        ]
        .into_iter()
        .filter(|folder| {
            let path = format!("{folder}/.hauski-probe");
            fs::File::create_new(&path).is_ok_and(|_| fs::remove_file(&path).is_ok())
        })
        .map(str::to_owned)
        .collect(),
        processes: numbers("/proc")
            .into_iter()
            .filter(|n| *n > 1 && *n != std::process::id())
            .collect(),
        // Last: it would change what the others see.
        further_namespace: super::outer::leave(UnshareFlags::NEWUSER).is_ok(),
    }
}

#[expect(clippy::disallowed_methods, reason = "the probe looks at what a plugin would see")]
fn variables() -> Vec<String> {
    std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect()
}

/// The nine.
fn operations() -> Vec<Operation> {
    let protocol = |number| NonZeroU32::new(number).map(Protocol::from_raw);
    let udp = AddressFamily::INET;
    vec![
        operation("tcp", AddressFamily::INET, SocketType::STREAM, None, |socket| {
            rustix::net::connect(socket, &NOWHERE)
        }),
        operation("tcp-fast-open", AddressFamily::INET, SocketType::STREAM, None, |socket| {
            // MSG_FASTOPEN, for which there is no name here.
            let flags = SendFlags::from_bits_retain(0x2000_0000);
            rustix::net::sendto(socket, b"x", flags, &NOWHERE).map(drop)
        }),
        operation("mptcp", AddressFamily::INET, SocketType::STREAM, protocol(MPTCP), |_| Ok(())),
        operation("udp", udp, SocketType::DGRAM, None, |socket| {
            rustix::net::sendto(socket, b"x", SendFlags::empty(), &NOWHERE).map(drop)
        }),
        operation("raw", AddressFamily::INET, SocketType::RAW, protocol(1), |_| Ok(())),
        operation("packet", AddressFamily::PACKET, SocketType::RAW, None, |_| Ok(())),
        // Only asked for, never used: it would leave an empty network namespace.
        operation("vsock", AddressFamily::from_raw(AF_VSOCK), SocketType::STREAM, None, |_| Ok(())),
        operation("netlink", AddressFamily::NETLINK, SocketType::RAW, None, |_| Ok(())),
        ring(),
    ]
}

fn operation(
    name: &str,
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
    use_it: impl FnOnce(&std::os::fd::OwnedFd) -> Result<(), Errno>,
) -> Operation {
    let (allowed, answer) = match rustix::net::socket(family, kind, protocol) {
        Ok(socket) => match use_it(&socket) {
            Ok(()) => (true, "worked".to_owned()),
            Err(error) => (true, format!("a socket, then {}", named(error))),
        },
        Err(error) => (false, named(error)),
    };
    Operation { name: name.to_owned(), allowed, answer }
}

fn ring() -> Operation {
    let ring = io_uring::IoUring::new(1);
    let answer = match &ring {
        Ok(_) => "worked".to_owned(),
        Err(error) => error.raw_os_error().map_or_else(|| error.to_string(), number),
    };
    Operation { name: "io-uring".to_owned(), allowed: ring.is_ok(), answer }
}

fn named(error: Errno) -> String {
    number(error.raw_os_error())
}

/// The usual name of an error number, where it is one of those that come up here.
fn number(error: i32) -> String {
    match error {
        1 => "EPERM".to_owned(),
        13 => "EACCES".to_owned(),
        38 => "ENOSYS".to_owned(),
        93 => "EPROTONOSUPPORT".to_owned(),
        97 => "EAFNOSUPPORT".to_owned(),
        101 => "ENETUNREACH".to_owned(),
        other => io::Error::from_raw_os_error(other).to_string(),
    }
}

/// The identities of this process's namespaces.
pub(in crate::sandbox) fn namespaces() -> BTreeMap<String, String> {
    ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]
        .into_iter()
        .filter_map(|kind| {
            let link = fs::read_link(format!("/proc/self/ns/{kind}")).ok()?;
            Some((kind.to_owned(), link.to_string_lossy().into_owned()))
        })
        .collect()
}

fn devices() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

fn status() -> BTreeMap<String, String> {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(":\t"))
        .filter(|(name, _)| name.starts_with("Cap") || ["NoNewPrivs", "Seccomp"].contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Entries of a folder that are numbers. The descriptor through which it is read is one of them, and gone afterwards.
fn numbers(folder: &str) -> Vec<u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let found: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    found.into_iter().filter(|n| fs::symlink_metadata(format!("{folder}/{n}")).is_ok()).collect()
}
