//! `/memory/*`: what is remembered, set, kept, moved, forgotten.

pub(crate) mod change;
pub(crate) mod forget;
pub(crate) mod items;

use contracts::hauski::memory::ItemReport;
use memory::Item;
use serde_json::Value;

use crate::server::error::{ApiError, Code};

/// An item as answers show it.
pub(crate) fn report(item: Item) -> ItemReport {
    let value = match item.is_json {
        true => serde_json::from_str(&item.value).unwrap_or(Value::String(item.value)),
        false => Value::String(item.value),
    };
    ItemReport {
        id: item.id,
        namespace: item.namespace,
        key: item.key,
        value,
        layer: item.layer.as_str().to_owned(),
        recorded_at: time(item.recorded_at_ms),
        expires_at: item.expires_at_ms.map(time),
        pinned: item.pinned,
        importance: f64::from(item.importance) / 1000.0,
        trust: item.trust.as_str().to_owned(),
        origins: item.origins,
        uses: item.uses,
        quarantined: item.quarantined,
        signs: item.signs,
        supersedes: item.supersedes,
        superseded: item.superseded,
        merged_into: item.merged_into,
        sha256: item.content_sha256,
    }
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default()
}

fn invalid(param: &str, message: &str) -> ApiError {
    ApiError::new(Code::InvalidValue, message).param(param)
}

fn layer(name: Option<&str>) -> Result<Option<memory::Layer>, ApiError> {
    let parse = |name| {
        memory::Layer::parse(name)
            .ok_or_else(|| invalid("layer", "There are the layers short, working and long."))
    };
    name.map(parse).transpose()
}
