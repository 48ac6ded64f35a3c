//! Keeps each plugin in the state that is wanted.
//!
//! One task per plugin owns its state; everybody else reads what it shows. A running plugin is an
//! [`Instance`]; a reload makes a second one before the first is let go.

mod backoff;
mod durations;
mod http;
mod instance;
mod run;
mod start;
mod stop;
mod unit;
mod usage;

pub use durations::CallDurations;
pub use http::HttpFolder;
pub(crate) use instance::{HostCall, Instance, Offered, ask, offer, topic_fits};
pub(crate) use run::{Keeper, Order};
pub use start::REFUSED;
pub(crate) use unit::{Unit, UnitOptions};
