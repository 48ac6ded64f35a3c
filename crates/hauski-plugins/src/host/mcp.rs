//! Servers of the Model Context Protocol, run unchanged: their tools become capabilities `plugin.tool`.

use std::sync::Arc;
use std::time::Duration;

use contracts::hauski::plugin::Plugin;
use contracts::hauski::protocol::Level;
use serde_json::{Map, Value, json};

use crate::protocol::{CallError, CallErrorKind, Endpoint, Incoming};
use crate::supervisor::{Instance, Offered, Unit, ask, offer};

/// The version that is asked for; servers answer with one they speak.
const VERSION: &str = "2025-06-18";
/// Pages of a list of tools that are read.
const MAX_PAGES: usize = 100;
/// Tools that are taken.
const MAX_TOOLS: usize = 2_000;

/// `initialize` and the first list of tools.
pub(crate) async fn introduce(
    endpoint: &Arc<Endpoint>,
    spec: &Plugin,
    limit: Duration,
) -> Result<Offered, CallError> {
    let about = json!({
        "protocolVersion": VERSION,
        "capabilities": {},
        "clientInfo": { "name": "hauski", "version": env!("CARGO_PKG_VERSION") },
    });
    let answer = ask(endpoint, "initialize", about, limit).await?;
    endpoint.notify("notifications/initialized", json!({}))?;
    let has_tools = answer.pointer("/capabilities/tools").is_some();
    if !has_tools {
        return Ok(Offered::default());
    }
    list(endpoint, spec, limit).await
}

/// All tools of a server that its entry allows: those it names as capabilities, or all where it names none.
async fn list(
    endpoint: &Arc<Endpoint>,
    spec: &Plugin,
    limit: Duration,
) -> Result<Offered, CallError> {
    let mut offered = Offered::default();
    let mut params = json!({});
    for _ in 0..MAX_PAGES {
        let page = ask(endpoint, "tools/list", params, limit).await?;
        let tools = page.get("tools").and_then(Value::as_array);
        let tools = tools.ok_or_else(|| broken("its list of tools is none"))?;
        for tool in tools {
            let name = tool.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| broken("one of its tools has no name"))?;
            let capability = format!("{}.{name}", spec.name);
            if spec.capabilities.is_empty() || spec.capabilities.contains(&capability) {
                offered.capabilities.push(capability);
                offered.tools.push(tool.clone());
            }
        }
        if offered.tools.len() > MAX_TOOLS {
            return Err(broken("it has more than 2,000 tools"));
        }
        match page.get("nextCursor").and_then(Value::as_str) {
            Some(cursor) => params = json!({ "cursor": cursor }),
            None => return Ok(offered),
        }
    }
    Err(broken("its list of tools does not end"))
}

fn broken(what: &str) -> CallError {
    CallError::new(CallErrorKind::Protocol, what)
}

/// Questions of a server: it may ping; the host offers it nothing else.
pub(super) fn answer(incoming: Incoming) {
    if incoming.method == "ping" {
        return incoming.respond(Ok(json!({})));
    }
    super::side::refuse(incoming);
}

/// Notifications of a server.
pub(super) fn notification(
    unit: &Arc<Unit>,
    instance: Option<Arc<Instance>>,
    method: &str,
    params: &Value,
) {
    match method {
        "notifications/tools/list_changed" => {
            let Some(instance) = instance else { return };
            let unit = Arc::clone(unit);
            tokio::spawn(async move {
                let spec = unit.spec();
                let limit = Duration::from_millis(spec.health.start_ms);
                match list(&instance.endpoint, &spec, limit).await {
                    Ok(offered) => offer(&unit, &instance, offered),
                    Err(error) => {
                        let text = format!("its changed tools could not be listed: {error}");
                        unit.options.book.host(Level::Warn, &text);
                    }
                }
            });
        }
        "notifications/message" => {
            let level = match params.get("level").and_then(Value::as_str) {
                Some("debug") => Level::Debug,
                Some("warning") => Level::Warn,
                Some("error" | "critical" | "alert" | "emergency") => Level::Error,
                _ => Level::Info,
            };
            let data = params.get("data").unwrap_or(&Value::Null);
            let text = data.as_str().map_or_else(|| data.to_string(), str::to_owned);
            unit.options.book.message(level, &text, Map::new());
        }
        _ => {}
    }
}
