//! `/mcp`: the same tools over streamable HTTP, behind the guard of all routes. A session belongs to the caller
//! who began it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, Method, request};
use policy::Policies;
use rmcp::model::Extensions;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;

use super::server::Server;
use super::tools::ToolError;
use super::world::{Door, House, Surroundings};
use crate::routes::admin::plugins;
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::state::{AppState, Inner};

/// Names the session of a request.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Sessions whose owners are remembered; the oldest make room.
const MAX_SESSIONS: usize = 1_000;

/// The server behind the route.
pub(crate) struct Endpoint {
    service: StreamableHttpService<Server, LocalSessionManager>,
    owners: Mutex<Owners>,
}

/// Which session belongs to whom.
#[derive(Default)]
struct Owners {
    by_session: HashMap<String, String>,
    oldest_first: std::collections::VecDeque<String>,
}

impl Endpoint {
    fn new(state: &AppState) -> Self {
        // Without its own path no task can be started, and only then is it needed.
        let program = std::env::current_exe().unwrap_or_default();
        let surroundings = Surroundings::of(&state.settings, program);
        let server = Server::new(surroundings, Arc::new(Inside(state.downgrade())), door);
        let mut config = StreamableHttpServerConfig::default().disable_allowed_hosts();
        // Hosts, origins and sizes are the guard's business, with the same answer on every route.
        config.cancellation_token = state.draining.child_token();
        let service = StreamableHttpService::new(
            move || Ok(server.clone()),
            Arc::new(LocalSessionManager::default()),
            config,
        );
        Self { service, owners: Mutex::default() }
    }

    fn owner(&self, session: &str) -> Option<String> {
        let owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.by_session.get(session).cloned()
    }

    fn remember(&self, session: &str, owner: String) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if owners.by_session.insert(session.to_owned(), owner).is_none() {
            owners.oldest_first.push_back(session.to_owned());
        }
        while owners.oldest_first.len() > MAX_SESSIONS {
            let Some(oldest) = owners.oldest_first.pop_front() else { break };
            owners.by_session.remove(&oldest);
        }
    }

    fn forget(&self, session: &str) {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.by_session.remove(session);
        owners.oldest_first.retain(|known| known != session);
    }
}

/// The daemon from within.
struct Inside(Weak<Inner>);

impl Inside {
    fn daemon(&self) -> Result<Arc<Inner>, ToolError> {
        let gone = || ToolError::failed("the daemon ends", "try again in a moment");
        self.0.upgrade().ok_or_else(gone)
    }
}

impl House for Inside {
    fn plugins(&self) -> Result<Value, ToolError> {
        let report = plugins::report(&self.daemon()?.host);
        serde_json::to_value(report).map_err(|error| ToolError::failed(error.to_string(), ""))
    }

    fn policies(&self) -> Result<Arc<Policies>, ToolError> {
        Ok(self.daemon()?.policies.load_full())
    }
}

/// What the caller's key opens.
fn door(extensions: &Extensions) -> Door {
    let caller = extensions.get::<request::Parts>().and_then(|it| it.extensions.get::<Caller>());
    Door::Http { may_run: caller.is_some_and(|caller| caller.has("tasks")) }
}

/// `POST`, `GET` and `DELETE` of `/mcp`.
pub(crate) async fn mcp(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, ApiError> {
    let endpoint = state.mcp.get_or_init(|| Endpoint::new(&state));
    let named = request.headers().get(SESSION).and_then(|name| name.to_str().ok());
    let named = named.map(ToOwned::to_owned);
    if let Some(owner) = named.as_deref().and_then(|session| endpoint.owner(session)) {
        caller.require_owner(&owner)?;
    }
    let ends = request.method() == Method::DELETE;
    let answer = endpoint.service.handle(request).await;
    match (answer.headers().get(SESSION).and_then(|name| name.to_str().ok()), named) {
        (Some(begun), None) => endpoint.remember(begun, caller.owner_name()),
        (_, Some(session)) if ends && answer.status().is_success() => endpoint.forget(&session),
        _ => {}
    }
    Ok(answer.map(Body::new).into_response())
}
