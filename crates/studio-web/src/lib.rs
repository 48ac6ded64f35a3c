//! The Studio's pages: reports in, HTML out.
//!
//! Nothing here reads a file, asks a clock or knows a handler: what a page shows comes in its arguments. Every page works as
//! links and forms; the modules in `assets/` only make it live.

pub mod ansi;
pub mod assets;
pub mod frame;
pub mod lang;
pub mod pages;
mod parts;
pub mod views;

pub use frame::{CONTENT_SECURITY_POLICY, Frame, Notice, Place};
pub use lang::Lang;
pub use maud::Markup;
