//! Every wgx verb as a function from request to report, one module a verb.
//!
//! No verb prints, exits or reads the environment; the faces do. What a verb needs from outside comes
//! in its request or in the [`context::Context`].

pub mod ask;
mod by_meaning;
pub mod context;
mod daemon;
pub mod doctor;
pub mod fleet;
pub mod guard;
pub mod history;
pub mod init;
pub mod list;
mod machine;
pub mod memory;
pub mod notebook;
pub mod observe;
pub mod own_home;
pub mod phrase;
pub mod profile;
pub mod recall;
pub mod remember;
pub mod run;
pub mod runs;
pub mod secrets;
pub mod seeds;
mod shown;
pub mod smoke;
pub mod suggest;
pub mod trust;
pub mod up;
pub mod validate;
