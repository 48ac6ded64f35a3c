//! What the daemon itself demands of `plugins.json`, besides what the host of plugins checks: at its start and whenever
//! an entry is read again.

use contracts::hauski::plugin::Plugin;
use hauski_plugins::Manifest;

use crate::keys::scopes::{Right, Scope, Scopes};

/// Marks the scripted engine in the environment of an entry.
const SCRIPTED: &str = "HAUSKI_TEST_PLUGINS";

/// Why the daemon takes no such entry.
#[derive(Debug, thiserror::Error)]
#[error("plugin {plugin} of plugins.json {what}")]
pub(crate) struct EntryFault {
    /// Its name.
    plugin: String,
    /// What is wrong.
    what: String,
    /// What to do.
    pub(crate) hint: &'static str,
}

/// Checks all entries.
pub(crate) fn check(manifest: &Manifest, test_plugins: bool) -> Result<(), EntryFault> {
    manifest.plugins.iter().try_for_each(|entry| check_one(entry, test_plugins))
}

/// Checks one entry; the scripted engine is for tests: a daemon that serves people refuses it.
pub(crate) fn check_one(entry: &Plugin, test_plugins: bool) -> Result<(), EntryFault> {
    let fault = |what: String, hint| Err(EntryFault { plugin: entry.name.clone(), what, hint });
    let is_scripted = entry.env.contains_key(SCRIPTED)
        || entry.command.iter().any(|word| word.contains("fake-plugin"));
    if is_scripted && !test_plugins {
        let hint = "take it out; tests start the daemon with --test-plugins";
        return fault("is the scripted engine for tests".to_owned(), hint);
    }
    if let Err(what) = grants(&entry.grants) {
        return fault(
            format!("has grants that cannot be given: {what}"),
            "`hauski keys create --help` lists the scopes",
        );
    }
    for route in &entry.routes {
        if let Some(scope) = route.scope.as_deref().filter(|scope| scope.parse::<Scope>().is_err())
        {
            let what =
                format!("has a route {} with the scope {scope:?}, which there is not", route.path);
            return fault(what, "`hauski keys create --help` lists the scopes");
        }
    }
    Ok(())
}

/// Reads the scopes that a plugin may hand on: never the owner's own, and none that starts tasks.
pub(crate) fn grants(scopes: &[String]) -> Result<Scopes, String> {
    if scopes.is_empty() {
        return Ok(Scopes::default());
    }
    let read = Scopes::read(scopes)?;
    for right in [Right::Admin, Right::Tasks] {
        if read.names().iter().any(|name| name == right.name()) {
            return Err(format!("no plugin makes keys with the scope {}", right.name()));
        }
    }
    Ok(read)
}
