//! The pages, one file each.

pub mod actions;
pub mod admin;
pub mod ask;
pub mod fleet;
pub mod home;
pub mod job;
pub mod memory;
pub mod plain;
pub mod plugins;
pub mod repository;
pub mod run;
pub mod runs;
