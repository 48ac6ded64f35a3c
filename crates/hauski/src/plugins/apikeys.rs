//! `apikeys`: the key service as capabilities of the house, for plugins whose manifest names them. It lives in the
//! daemon itself, because no other process may read the keys.

use std::sync::{Arc, Weak};

use contracts::hauski::keys::Create;
use contracts::hauski::protocol::{RpcError, code};
use hauski_plugins::{House, HouseAnswer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::entries;
use crate::keys::KeyError;
use crate::keys::ring::LiveKey;
use crate::keys::scopes::{Scope, Scopes};
use crate::routes::admin::keys::event;
use crate::server::change::change;
use crate::state::{AppState, Inner};

/// What a plugin may call.
pub(crate) const CAPABILITIES: [&str; 4] =
    ["auth.validate", "auth.list", "auth.create", "auth.revoke"];

/// The key service of one daemon.
pub(crate) struct ApiKeys(pub(crate) Weak<Inner>);

/// Parameters of `auth.validate`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Validate {
    /// What a client sent.
    key: String,
    /// The scope that it must have.
    scope: Option<String>,
}

/// Parameters of `auth.revoke`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    /// Which key.
    id: String,
}

impl House for ApiKeys {
    fn has(&self, capability: &str) -> bool {
        CAPABILITIES.contains(&capability)
    }

    fn call(&self, from: &str, capability: &str, params: Value) -> HouseAnswer {
        let daemon = self.0.upgrade();
        let (from, capability) = (from.to_owned(), capability.to_owned());
        Box::pin(async move {
            let daemon = daemon.ok_or_else(|| fault(code::UNAVAILABLE, "the daemon ends"))?;
            let daemon = AppState::of(daemon);
            match capability.as_str() {
                "auth.validate" => validate(&daemon, &parameters(params)?),
                "auth.list" => Ok(json!({ "keys": daemon.keys.list() })),
                "auth.create" => create(&daemon, &from, &parameters(params)?).await,
                _ => revoke(&daemon, &from, &parameters(params)?).await,
            }
        })
    }
}

/// Whether a key is good, and for what; nothing tells why one is not.
fn validate(daemon: &AppState, asked: &Validate) -> Result<Value, RpcError> {
    let key = daemon.keys.verify(&asked.key);
    let opens = |key: &Arc<LiveKey>| match asked.scope.as_deref().map(str::parse::<Scope>) {
        None => true,
        Some(scope) => scope.is_ok_and(|scope| key.has(&scope)),
    };
    let key = key.filter(opens);
    Ok(match key {
        Some(key) => {
            json!({ "valid": true, "id": key.row.id, "scopes": key.scopes.names() })
        }
        None => json!({ "valid": false }),
    })
}

/// A plugin hands on what it holds itself and nothing else: its own routes, and what its manifest grants.
async fn create(daemon: &AppState, from: &str, wish: &Create) -> Result<Value, RpcError> {
    let maker = format!("plugin:{from}");
    let new = daemon.keys.plan(wish, &maker).map_err(|error| key_fault(&error))?;
    let key = new.key();
    let held = held(daemon, from);
    if let Some(foreign) = held.lack(&Scopes::stored(&key.scopes.join(","))) {
        let what = format!("the manifest of {from} grants no keys with the scope {foreign}");
        return Err(fault(code::FORBIDDEN, what));
    }
    let own = daemon.clone();
    let made =
        change(
            daemon,
            event(maker, "key.create", &key),
            async move { Ok(own.keys.add(new).await?) },
        );
    let (secret, key) = made.await.map_err(|_| undone())?;
    Ok(json!({ "secret": secret, "key": key }))
}

/// The scopes that keys of a plugin may have.
fn held(daemon: &AppState, from: &str) -> Scopes {
    let grants = daemon.host.entry(from).map_or_else(Vec::new, |entry| entry.grants);
    let mut held = entries::grants(&grants).unwrap_or_default();
    if let Some(own) = Scope::plugin(from) {
        held.add(own);
    }
    held
}

/// A plugin ends what it has made, and no key of anybody else.
async fn revoke(daemon: &AppState, from: &str, asked: &Revoke) -> Result<Value, RpcError> {
    let maker = format!("plugin:{from}");
    if !daemon.keys.is_made_by(&asked.id, &maker) {
        return Err(fault(code::FORBIDDEN, "the plugin has made no such key"));
    }
    let key = daemon.keys.find(&asked.id).await.map_err(|error| key_fault(&error))?;
    let (own, id) = (daemon.clone(), asked.id.clone());
    let ended =
        change(
            daemon,
            event(maker, "key.revoke", &key),
            async move { Ok(own.keys.revoke(&id).await?) },
        );
    Ok(json!({ "key": ended.await.map_err(|_| undone())? }))
}

fn undone() -> RpcError {
    fault(code::INTERNAL, "the keys cannot be changed; the log of the daemon says why")
}

fn parameters<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params)
        .map_err(|_| fault(code::INVALID_PARAMS, "the parameters do not fit"))
}

fn key_fault(error: &KeyError) -> RpcError {
    match error {
        KeyError::Invalid { what, .. } => fault(code::INVALID_VALUE, what),
        KeyError::Unknown { .. } => fault(code::INVALID_VALUE, "there is no such key"),
        _ => fault(code::INTERNAL, "the keys cannot be changed"),
    }
}

fn fault(code: i64, message: impl Into<String>) -> RpcError {
    RpcError { code, message: message.into(), data: None }
}
