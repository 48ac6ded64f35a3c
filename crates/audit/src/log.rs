//! [`Log`]: the handle that callers share. Its last clone closes the log.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use redact::Redactor;
use thiserror::Error;

use crate::event::{Durability, Event, EventError};
use crate::line::Stamp;
use crate::queue::{Bounds, Item, Queue, Slot};
use crate::recover;
use crate::writer::Writer;
use contracts::hauski::audit::Finding;

/// How a log is written. The defaults are those of the daemon.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long an event that nobody waits for may wait for others; default 2 ms.
    pub window: Duration,
    /// After what time lines are signed at the latest; default 1 s.
    pub checkpoint_after: Duration,
    /// After how many lines they are signed at the latest; default 1,000.
    pub checkpoint_lines: u64,
    /// Size from which a segment is followed by the next; default 8 MiB.
    pub segment_bytes: u64,
    /// Events that may wait to be written; default 8,192. More make their callers wait.
    pub queue_events: usize,
    /// Bytes that may wait to be written; default 8 MiB.
    pub queue_bytes: usize,
    /// How long a caller waits for room in the queue before it is refused; default 5 s.
    pub patience: Duration,
    /// Folders, best on another disk or of another user, that get copies of checkpoints; default none.
    pub anchors: Vec<PathBuf>,
    /// How often they get one at most; default 60 s. The last checkpoint always goes there.
    pub anchor_after: Duration,
    /// Masks secrets in what callers hand in.
    pub redactor: Redactor,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(2),
            checkpoint_after: Duration::from_secs(1),
            checkpoint_lines: 1000,
            segment_bytes: 8 << 20,
            queue_events: 8192,
            queue_bytes: 8 << 20,
            patience: Duration::from_secs(5),
            anchors: Vec::new(),
            anchor_after: Duration::from_secs(60),
            redactor: Redactor::for_merges(),
        }
    }
}

/// Why a log could not be opened for writing.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error("another process writes the audit log in {0}")]
    Busy(PathBuf),
    /// Its last segment is not as it was written.
    #[error("the audit log was tampered with: {} at line {} of {}: {}", .0.kind, .0.seq, .0.file, .0.detail)]
    Tampered(Box<Finding>),
    /// A file could not be read or written.
    #[error("{what} {}", .path.display())]
    Io {
        /// What was tried, as a fragment such as `cannot write`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl OpenError {
    /// What a person can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Busy(_) => "stop the other daemon, or use another HAUSKI_HOME",
            Self::Tampered(_) => {
                "look at it with `hauski audit verify`, keep the folder as evidence, and move it away; a new log then begins"
            }
            Self::Io { .. } => "check that the folder exists, is yours and has room",
        }
    }
}

/// Why an event is not in the log.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AppendError {
    /// No line can hold it.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The log is closed.
    #[error("the audit log is closed")]
    Closed,
    /// The queue stayed full.
    #[error("the audit log takes no more events: its disk does not keep up")]
    Stalled,
    /// The disk is full.
    #[error("the audit log cannot be written: no space left on its disk")]
    NoSpace,
    /// Writing or syncing failed.
    #[error("the audit log cannot be written: {0}")]
    Write(String),
}

impl From<&io::Error> for AppendError {
    fn from(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::NoSpace,
            _ => Self::Write(error.to_string()),
        }
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its position; for a checkpoint, how many lines it covers.
    pub seq: u64,
}

/// Tells whether an event is on the disk: a future for async callers, [`Receipt::wait`] for threads.
#[derive(Debug)]
#[must_use = "an event counts as written only when its receipt says so; `Log::note` is for those that nobody waits for"]
pub struct Receipt(Arc<Slot>);

impl Receipt {
    /// Blocks until the event is on the disk, or cannot get there.
    pub fn wait(self) -> Result<Written, AppendError> {
        self.0.wait()
    }
}

impl Future for Receipt {
    type Output = Result<Written, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll(context.waker())
    }
}

/// How a log fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Identity of the log.
    pub log: String,
    /// Lines on the disk.
    pub lines: u64,
    /// Lines that a checkpoint on the disk covers.
    pub signed: u64,
    /// Number of the segment that is written.
    pub segment: u64,
    /// The key that signs, `NAME+ID+BASE64`.
    pub key: String,
    /// Events that wait to be written.
    pub queued: usize,
    /// Callers that had to wait for room in the queue.
    pub waited: u64,
    /// Events that could not be written; a line of the log counts them as soon as it can be written again.
    pub failed: u64,
    /// Copies of checkpoints that could not be put into an anchor.
    pub anchor_failures: u64,
    /// The last failure of writing, while it lasts.
    pub failure: Option<String>,
}

pub(crate) type SharedStatus = Arc<Mutex<Status>>;

/// An audit log that is open for writing. Clones share it; the last one to go closes it.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    folder: PathBuf,
    queue: Arc<Queue>,
    status: SharedStatus,
    redactor: Redactor,
    opened: Instant,
    patience: Duration,
    thread: Mutex<Option<JoinHandle<Result<(), AppendError>>>>,
}

impl Log {
    /// Opens the log in `folder`, which is made if it is missing, and starts its writer's thread. What a crash
    /// left is repaired, and a line says so.
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let folder = folder.as_ref().to_path_buf();
        let queue = Arc::new(Queue::new(Bounds {
            events: options.queue_events.max(1),
            bytes: options.queue_bytes.max(1),
            patience: options.patience,
        }));
        let (redactor, patience) = (options.redactor.clone(), options.patience);
        let opened = Instant::now();
        let writer = recover::open(&folder, options, opened)?;
        let status = writer.status();
        let thread = spawn(writer, Arc::clone(&queue)).map_err(|source| OpenError::Io {
            what: "cannot start the writer of",
            path: folder.clone(),
            source,
        })?;
        let thread = Mutex::new(Some(thread));
        Ok(Self(Arc::new(Shared { folder, queue, status, redactor, opened, patience, thread })))
    }

    /// The folder of the log.
    pub fn folder(&self) -> &Path {
        &self.0.folder
    }

    /// Hands an event in. Blocks only while the queue is full, and then for [`Options::patience`] at most.
    pub fn append(&self, event: Event, durability: Durability) -> Receipt {
        let patience = self.0.patience;
        self.append_within(patience, event, durability).unwrap_or_else(refused)
    }

    /// Like [`Log::append`], but never blocks: nothing when there is no room now. For those who must not wait, such as
    /// the threads of a runtime; they may hand it in again where waiting is allowed.
    pub fn try_append(&self, event: Event, durability: Durability) -> Option<Receipt> {
        match self.append_within(Duration::ZERO, event, durability) {
            Err(AppendError::Stalled) => None,
            receipt => Some(receipt.unwrap_or_else(refused)),
        }
    }

    fn append_within(
        &self,
        patience: Duration,
        event: Event,
        durability: Durability,
    ) -> Result<Receipt, AppendError> {
        let rendered = event.render(&self.0.redactor).inspect_err(|_| self.0.queue.refuse())?;
        let (opened, (ticket, slot)) = (self.0.opened, Slot::new());
        let is_durable = durability == Durability::Durable;
        let bytes = rendered.len();
        let item = || Item::Event { event: rendered, stamp: Stamp::now(opened), ticket };
        self.0.queue.push_within(patience, bytes, is_durable, item)?;
        Ok(Receipt(slot))
    }

    /// Hands in an event that nobody waits for. If it cannot be written, it is counted in
    /// [`Status::failed`] and by a later line of the log.
    pub fn note(&self, event: Event) {
        drop(self.append(event, Durability::Grouped));
    }

    /// Signs what is not signed yet. The receipt tells how many lines the checkpoint covers.
    pub fn checkpoint(&self) -> Receipt {
        self.0.send(0, true, |ticket| Item::Checkpoint { ticket })
    }

    /// Signs with a new key from now on; the line that says so is signed by the old and the new one, and the
    /// old one is deleted.
    pub fn rotate_key(&self) -> Receipt {
        self.0.send(0, true, |ticket| Item::RotateKey { ticket })
    }

    /// How the log fares.
    pub fn status(&self) -> Status {
        let mut status = self.0.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (queued, waited, refused) = self.0.queue.counts();
        status.queued = queued;
        status.waited = waited;
        status.failed += refused;
        status
    }

    /// Writes what is queued, says in a line that the log was closed, and signs it. Later appends fail.
    pub fn close(&self) -> Result<(), AppendError> {
        self.0.close()
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.0.folder).finish()
    }
}

impl Shared {
    fn send(
        &self,
        bytes: usize,
        urgent: bool,
        item: impl FnOnce(crate::queue::Ticket) -> Item,
    ) -> Receipt {
        let (ticket, slot) = Slot::new();
        match self.queue.push(bytes, urgent, || item(ticket)) {
            Ok(()) => Receipt(slot),
            Err(error) => refused(error),
        }
    }

    fn close(&self) -> Result<(), AppendError> {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match thread.map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(closed)) => closed,
            Some(Err(_)) => Err(AppendError::Write("its writer's thread broke".to_owned())),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Whoever wants to know whether it went well calls `close`.
        let _ = self.close();
    }
}

fn refused(error: AppendError) -> Receipt {
    let (ticket, slot) = Slot::new();
    ticket.answer(Err(error));
    Receipt(slot)
}

fn spawn(mut writer: Writer, queue: Arc<Queue>) -> io::Result<JoinHandle<Result<(), AppendError>>> {
    /// Nobody waits for a thread that is gone.
    struct Abandon(Arc<Queue>);
    impl Drop for Abandon {
        fn drop(&mut self) {
            self.0.abandon();
        }
    }
    thread::Builder::new().name("audit".to_owned()).spawn(move || {
        let abandon = Abandon(queue);
        writer.run(&abandon.0)
    })
}

impl Stamp {
    pub(crate) fn now(opened: Instant) -> Self {
        Self {
            wall_us: jiff::Timestamp::now().as_microsecond(),
            mono_us: opened.elapsed().as_micros().try_into().unwrap_or(u64::MAX),
        }
    }
}
