//! The index as its callers and other processes see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so and stops")]

mod chunk;
mod durability;
mod fuse;
mod index;
mod ingest;
mod text;
mod truth;
mod vectors;
