//! Finds secrets and masks or reports them; used by every log, pack, merge and prompt.
//!
//! [`Redactor`] is cheap to make and to clone: rules and their keyword prefilter are built once per
//! process, on the first text that is long enough to hold a secret, and each expression when its
//! keyword is first seen. [`Redactor::mask`] is meant for what is stored (when in doubt it masks),
//! [`Redactor::scan`] for what a person is asked to look at (when in doubt it is silent).
//!
//! [`Redactor::redact`] does the same for complete texts that are handed on (merges, packs): spans and
//! counts instead of findings, the text borrowed where it is clean, a fast way through a prefilter.
//!
//! [`injection`] looks for signs that a text speaks to a model instead of to its reader.
//!
//! Foreign text that goes to a terminal passes through [`escape::escape_ctl`].

mod args;
mod assignment;
mod checksum;
mod commands;
mod doubt;
mod engine;
pub mod escape;
mod fast;
mod headers;
pub mod injection;
mod judge;
mod known;
mod layers;
mod manifests;
mod mask;
mod redacted;
mod rules;
mod shapes;
mod stream;

pub use args::is_secret_name;
pub use doubt::may_hold_secret;
pub use mask::{AllowListError, Finding, Masked, MaskedBytes, Redactor};
pub use redacted::{Depth, Redacted, Span};
pub use rules::{RuleInfo, rules};
pub use stream::LogMasker;
