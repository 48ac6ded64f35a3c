//! The server that rmcp drives: which tools there are, and one call of one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Extensions,
    Implementation, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
    ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde_json::{Map, Value, json};

use super::tools::{self, ToolError};
use super::world::{Door, House, Surroundings, World};

/// How often a client that wants to know hears that a call is still at work.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);
/// What agents are told when they connect.
const INSTRUCTIONS: &str = "Tools of this person's own machine: the tasks of a repository, their history and logs, \
context packs, and the state of the local AI daemon. `task_run` starts what the repository itself defines; it needs \
the person's trust in the repository. Answers are bounded; a `next` in an answer is the cursor of the rest.";

/// Through which door the calls come, from what the transport says of each.
type Doorkeeper = dyn Fn(&Extensions) -> Door + Send + Sync;

/// One server; cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Server {
    surroundings: Arc<Surroundings>,
    house: Arc<dyn House>,
    door: Arc<Doorkeeper>,
}

impl Server {
    /// A server whose calls all come through the door that `door` tells.
    pub(crate) fn new(
        surroundings: Surroundings,
        house: Arc<dyn House>,
        door: impl Fn(&Extensions) -> Door + Send + Sync + 'static,
    ) -> Self {
        Self { surroundings: Arc::new(surroundings), house, door: Arc::new(door) }
    }

    fn world(&self, context: &RequestContext<RoleServer>) -> World {
        let door = (self.door)(&context.extensions);
        World::new(Arc::clone(&self.surroundings), door, Arc::clone(&self.house))
    }

    /// Does the work on a thread of its own: verbs are synchronous and may wait for a task.
    async fn work(
        &self,
        tool: &'static tools::Tool,
        arguments: Map<String, Value>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Value, ToolError> {
        let world = self.world(context);
        let cancel = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancel);
        let mut work = tokio::task::spawn_blocking(move || {
            (tool.call)(&world, Value::Object(arguments), &seen)
        });
        let started = Instant::now();
        let mut beat = tokio::time::interval(PROGRESS_EVERY);
        beat.tick().await;
        loop {
            tokio::select! {
                done = &mut work => {
                    return done.unwrap_or_else(|_| {
                        Err(ToolError::failed("the tool broke off", "the log of hauski says why"))
                    });
                }
                () = context.ct.cancelled(), if !cancel.load(Ordering::Relaxed) => {
                    cancel.store(true, Ordering::Relaxed);
                }
                _ = beat.tick() => progress(context, started).await,
            }
        }
    }
}

/// Tells a client that asked for it that the call is still at work.
async fn progress(context: &RequestContext<RoleServer>, started: Instant) {
    let Some(token) = context.meta.get_progress_token() else { return };
    let seconds = started.elapsed().as_secs();
    // The number only has to grow.
    #[expect(clippy::cast_precision_loss, reason = "seconds of one call")]
    let note = ProgressNotificationParam::new(token, seconds as f64)
        .with_message(format!("at work for {seconds} s"));
    // A client that has gone needs no progress.
    let _ = context.peer.notify_progress(note).await;
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build(),
        )
        .with_server_info(
            Implementation::new("hauski", env!("CARGO_PKG_VERSION")).with_title("HausKI"),
        )
        .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let world = self.world(&context);
        let offered = tools::ALL.iter().filter(|tool| (tool.is_there)(&world));
        Ok(ListToolsResult::with_all_items(offered.map(described).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::ALL.iter().find(|tool| tool.name == request.name) else {
            let names: Vec<&str> = tools::ALL.iter().map(|tool| tool.name).collect();
            return Err(ErrorData::invalid_params(
                format!("there is no tool of that name; there are {}", names.join(", ")),
                None,
            ));
        };
        let arguments = request.arguments.unwrap_or_default();
        let result = match self.work(tool, arguments, &context).await {
            Ok(value) => {
                let mut result =
                    CallToolResult::success(vec![ContentBlock::text(value.to_string())]);
                result.structured_content = Some(value);
                result
            }
            Err(error) => {
                let about =
                    json!({"error": error.message, "param": error.param, "hint": error.hint});
                let mut result = CallToolResult::error(vec![ContentBlock::text(error.to_string())]);
                result.structured_content = Some(about);
                result
            }
        };
        Ok(result.into())
    }
}

fn described(tool: &tools::Tool) -> Tool {
    let schema = (tool.schema)().ensure_object().clone();
    let annotations = ToolAnnotations::with_title(tool.title)
        .read_only(!tool.acts)
        .destructive(tool.acts)
        .open_world(tool.acts);
    Tool::new(tool.name, tool.about, Arc::new(schema)).with_annotations(annotations)
}
