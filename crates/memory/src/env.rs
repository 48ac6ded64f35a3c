//! The environment of a run: what a later run needs to be the same again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cas::Digest;
use crate::store::{Store, StoreError};

/// An environment. Equal environments of one device are stored once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Operating system with its version, for example `debian 12`.
    pub os: String,
    /// Processor architecture, for example `x86_64`.
    pub arch: String,
    /// Other facts of the machine, for example `cpu`, `gpu`, `container`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub machine: BTreeMap<String, String>,
    /// Version by tool.
    pub tools: BTreeMap<String, String>,
    /// SHA-256 by path of the lockfile (relative, with `/`).
    pub lockfiles: BTreeMap<String, String>,
    /// The commit that was checked out.
    pub commit: Option<String>,
    /// Digest of all uncommitted changes; none when the work tree was clean.
    pub dirty: Option<String>,
    /// Flags and environment variables that change results. Masked when stored.
    pub flags: BTreeMap<String, String>,
}

/// One field in which two environments differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentChange {
    /// For example `tools.node`, `lockfiles.Cargo.lock`, `commit`.
    pub field: String,
    /// Its value before.
    pub before: Option<String>,
    /// Its value after.
    pub after: Option<String>,
}

impl Environment {
    /// What changed from `self` to `after`, by field.
    pub fn changes_to(&self, after: &Self) -> Vec<EnvironmentChange> {
        let (before, after) = (self.fields(), after.fields());
        let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
        names
            .into_iter()
            .filter(|name| before.get(*name) != after.get(*name))
            .map(|name| EnvironmentChange {
                field: name.clone(),
                before: before.get(name).cloned(),
                after: after.get(name).cloned(),
            })
            .collect()
    }

    fn fields(&self) -> BTreeMap<String, String> {
        let single = [
            ("os", Some(&self.os)),
            ("arch", Some(&self.arch)),
            ("commit", self.commit.as_ref()),
            ("dirty", self.dirty.as_ref()),
        ];
        let maps = [
            ("machine", &self.machine),
            ("tools", &self.tools),
            ("lockfiles", &self.lockfiles),
            ("flags", &self.flags),
        ];
        let single =
            single.into_iter().filter_map(|(name, value)| Some((name.into(), value?.clone())));
        let nested = maps.into_iter().flat_map(|(map, entries)| {
            entries.iter().map(move |(name, value)| (format!("{map}.{name}"), value.clone()))
        });
        single.chain(nested).collect()
    }
}

impl Store {
    /// An environment by its id (`env_id` of a run).
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn environment(&mut self, env_id: &str) -> Result<Option<Environment>, StoreError> {
        let body = sqlx::query_scalar!("SELECT body FROM env WHERE id = ?1", env_id)
            .fetch_optional(&mut self.conn)
            .await?;
        body.map(|body| read_environment(&body)).transpose()
    }
}

pub(crate) fn read_environment(body: &str) -> Result<Environment, StoreError> {
    serde_json::from_str(body)
        .map_err(|source| StoreError::Unreadable { what: "environment", source })
}

/// A row of `env`, ready to be written.
pub(crate) struct EnvRow {
    pub(crate) id: String,
    pub(crate) body: String,
}

impl EnvRow {
    pub(crate) fn of(environment: &Environment, store: &Store) -> Result<Self, StoreError> {
        let mut environment = environment.clone();
        for value in environment.flags.values_mut().chain(environment.machine.values_mut()) {
            *value = store.masked(value);
        }
        let body = serde_json::to_string(&environment)
            .map_err(|source| StoreError::Unreadable { what: "environment", source })?;
        let id = environment_id(&store.device_id, &body);
        Ok(Self { id, body })
    }
}

/// The id of an environment: SHA-256 of device and body.
pub(crate) fn environment_id(device_id: &str, body: &str) -> String {
    Digest::of(format!("{device_id}\n{body}").as_bytes()).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_name_the_field_and_both_values() {
        let mut before = Environment { os: "debian 12".into(), ..Environment::default() };
        before.tools.insert("node".into(), "20".into());
        let mut after = before.clone();
        after.tools.insert("node".into(), "22".into());
        after.dirty = Some("ab".into());
        let changes = before.changes_to(&after);
        let seen: Vec<_> = changes
            .iter()
            .map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref()))
            .collect();
        assert_eq!(seen, [("dirty", None, Some("ab")), ("tools.node", Some("20"), Some("22"))]);
        assert!(before.changes_to(&before).is_empty());
    }
}
