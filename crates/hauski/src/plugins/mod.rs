//! The plugins that this program brings along, each a role of its own: `hauski plugin NAME`.

pub(crate) mod apikeys;
pub(crate) mod repoagent;
