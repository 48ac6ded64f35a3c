//! `apikeys`: the key service as capabilities of the house, for plugins whose manifest names them. It lives in the
//! daemon itself, because no other process may read the keys.

use std::sync::Weak;

use audit::{Durability, Event};
use contracts::hauski::keys::Create;
use contracts::hauski::protocol::{RpcError, code};
use hauski_plugins::{House, HouseAnswer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::keys::KeyError;
use crate::state::Inner;

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
fn validate(daemon: &Inner, asked: &Validate) -> Result<Value, RpcError> {
    let key = daemon.keys.verify(&asked.key);
    let key = key.filter(|key| asked.scope.as_deref().is_none_or(|scope| key.has(scope)));
    Ok(match key {
        Some(key) => {
            let scopes: Vec<&str> = key.row.scopes.split(',').collect();
            json!({ "valid": true, "id": key.row.id, "scopes": scopes })
        }
        None => json!({ "valid": false }),
    })
}

/// A plugin makes no key that is the owner's equal, and none that goes further than plugins themselves.
async fn create(daemon: &Inner, from: &str, wish: &Create) -> Result<Value, RpcError> {
    if wish.scopes.iter().any(|scope| matches!(scope.as_str(), "admin" | "tasks")) {
        return Err(fault(code::FORBIDDEN, "a plugin makes no key for admin or tasks"));
    }
    let (secret, key) = daemon.keys.create(wish).await.map_err(|error| key_fault(&error))?;
    let event = Event::new(format!("plugin:{from}"), "key.create", format!("key:{}", key.id));
    record(daemon, event.with("scopes", key.scopes.clone())).await?;
    Ok(json!({ "secret": secret, "key": key }))
}

async fn revoke(daemon: &Inner, from: &str, asked: &Revoke) -> Result<Value, RpcError> {
    let key = daemon.keys.revoke(&asked.id).await.map_err(|error| key_fault(&error))?;
    let event = Event::new(format!("plugin:{from}"), "key.revoke", format!("key:{}", key.id));
    record(daemon, event).await?;
    Ok(json!({ "key": key }))
}

/// On the disk before the plugin has its answer.
async fn record(daemon: &Inner, event: Event) -> Result<(), RpcError> {
    let written = daemon.audit.append(event, Durability::Durable).await;
    written.map(drop).map_err(|_| fault(code::INTERNAL, "the audit log cannot be written"))
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
