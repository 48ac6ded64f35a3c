//! Integration tests of wgx-tasks, one module a domain.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is a failed test")]

mod canary;
mod engine;
mod fingerprints;
mod git;
mod launching;
mod running;
mod sources;
mod still;
mod terminals;
