//! Everything between "this task" and its exit code: the launch, the cleaned environment, the
//! terminal or the pipes, the log, the process tree and the time limit.
//!
//! The only place of the product that starts processes: [`run`] and [`run_parallel`] for people's
//! tasks, [`capture()`] for our own questions to programs.

pub mod capture;
pub mod environment;
pub mod exit;
mod keyboard;
pub mod launch;
mod lines;
pub mod log;
mod parallel;
mod relay;
mod run;
mod signals;
mod spawn;
mod start;
mod supervisor;
mod terminal;
mod tree;

pub use capture::{
    Capture, CaptureError, Captured, Limits, capture, capture_until, capture_watched,
};
pub use environment::{CleanEnvironment, Variables, clean_environment};
pub use exit::{OwnExit, SUCCESS, signal_exit_code};
pub use launch::{Launch, LaunchError, LaunchRequest, launch, preview};
pub use log::{LogBounds, LogSink, LogSummary, Stream};
pub use parallel::{ParallelJob, ParallelObserver, ParallelOptions, ParallelResult, run_parallel};
pub use run::{Outcome, RunError, RunOptions, Standard, run};
