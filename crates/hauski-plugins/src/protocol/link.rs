//! Lines over a socket or a pair of pipes, with the file descriptors that travel beside them.
//!
//! Writing never waits for the other side: what does not fit into the socket stays in a bounded queue that
//! a task empties. Reading keeps at most one line of the largest allowed size.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::Notify;

/// File descriptors that one message may carry.
pub(crate) const MAX_FDS: usize = 16;
/// Bytes that may wait for the other side to read, beyond one message.
const MAX_QUEUED_BYTES: usize = 16 << 20;
/// Read at once.
const READ_BYTES: usize = 64 << 10;

/// Both directions of a connection.
pub(crate) enum Stream {
    /// One end of a socket pair; carries file descriptors too.
    Socket(UnixStream),
    /// Two pipes.
    Pipes(pipe::Receiver, pipe::Sender),
}

impl Stream {
    /// One end of a socket pair.
    pub(crate) fn socket(fd: OwnedFd) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&fd, true)?;
        Ok(Self::Socket(UnixStream::from_std(fd.into())?))
    }

    /// Two pipes.
    pub(crate) fn pipes(read: OwnedFd, write: OwnedFd) -> io::Result<Self> {
        let read = pipe::Receiver::from_owned_fd(read)?;
        Ok(Self::Pipes(read, pipe::Sender::from_owned_fd(write)?))
    }

    async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Socket(socket) => socket.readable().await,
            Self::Pipes(read, _) => read.readable().await,
        }
    }

    async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Socket(socket) => socket.writable().await,
            Self::Pipes(_, write) => write.writable().await,
        }
    }

    /// Writes without waiting.
    fn send(&self, bytes: &[u8], fds: &[OwnedFd]) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => Ok(uninterrupted(|| send_with_fds(socket, bytes, fds))?),
            Self::Pipes(..) if !fds.is_empty() => Err(io::ErrorKind::InvalidInput.into()),
            Self::Pipes(_, write) => write.try_write(bytes),
        }
    }

    /// Like [`Stream::send`] for a whole queue, after [`Stream::writable`].
    fn flush(&self, queue: &mut Queue) -> io::Result<()> {
        match self {
            Self::Socket(socket) => socket.try_io(Interest::WRITABLE, || flush(self, queue)),
            Self::Pipes(..) => flush(self, queue),
        }
    }

    fn receive(&self, into: &mut [u8], fds: &mut Received) -> io::Result<usize> {
        match self {
            Self::Socket(socket) => socket.try_io(Interest::READABLE, || {
                Ok(uninterrupted(|| receive_with_fds(socket, into, fds))?)
            }),
            Self::Pipes(read, _) => read.try_read(into),
        }
    }
}

fn uninterrupted(mut call: impl FnMut() -> Result<usize, Errno>) -> Result<usize, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

fn send_with_fds(socket: &UnixStream, bytes: &[u8], fds: &[OwnedFd]) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
        return Err(Errno::TOOBIG);
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)
}

/// File descriptors that have come and that no message has claimed yet.
#[derive(Default)]
struct Received {
    fds: VecDeque<OwnedFd>,
    lost: bool,
}

fn receive_with_fds(
    socket: &UnixStream,
    into: &mut [u8],
    to: &mut Received,
) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let got = recvmsg(socket, &mut [IoSliceMut::new(into)], &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(fds) = message {
            to.fds.extend(fds);
        }
    }
    to.lost |= got.flags.contains(rustix::net::ReturnFlags::CTRUNC);
    Ok(got.bytes)
}

/// One line on its way, without its line feed in what callers give.
pub(crate) struct Frame {
    bytes: Vec<u8>,
    fds: Vec<OwnedFd>,
    sent: usize,
}

impl Frame {
    /// A line from JSON; `fds` go with its first byte.
    pub(crate) fn new(mut json: Vec<u8>, fds: Vec<OwnedFd>) -> Self {
        json.push(b'\n');
        Self { bytes: json, fds, sent: 0 }
    }

    /// Bytes of the line, its line feed included.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// Why a line was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    /// The other side does not read, and too much waits for it already.
    Full,
    /// The connection has ended.
    Closed,
}

/// The writing side. Lines leave in the order in which they were given.
pub(crate) struct Outbox {
    stream: Arc<Stream>,
    queue: Mutex<Queue>,
    more: Notify,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    /// The writing side of a connection; [`Outbox::run`] has to run beside it.
    pub(crate) fn new(stream: Arc<Stream>) -> Self {
        Self { stream, queue: Mutex::default(), more: Notify::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a line at once where the socket has room, and queues it otherwise.
    pub(crate) fn push(&self, frame: Frame) -> Result<(), PushError> {
        let mut queue = self.queue();
        if queue.closed {
            return Err(PushError::Closed);
        }
        if !queue.frames.is_empty() && queue.bytes + frame.len() > MAX_QUEUED_BYTES {
            return Err(PushError::Full);
        }
        let idle = queue.frames.is_empty();
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        if idle {
            match flush(&self.stream, &mut queue) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    queue.close();
                    return Err(PushError::Closed);
                }
            }
        }
        drop(queue);
        self.more.notify_one();
        Ok(())
    }

    /// Empties the queue until the connection ends.
    pub(crate) async fn run(&self) {
        loop {
            self.more.notified().await;
            while !self.queue().frames.is_empty() {
                if self.stream.writable().await.is_err() {
                    return self.close();
                }
                let mut queue = self.queue();
                match self.stream.flush(&mut queue) {
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => queue.close(),
                    _ => {}
                }
            }
            if self.queue().closed {
                return;
            }
        }
    }

    /// Tells the other side that nothing more will come.
    pub(crate) fn finish(&self) {
        if let Stream::Socket(socket) = &*self.stream {
            // A connection that has ended already needs no end.
            let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Write);
        }
    }

    /// Waits until the other side has been sent everything, or a second has passed.
    pub(crate) async fn drain(&self) {
        for _ in 0..100 {
            if self.queue().frames.is_empty() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// Takes nothing more and forgets what waits.
    pub(crate) fn close(&self) {
        self.queue().close();
        self.more.notify_one();
    }

    /// Bytes that wait for the other side.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queue().bytes
    }
}

impl Queue {
    fn close(&mut self) {
        self.closed = true;
        self.frames.clear();
        self.bytes = 0;
    }
}

fn flush(stream: &Stream, queue: &mut Queue) -> io::Result<()> {
    while let Some(frame) = queue.frames.front_mut() {
        let rest = frame.bytes.get(frame.sent..).unwrap_or_default();
        let sent = stream.send(rest, &frame.fds)?;
        // The descriptors have gone with the first byte.
        frame.fds.clear();
        frame.sent += sent;
        if frame.sent == frame.bytes.len() {
            queue.bytes -= frame.bytes.len();
            queue.frames.pop_front();
        }
    }
    Ok(())
}

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The other side has closed the connection.
    #[error("the connection was closed")]
    Closed,
    /// The other side has closed the connection within a line.
    #[error("the connection was closed after {0} bytes of an unfinished line")]
    Unfinished(usize),
    /// A line is longer than allowed.
    #[error("a line is longer than {0} bytes")]
    TooLong(usize),
    /// More descriptors came than a message may carry.
    #[error("more than {MAX_FDS} file descriptors came at once")]
    TooManyFds,
    /// The system.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

/// The reading side.
pub(crate) struct Reader {
    stream: Arc<Stream>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that earlier lines took.
    start: usize,
    /// Bytes of the buffer in which no line feed is.
    scanned: usize,
    filled: usize,
    received: Received,
    max_line: usize,
}

impl Reader {
    /// Reads lines of at most `max_line` bytes, the line feed included.
    pub(crate) fn new(stream: Arc<Stream>, max_line: usize) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            start: 0,
            scanned: 0,
            filled: 0,
            received: Received::default(),
            max_line,
        }
    }

    /// The next line, without its line feed.
    pub(crate) async fn next(&mut self) -> Result<&[u8], ReadError> {
        let end = loop {
            let unseen = self.buffer.get(self.scanned..self.filled).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', unseen) {
                break self.scanned + at;
            }
            self.scanned = self.filled;
            self.fill().await?;
        };
        let line = self.start..end;
        self.start = end + 1;
        self.scanned = self.start;
        if line.len() >= self.max_line {
            return Err(ReadError::TooLong(self.max_line));
        }
        Ok(self.buffer.get(line).unwrap_or_default())
    }

    /// The descriptors that belong to the message just read, or what is wrong with them.
    pub(crate) fn take_fds(&mut self, count: u32) -> Result<Vec<OwnedFd>, ReadError> {
        let count = count as usize;
        if self.received.lost || count > self.received.fds.len() {
            return Err(ReadError::TooManyFds);
        }
        Ok(self.received.fds.drain(..count).collect())
    }

    async fn fill(&mut self) -> Result<(), ReadError> {
        self.make_room()?;
        let Self { stream, buffer, filled, received, .. } = self;
        let read = loop {
            stream.readable().await?;
            let free = buffer.get_mut(*filled..).unwrap_or_default();
            match stream.receive(free, received) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => break read,
            }
        };
        let read = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
            Err(error) => return Err(error.into()),
        };
        if received.lost || received.fds.len() > 4 * MAX_FDS {
            return Err(ReadError::TooManyFds);
        }
        if read == 0 {
            let rest = *filled - self.start;
            return Err(if rest == 0 { ReadError::Closed } else { ReadError::Unfinished(rest) });
        }
        *filled += read;
        Ok(())
    }

    /// Moves what is unread to the front and makes room behind it.
    fn make_room(&mut self) -> Result<(), ReadError> {
        let rest = self.filled - self.start;
        if rest >= self.max_line {
            return Err(ReadError::TooLong(self.max_line));
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.scanned -= self.start;
            self.start = 0;
            self.filled = rest;
        }
        if rest == 0 && self.buffer.len() > 4 * READ_BYTES {
            // One large message must not hold its memory for good.
            self.buffer = Vec::new();
        }
        if self.buffer.len() - rest < READ_BYTES {
            let wanted = (rest + READ_BYTES).max(self.buffer.len().saturating_mul(2));
            self.buffer.resize(wanted.min(self.max_line + READ_BYTES), 0);
        }
        Ok(())
    }
}
