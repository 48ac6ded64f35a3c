//! The sandbox of plugin processes: what a plugin cannot reach, and how that is arranged.
//!
//! A [`Plan`] is made from a plugin's entry in `plugins.json` and says what the process will see. [`Plan::launch`] starts a
//! re-executed role of this program ([`init::main`]) which takes its own rights away, layer by layer, and then starts the
//! plugin. A layer that this machine does not give is a [`Refusal`] with the layer and the reason, never a weaker sandbox.

mod filter;
mod folders;
pub mod init;
mod launch;
mod layer;
mod plan;
mod test;
mod view;
mod wire;

pub use init::Fact;
pub use init::probe::Operation;
pub use launch::{Channels, Ended, Guard, Launch};
pub use layer::{Layer, Waivers};
pub use plan::{Access, Bind, Init, Paths, Plan, Refusal};
pub(crate) use plan::{BROKER_INSIDE, HTTP_INSIDE, HTTP_SOCKET};
pub(crate) use test::tested;
pub use test::{Finding, SelfTest, matrix, self_test};
