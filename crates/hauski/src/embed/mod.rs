//! Models that turn texts into vectors: where they lie, the worker that computes with them, and what the index asks.

mod found;
mod over_host;
mod serving;
mod worker;

pub(crate) use found::{FOLDER, Found, RECORD_FILE, found};
pub(crate) use serving::run;
pub(crate) use worker::{NAME, add_worker};
