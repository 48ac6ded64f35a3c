//! The brokers: one Unix socket for each plugin that may leave the house, each connection one decision in its name.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use contracts::hauski::plugin::{Network, Plugin};
use hauski_egress::{Broker, BrokerOptions, Egress};
use tokio::net::UnixListener;

/// Opens the sockets and serves them until the daemon ends. Gives their folder.
pub(crate) fn open(folder: &Path, plugins: &[Plugin], egress: &Egress) -> anyhow::Result<PathBuf> {
    let folder = folder.join("brokers");
    // What an earlier daemon left behind is nobody's socket any more.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    add(folder.parent().unwrap_or(&folder), plugins, egress)?;
    Ok(folder)
}

/// Opens the sockets of those plugins that have none yet.
pub(crate) fn add(folder: &Path, plugins: &[Plugin], egress: &Egress) -> anyhow::Result<()> {
    for plugin in plugins.iter().filter(|plugin| plugin.sandbox.network == Network::Broker) {
        let socket = folder.join("brokers").join(format!("{}.sock", plugin.name));
        if socket.exists() {
            continue;
        }
        let listener = UnixListener::bind(&socket)
            .with_context(|| format!("cannot listen on {}", socket.display()))?;
        fs::set_permissions(&socket, fs::Permissions::from_mode(0o600))?;
        let actor = format!("plugin:{}", plugin.name);
        let broker = Broker::new(egress.clone(), actor, BrokerOptions::default());
        let name = plugin.name.clone();
        tokio::spawn(async move {
            if let Err(error) = broker.serve(listener).await {
                tracing::error!(plugin = name, %error, "its broker ended");
            }
        });
    }
    Ok(())
}
