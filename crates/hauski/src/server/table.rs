//! The route table: every route of the daemon with its method, path, access and class.
//!
//! To add a route: one file in `routes/`, one line here. The guard, the OpenAPI document and the generated
//! tests of access follow from the line.

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use http::Method;

use super::auth::Access;
use crate::keys::scopes::Right;
use crate::mcp::mcp;
use crate::routes::admin::{audit, budgets, config as settings, egress, keys, plugins};
use crate::routes::index::{decisions, forget as index_forget, search, sources, upkeep, upsert};
use crate::routes::memory::{change, forget, items};
use crate::routes::{
    api_docs, ask, capabilities, config, health, metrics, plugin_proxy, session, studio, v1, ws,
};
use crate::state::AppState;

/// How a route behaves, and which bounds it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Answers at once whatever the load; takes no body.
    Probe,
    /// Reads; takes no body.
    Read,
    /// Takes a JSON body, or none where the route says so.
    Write,
    /// Takes a JSON body, or one JSON object a line.
    Lines,
    /// Takes a form with files.
    Upload,
    /// Takes a JSON body, or none where the route says so, and answers for as long as the work behind it goes on.
    Talk,
    /// A page for people; its errors are pages too.
    Page,
    /// Takes a form of our own pages.
    Form,
    /// Takes any body and answers for as long as the work behind it goes on: what a plugin serves.
    Pass,
    /// Goes on until one side ends it: a log that is followed, a WebSocket.
    Live,
}

impl Class {
    /// As tests and documents name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Read => "read",
            Self::Write => "write",
            Self::Lines => "lines",
            Self::Upload => "upload",
            Self::Talk => "talk",
            Self::Page => "page",
            Self::Form => "form",
            Self::Pass => "pass",
            Self::Live => "live",
        }
    }
}

/// One route.
pub(crate) struct Route {
    /// Its method.
    pub(crate) method: Method,
    /// Its pattern, in the notation of axum and OpenAPI: `/admin/keys/{id}`.
    pub(crate) path: &'static str,
    /// What it demands.
    pub(crate) access: Access,
    /// How it behaves.
    pub(crate) class: Class,
    /// What it is for, in one sentence.
    pub(crate) summary: &'static str,
    pub(super) handler: MethodRouter<AppState>,
}

const OPEN: Access = Access::Open;
const ADMIN: Access = Access::Scope(Right::Admin);
const CHAT: Access = Access::Scope(Right::Chat);
const MEMORY: Access = Access::Scope(Right::Memory);
const AUDIO: Access = Access::Scope(Right::Audio);
const INDEX: Access = Access::Scope(Right::Index);

/// Every route.
#[rustfmt::skip]
pub(crate) fn table() -> Vec<Route> {
    use Class::{Form, Lines, Live, Page, Pass, Probe, Read, Talk, Upload, Write};
    vec![
        // The daemon itself.
        get("/health", OPEN, Probe, "Whether the daemon answers", health::health),
        get("/healthz", OPEN, Probe, "The same under its other name", health::health),
        get("/ready", OPEN, Probe, "Whether requests are taken", health::ready),
        get("/metrics", Access::Scope(Right::Metrics), Read, "Metrics in the text format of OpenMetrics", metrics::metrics),
        get("/config/limits", ADMIN, Read, "The limits in force", config::limits),
        get("/config/models", ADMIN, Read, "The models in force", config::models),
        get("/config/routing", ADMIN, Read, "The routing policy in force", config::routing),
        get("/config/memory", ADMIN, Read, "The memory policy in force", config::memory),
        get("/api-docs/openapi.json", Access::AnyKey, Read, "This surface as an OpenAPI document", api_docs::openapi),
        // Agents.
        post("/mcp", Access::Scope(Right::Mcp), Talk, "Tools for agents: the Model Context Protocol over streamable HTTP", mcp),
        get("/mcp", Access::Scope(Right::Mcp), Live, "What the server of tools says by itself", mcp),
        delete("/mcp", Access::Scope(Right::Mcp), Live, "End a session of tools", mcp),
        get("/admin/egress", ADMIN, Read, "What was decided about destinations, and which may be dialled", egress::egress),
        get("/admin/audit", ADMIN, Read, "The last lines of the audit log", audit::tail),
        get("/admin/audit/verify", ADMIN, Read, "Whether one line of the audit log was changed", audit::verify),
        get("/admin/status", ADMIN, Read, "How the daemon is", settings::status),
        get("/admin/config", ADMIN, Read, "Every setting, and which source of it wins", settings::show),
        put("/admin/config/{name}", ADMIN, Write, "Change a setting while the daemon runs; null forgets it", settings::change),
        // The memory's items.
        post("/memory/get", MEMORY, Write, "The value of a key; null when there is none", items::get),
        post("/memory/set", MEMORY, Write, "Set a key, or remember a text", change::set),
        post("/memory/evict", MEMORY, Write, "Forget a key with its history", forget::evict),
        get("/memory/items", MEMORY, Read, "Items, newest first, in pages", items::items),
        get("/memory/recall", MEMORY, Read, "Items that hold all words, the best first", items::recall),
        get("/memory/stats", MEMORY, Read, "How many items the layers hold", items::stats),
        post("/memory/pin", MEMORY, Write, "Keep an item for good, or no longer", change::pin),
        post("/memory/promote", MEMORY, Write, "Move an item to another layer", change::promote),
        post("/memory/release", ADMIN, Write, "Let an item out of quarantine", change::release),
        post("/memory/forget", MEMORY, Write, "Show what would be forgotten, or forget it for good", forget::forget),
        get("/memory/proposals", MEMORY, Read, "Pairs of items that say almost the same", items::proposals),
        post("/memory/proposals", MEMORY, Write, "Merge a pair, keep it apart, or undo a merge", items::decide),
        // The OpenAI-compatible surface.
        get("/v1/models", Access::AnyKey, Read, "The models that can be asked for", v1::models::list),
        get("/v1/models/{id}", Access::AnyKey, Read, "One model", v1::models::one),
        post("/v1/chat/completions", CHAT, Write, "Continue a conversation", v1::chat_completions::create),
        post("/v1/completions", CHAT, Write, "Continue prompts", v1::completions::create),
        post("/v1/responses", CHAT, Write, "Continue a conversation, answered in typed items", v1::responses::create),
        post("/v1/embeddings", Access::Scope(Right::Embed), Write, "Turn texts into vectors", v1::embeddings::create),
        post("/v1/audio/transcriptions", AUDIO, Upload, "Write a recording down", v1::audio_transcriptions::create),
        post("/v1/audio/speech", AUDIO, Write, "Say a text", v1::audio_speech::create),
        // Capabilities of plugins under names of their own.
        post("/asr/transcribe", AUDIO, Upload, "Write a recording down, under its older name", v1::audio_transcriptions::create),
        post("/audio/profile", AUDIO, Write, "Facts about a recording", capabilities::audio_profile),
        post("/obsidian/canvas/suggest", CHAT, Write, "Suggestions for a canvas", capabilities::canvas_suggest),
        post("/code/pr/draft", Access::Scope(Right::Code), Write, "The draft of a pull request", capabilities::pr_draft),
        // The index.
        get("/ask", MEMORY, Read, "The best passages for a question", ask::get),
        post("/ask", MEMORY, Write, "The best passages for a question, or a model's answer that cites them", ask::post),
        post("/index/search", MEMORY, Write, "Search documents by words and meaning, with citations", search::search),
        post("/index/related", MEMORY, Write, "What else speaks of the same as a document", search::related),
        get("/index/stats", MEMORY, Read, "How much the index holds", upkeep::stats),
        get("/index/status", MEMORY, Read, "The same, and what is ingested", upkeep::status),
        get("/index/sources", MEMORY, Read, "The folders that are taken in, and how far that is", sources::list),
        post("/index/sources", ADMIN, Write, "Take in a folder of this machine, and keep up with it", sources::add),
        post("/index/sources/sync", INDEX, Write, "Look at a source again, or at all", sources::sync),
        post("/index/sources/remove", ADMIN, Write, "Take a source out, with its documents", sources::remove),
        post("/index/upsert", INDEX, Lines, "Put a document, or many: one a line", upsert::upsert),
        post("/index/forget", INDEX, Talk, "Forget documents for good, or count what would go", index_forget::forget),
        get("/index/retention", MEMORY, Read, "How long each namespace keeps what it holds", upkeep::retention),
        post("/index/retention", INDEX, Write, "Set how long a namespace keeps what it holds", upkeep::set_retention),
        post("/index/decay/preview", MEMORY, Write, "What age does to the documents of a namespace", upkeep::decay),
        post("/index/verify", INDEX, Talk, "Compare the stores of the index with each other", upkeep::verify),
        post("/index/rebuild", INDEX, Write, "Derive text index and vectors anew", upkeep::rebuild),
        get("/index/decisions/snapshot", MEMORY, Read, "What searches showed, newest first", decisions::list),
        post("/index/decisions/snapshot", INDEX, Write, "Keep what was shown elsewhere", decisions::put),
        get("/index/decisions/snapshot/{id}", MEMORY, Read, "What one search showed", decisions::one),
        post("/index/decisions/outcome", INDEX, Write, "Say whether what was shown was of use", decisions::feedback),
        get("/index/decisions/outcome/{id}", MEMORY, Read, "What was said of one search", decisions::outcomes_of),
        get("/index/decisions/outcomes", MEMORY, Read, "What was said of searches, newest first", decisions::outcomes),
        // The owner's browser.
        post("/admin/login-tickets", ADMIN, Write, "A ticket that logs a browser in once", session::ticket),
        get("/login", Access::Ticket, Read, "Turn a ticket into a session cookie", session::login),
        get("/session", Access::AnyKey, Read, "Who asks, and the token for changes", session::session),
        post("/logout", Access::AnyKey, Write, "End the session", session::logout),
        get("/admin/budgets", ADMIN, Read, "Budgets against the daemon's own histograms", budgets::budgets),
        // API keys.
        get("/admin/keys", ADMIN, Read, "Every API key, without its secret", keys::list),
        post("/admin/keys", ADMIN, Write, "Make an API key; its secret is shown this once", keys::create),
        delete("/admin/keys/{id}", ADMIN, Write, "Revoke an API key at once", keys::revoke),
        post("/admin/keys/{id}/rotate", ADMIN, Write, "Replace an API key; the old one stays good for a while", keys::rotate),
        // Plugins.
        get("/admin/plugins", ADMIN, Read, "How the plugins are", plugins::list),
        get("/admin/plugins/{name}", ADMIN, Read, "How one plugin is", plugins::one),
        get("/admin/plugins/{name}/telemetry", ADMIN, Read, "The same under its other name", plugins::one),
        get("/admin/plugins/{name}/config", ADMIN, Read, "Its entry in plugins.json as it is in force", plugins::config),
        post("/admin/plugins/{name}/start", ADMIN, Write, "Start a plugin", plugins::start),
        post("/admin/plugins/{name}/stop", ADMIN, Write, "Stop a plugin", plugins::stop),
        post("/admin/plugins/{name}/restart", ADMIN, Write, "Stop and start a plugin", plugins::restart),
        post("/admin/plugins/{name}/reload", ADMIN, Write, "Put a fresh process in a plugin's place without a failed call", plugins::reload),
        get("/admin/plugins/{name}/logs", ADMIN, Live, "The log of a plugin; `follow=true` goes on as server-sent events", plugins::logs),
        get("/admin/logs", ADMIN, Read, "The logs of all plugins", plugins::all_logs),
        get("/ws/plugins", ADMIN, Live, "States, events and logs of plugins over a WebSocket", ws::plugins),
        // The Studio: pages for people.
        get("/", ADMIN, Page, "To the Studio", studio::shell::root),
        get("/studio/assets/{name}", OPEN, Probe, "A file that pages load", studio::shell::asset),
        get("/studio", ADMIN, Page, "What needs the person now", studio::home::page),
        get("/studio/actions", ADMIN, Page, "Everything that can be done", studio::shell::actions),
        get("/studio/actions.json", ADMIN, Read, "The same for the palette", studio::shell::actions_json),
        post("/studio/language", ADMIN, Form, "Remember a language in the browser", studio::shell::language),
        post("/studio/logout", ADMIN, Form, "End the session", studio::shell::logout),
        get("/studio/fleet", ADMIN, Page, "The repositories of this machine", studio::fleet::page),
        post("/studio/fleet/add", ADMIN, Form, "Put the repositories of a folder on the list", studio::fleet::add),
        post("/studio/fleet/remove", ADMIN, Form, "Take a repository off the list", studio::fleet::remove),
        get("/studio/repos/{id}", ADMIN, Page, "One repository: its tasks and runs", studio::repository::page),
        post("/studio/repos/{id}/run", ADMIN, Form, "Start a task", studio::repository::run),
        get("/studio/jobs/{id}", ADMIN, Page, "A task at work", studio::jobs::page),
        get("/studio/jobs/{id}/events", ADMIN, Live, "Its output as server-sent events", studio::jobs::events),
        post("/studio/jobs/{id}/stop", ADMIN, Form, "Stop a task", studio::jobs::stop),
        get("/studio/runs", ADMIN, Page, "The history of all repositories", studio::runs::page),
        get("/studio/runs/{id}", ADMIN, Page, "One run with its log", studio::runs::one),
        get("/studio/runs/{before}/compare/{after}", ADMIN, Page, "Two runs side by side", studio::runs::compare),
        get("/studio/ask", ADMIN, Page, "A question to the index", studio::ask::page),
        get("/studio/memory", ADMIN, Page, "What is remembered", studio::memory::page),
        post("/studio/memory/pin", ADMIN, Form, "Keep an item for good, or no longer", studio::memory::pin),
        post("/studio/memory/forget", ADMIN, Form, "Forget an item for good", studio::memory::forget),
        get("/studio/plugins", ADMIN, Page, "How the plugins are", studio::plugins::list),
        get("/studio/plugins/{name}", ADMIN, Page, "One plugin and its log", studio::plugins::one),
        post("/studio/plugins/{name}/{order}", ADMIN, Form, "Tell a plugin what to do", studio::plugins::order),
        get("/studio/admin", ADMIN, Page, "Keys, budgets, ways out, the audit log", studio::admin::page),
        post("/studio/admin/keys", ADMIN, Form, "Make an API key", studio::admin::create_key),
        post("/studio/admin/keys/revoke", ADMIN, Form, "End an API key", studio::admin::revoke_key),
        // What plugins serve themselves.
        get("/plugins/{name}/{*rest}", Access::Plugin, Pass, "What a plugin serves over HTTP", plugin_proxy::proxy),
        post("/plugins/{name}/{*rest}", Access::Plugin, Pass, "What a plugin serves over HTTP", plugin_proxy::proxy),
        put("/plugins/{name}/{*rest}", Access::Plugin, Pass, "What a plugin serves over HTTP", plugin_proxy::proxy),
        patch("/plugins/{name}/{*rest}", Access::Plugin, Pass, "What a plugin serves over HTTP", plugin_proxy::proxy),
        delete("/plugins/{name}/{*rest}", Access::Plugin, Pass, "What a plugin serves over HTTP", plugin_proxy::proxy),
    ]
}

impl Route {
    /// Whether programs may build on it: pages of the Studio change with every version, and no document describes them.
    pub(crate) fn is_api(&self) -> bool {
        self.path != "/" && self.path != "/studio" && !self.path.starts_with("/studio/")
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => {$(
        /// A route that is asked with this method.
        fn $name<H, T>(
            path: &'static str,
            access: Access,
            class: Class,
            summary: &'static str,
            handler: H,
        ) -> Route
        where
            H: Handler<T, AppState>,
            T: 'static,
        {
            let handler = on(MethodFilter::$method, handler);
            Route { method: Method::$method, path, access, class, summary, handler }
        }
    )*};
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);
