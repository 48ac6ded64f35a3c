//! Policy files in, a decision with its reason out.
//!
//! [`load`] reads the four files, [`EgressPolicy::decide`] says of an address whether it may be dialled,
//! [`explain()`] says why. Nothing here opens a connection, starts a process or reads the environment.

mod diff;
pub mod egress;
mod explain;
mod load;

pub use diff::{Change, diff};
pub use egress::{Allowed, Decision, Denied, EgressPolicy, Origin, Reason, Scheme};
pub use explain::{FORMS, UnknownQuestion, explain};
pub use load::{FileName, Loaded, Paths, Policies, PolicyError, check_file, load, load_all};
