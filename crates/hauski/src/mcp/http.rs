//! `/mcp`: the same tools over streamable HTTP, behind the guard of all routes. A session belongs to the caller
//! who began it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use audit::{Durability, Event};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, Method, request};
use policy::Policies;
use rmcp::model::Extensions;
use rmcp::transport::streamable_http_server::session::SessionManager;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::Value;

use super::server::Server;
use super::tools::ToolError;
use super::world::{Door, House, Surroundings};
use crate::keys::scopes::Right;
use crate::routes::admin::plugins;
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::state::{AppState, Inner};

/// Names the session of a request.
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Sessions at once; whoever wants more is asked to wait.
const MAX_SESSIONS: usize = 512;
/// Sessions of one caller; its oldest ends for a new one.
const MAX_OF_ONE: usize = 16;

/// The server behind the route.
pub(crate) struct Endpoint {
    service: StreamableHttpService<Server, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    /// Which session belongs to whom, oldest first. A session that is not here is nobody's.
    owners: Mutex<VecDeque<(String, String)>>,
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
        let sessions = Arc::new(LocalSessionManager::default());
        let service =
            StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&sessions), config);
        Self { service, sessions, owners: Mutex::default() }
    }

    fn owners(&self) -> MutexGuard<'_, VecDeque<(String, String)>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets only the one in to whom a session belongs.
    fn require_owner(&self, session: &str, caller: &Caller) -> Result<(), ApiError> {
        let owners = self.owners();
        let owner = owners.iter().find(|(known, _)| known == session).map(|(_, owner)| owner);
        caller.require_owner(owner.ok_or_else(ApiError::not_found)?)
    }

    /// Refuses a further session where there are too many, whoever has them.
    async fn require_room(&self) -> Result<(), ApiError> {
        let open = self.sessions.sessions.read().await;
        if open.len() < MAX_SESSIONS {
            let known: HashSet<&str> = open.keys().map(AsRef::as_ref).collect();
            // What has ended by itself has no owner any more.
            self.owners().retain(|(session, _)| known.contains(session.as_str()));
            return Ok(());
        }
        let error = ApiError::new(Code::Overloaded, "Too many sessions of tools are open.");
        Err(error.retry_after(60))
    }

    /// Remembers whose a session is, and ends the oldest where that makes too many.
    async fn remember(&self, session: &str, owner: String) {
        let ended = {
            let mut owners = self.owners();
            let is_own = |entry: &(String, String)| entry.1 == owner;
            let own = owners.iter().filter(|entry| is_own(entry)).count();
            let oldest = owners.iter().position(is_own).filter(|_| own >= MAX_OF_ONE);
            let ended = oldest.and_then(|at| owners.remove(at));
            owners.push_back((session.to_owned(), owner));
            ended
        };
        if let Some((session, _)) = ended {
            // One that has ended by itself needs no end.
            let _ = self.sessions.close_session(&session.into()).await;
        }
    }

    fn forget(&self, session: &str) {
        self.owners().retain(|(known, _)| known != session);
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

    fn passages(&self, _: &str, _: u32) -> Result<Value, ToolError> {
        // A key for tools says nothing about the index; its scope `memory` opens `/index/search`.
        Err(ToolError::failed(
            "the index is asked at /index/search",
            "use a key with the scope memory",
        ))
    }

    fn policies(&self) -> Result<Arc<Policies>, ToolError> {
        Ok(self.daemon()?.policies.load_full())
    }

    /// Tools work on threads of their own, which may wait.
    fn record(&self, event: Event) -> Result<(), ToolError> {
        let written = self.daemon()?.audit.append(event, Durability::Durable).wait();
        written.map(drop).map_err(|_| {
            ToolError::failed(
                "it cannot be recorded, so it was not done",
                "`hauski audit verify` says more",
            )
        })
    }
}

/// What the caller's key opens.
fn door(extensions: &Extensions) -> Door {
    let caller = extensions.get::<request::Parts>().and_then(|it| it.extensions.get::<Caller>());
    Door::Http {
        may_run: caller.is_some_and(|caller| caller.has(Right::Tasks)),
        caller: caller.map_or_else(|| "nobody".to_owned(), Caller::owner_name),
    }
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
    match &named {
        Some(session) => endpoint.require_owner(session, &caller)?,
        None => endpoint.require_room().await?,
    }
    let ends = request.method() == Method::DELETE;
    let answer = endpoint.service.handle(request).await;
    match (answer.headers().get(SESSION).and_then(|name| name.to_str().ok()), named) {
        (Some(begun), None) => endpoint.remember(begun, caller.owner_name()).await,
        (_, Some(session)) if ends && answer.status().is_success() => endpoint.forget(&session),
        _ => {}
    }
    Ok(answer.map(Body::new).into_response())
}
