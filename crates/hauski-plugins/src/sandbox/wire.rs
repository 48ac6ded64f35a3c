//! Messages between the daemon and the init role: one packet each, with descriptors.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::MemfdFlags;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::plan::Refusal;

/// Descriptors that travel with an order at most: the plugin's socket, its input, the order itself.
const MOST: usize = 3;
/// Bytes of a status message at most; reasons are cut by their writer, not by the wire.
const STATUS_BYTES: usize = 16 << 10;

/// What the init role tells the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// The plugin's program runs.
    Started,
    /// It was not started.
    Refused(Refusal),
    /// It ended.
    Ended {
        /// Its exit code.
        code: Option<i32>,
        /// Or the signal that ended it.
        signal: Option<i32>,
    },
}

/// Two ends whose packets keep their borders.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// `order` as an anonymous file, at its start.
pub(super) fn sheet(order: &impl Serialize) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create("order", MemfdFlags::CLOEXEC)?);
    file.write_all(&serde_json::to_vec(order)?)?;
    file.rewind()?;
    Ok(file.into())
}

/// Reads what [`sheet`] wrote.
pub(super) fn read_sheet<T: DeserializeOwned>(sheet: OwnedFd) -> io::Result<T> {
    let mut text = Vec::new();
    File::from(sheet).read_to_end(&mut text)?;
    Ok(serde_json::from_slice(&text)?)
}

/// Sends descriptors in one packet.
pub(super) fn send(to: impl AsFd, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    rustix::net::sendmsg(to, &[IoSlice::new(b"o")], &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives the descriptors of one packet, in their order and numbered upwards from the lowest free one.
pub(super) fn receive(from: impl AsFd) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = rustix::net::recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut ancillary, flags)?;
    if got.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut all = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            all.extend(descriptors);
        }
    }
    Ok(all)
}

/// Tells the daemon something; when it is gone, nobody needs it.
pub(super) fn tell(to: impl AsFd, status: &Status) {
    hand(to, status, &[]);
}

/// Tells the daemon something and hands it descriptors.
pub(super) fn hand(to: impl AsFd, status: &Status, descriptors: &[BorrowedFd<'_>]) {
    let Ok(text) = serde_json::to_vec(status) else { return };
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if descriptors.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        let text = [IoSlice::new(&text)];
        let _ = rustix::net::sendmsg(to, &text, &mut ancillary, SendFlags::NOSIGNAL);
    }
}

/// The next status and what came with it; none at the end.
pub(super) fn hear(
    from: impl AsFd,
    flags: RecvFlags,
) -> io::Result<Option<(Status, Vec<OwnedFd>)>> {
    let mut text = vec![0; STATUS_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let mut once = || {
        let mut parts = [IoSliceMut::new(&mut text)];
        rustix::net::recvmsg(&from, &mut parts, &mut ancillary, flags).map(|got| got.bytes)
    };
    let length = match once() {
        // It ended with unread packets of ours; what it said before is still there and comes next.
        Err(Errno::CONNRESET) => once(),
        other => other,
    }?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    if length == 0 {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&text[..length])?, descriptors)))
}
