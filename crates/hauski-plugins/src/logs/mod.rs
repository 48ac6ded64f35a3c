//! Logs of plugins: both output streams and `log` messages, bounded at every place.
//!
//! Whoever reads a log never holds up the plugin: lines go into a ring, to the file writer and to
//! subscribers without waiting, and what one of them cannot take is counted for it. No plugin holds up the daemon by what
//! it writes: lines and bytes a second are bounded before anything costly, which is done away from the runtime.

mod book;
mod desk;
mod file;
mod intake;
mod line;
mod query;
mod subscription;

pub use book::LogBook;
pub(crate) use book::Ways;
pub use query::{LogPattern, LogQuery, LogQueryError};
pub use subscription::LogSubscription;

pub(crate) use file::{FileWriter, history};
pub(crate) use intake::read_stream;
