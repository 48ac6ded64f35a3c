//! The audit log as the daemon uses it, and what happens to it when somebody changes its files.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its log has failed")]

mod crash;
mod files;
mod log;
mod properties;
mod tamper;
