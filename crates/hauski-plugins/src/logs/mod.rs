//! Logs of plugins: both output streams and `log` messages, bounded at every place.
//!
//! Whoever reads a log never holds up the plugin: lines go into a ring, to the file writer and to
//! subscribers without waiting, and what one of them cannot take is counted for it.

mod book;
mod file;
mod intake;
mod line;
mod query;
mod subscription;

pub use book::LogBook;
pub use query::{LogPattern, LogQuery, LogQueryError};
pub use subscription::LogSubscription;

pub(crate) use file::{FileWriter, history};
pub(crate) use intake::read_stream;
