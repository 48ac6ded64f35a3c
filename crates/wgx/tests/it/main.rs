//! wgx as people and machines call it: real processes, a real git and a real memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so and stops")]

mod bad_input;
mod doctor;
mod environment;
mod escapes;
mod faces;
mod fleet;
mod free_text;
mod init;
mod lens;
mod lists;
mod memories;
mod own_home;
mod processes;
mod running;
mod runs;
mod secrets;
mod shells;
mod terminals;
mod trusting;
mod up;
mod validate;
mod verbs;
mod world;
