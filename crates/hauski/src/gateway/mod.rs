//! Who answers: plugins first, an upstream of `routing.yaml` only where the policy and the key allow it.

pub(crate) mod brokers;
pub(crate) mod failure;
pub(crate) mod meter;
pub(crate) mod outside;
pub(crate) mod plugin;
pub(crate) mod route;
pub(crate) mod secret;
pub(crate) mod stream;
pub(crate) mod text;
pub(crate) mod upstream;
