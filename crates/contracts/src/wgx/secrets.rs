//! `wgx secrets`: where secrets are kept, never the secrets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Identifier of [`SecretsReport`].
pub const SCHEMA: &str = "wgx.secrets/1";

/// The secrets that a repository needs, after the call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretsReport {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// By name.
    pub secrets: Vec<Secret>,
    /// How many references this call forgot.
    pub forgotten: u64,
}

/// A reference to a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Secret {
    /// The name under which the provider knows it.
    pub name: String,
    /// `env`, `gh`, `1password`, `sops`, `age`, `pass`, `bitwarden`, `vault`, `keyring` or another one.
    pub provider: String,
    /// What it is for.
    pub scope: String,
    /// Whether all repositories need it.
    pub everywhere: bool,
    /// Whether its provider is set up on this device. Nothing is fetched to find out.
    pub state: SecretState,
    /// Why the state is so.
    pub reason: String,
}

/// Whether a secret can be had here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretState {
    /// The variable is set, or the provider's program is there.
    Ready,
    /// It is not.
    Missing,
    /// wgx does not know this provider.
    Unknown,
}
