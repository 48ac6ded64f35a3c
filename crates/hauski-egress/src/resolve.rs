//! From a name to its addresses, once for each connection.

use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Most addresses of one name that are looked at; a name with more is refused.
pub(crate) const MAX_ADDRESSES: usize = 64;
/// Names that are resolved at once. The system's resolver blocks a thread for each and cannot be interrupted.
const MAX_RESOLVING: usize = 8;

/// What [`Resolve::resolve`] gives back.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Turns names into addresses.
pub trait Resolve: Send + Sync {
    /// The addresses of a name, in the order in which they are to be tried. The name ends with a dot where search
    /// domains must not be added to it.
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a>;
}

/// The resolver of the system: `/etc/hosts`, DNS and whatever else it is configured for.
#[derive(Clone, Debug)]
pub struct SystemResolver {
    slots: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(MAX_RESOLVING)) }
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(io::Error::other)?;
            let name = name.to_owned();
            let lookup = move || {
                let found = lookup(&name);
                // Held until the thread is done, also when nobody waits for it any more.
                drop(slot);
                found
            };
            tokio::task::spawn_blocking(lookup).await.map_err(io::Error::other)?
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that resolves")]
fn lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    let mut found: Vec<IpAddr> = Vec::new();
    for address in (name, 0).to_socket_addrs()? {
        if !found.contains(&address.ip()) {
            found.push(address.ip());
        }
    }
    Ok(found)
}
