//! Plugin protocol, supervisor, logs, limits and the sandbox of plugin processes.

pub mod client;
mod host;
pub mod limits;
mod logs;
mod manifest;
mod process;
mod protocol;
pub mod sandbox;
mod supervisor;

pub use host::{
    CallOptions, Host, HostError, HostModel, HostOptions, HostTool, House, HouseAnswer, Target,
};
pub use logs::{LogBook, LogPattern, LogQuery, LogQueryError, LogSubscription};
pub use manifest::{Manifest, ManifestError};
pub use protocol::{Call, CallError, CallErrorKind, CallEvent, Incoming, Peer};
pub use supervisor::{CallDurations, HttpFolder, REFUSED};
