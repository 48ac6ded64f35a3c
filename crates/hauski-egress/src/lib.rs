//! The only code that opens a connection to the outside: it dials what a policy decision names.
//!
//! [`Egress::send`] takes a right to dial ([`policy::Allowed`]), never an address as text; what resolves is checked
//! address by address, and that very address is dialled. No proxy of the environment is used, redirects go back to
//! the policy, and every decision is told to an [`Observe`] before anything is dialled.

mod body;
mod broker;
mod dial;
mod error;
mod ledger;
mod pool;
mod redirect;
mod request;
mod resolve;
mod send;
mod tls;

pub use body::ResponseBody;
pub use broker::{Broker, BrokerOptions};
pub use dial::Stream;
pub use error::EgressError;
pub use ledger::{Counts, Decided, Ledger, Observe, Observed, Outcome, Unobserved};
pub use request::{Outgoing, OutgoingBody};
pub use resolve::{Resolve, Resolving, SystemResolver};
pub use send::{Egress, Incoming, Options};
pub use tls::Roots;
