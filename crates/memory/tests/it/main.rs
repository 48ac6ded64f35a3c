//! The store as its callers and other processes see it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so and stops")]

mod bad_places;
mod forgetting;
mod history;
mod items;
mod learning;
mod packs;
mod processes;
mod runs;
mod stores;
mod worker;
