//! What each route takes and gives. A new line of the route table needs a line here; the test beside the document
//! says so. Afterwards `cargo xtask schemas` writes `schemas/openapi.json`.

use audit::VerifyReport;
use contracts::hauski::plugin::Plugin;
use contracts::hauski::plugin_status::{PluginReport, PluginStatus};
use contracts::hauski::policy::{Limits, Memory, Models, Routing};
use contracts::hauski::{budget, config, egress, keys, memory, status};
use hauski::openai::schema;
use hauski::openai::wire::{chat, completions, embeddings, models};
use http::Method;

use super::shape::{Content, Shape, accepted, binary, created, gives, json, object, text};
use crate::routes::admin::audit::{Tail, Wanted};
use crate::routes::admin::plugins::{Lines, Query};
use crate::routes::memory::items::{Decide, Filter, Get, Got};
use crate::routes::memory::{change, forget};
use crate::routes::session::{About, Entry, Ticket};
use crate::server::error::Code;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const PLAIN: &str = "text/plain";

/// What goes wrong when a plugin or upstream is asked.
const ASKING: [Code; 8] = [
    Code::InvalidValue,
    Code::ModelNotFound,
    Code::EngineOverloaded,
    Code::SecretInPrompt,
    Code::EgressDenied,
    Code::CapabilityUnavailable,
    Code::UpstreamError,
    Code::UpstreamTimeout,
];

/// What a route takes and gives; nothing for a route that nobody described.
pub(super) fn shape(method: &Method, path: &str) -> Option<Shape> {
    Some(match (method.as_str(), path) {
        ("GET", "/health" | "/healthz") => gives(vec![text(PLAIN)]),
        ("GET", "/ready") => {
            let not_yet = "It starts or ends.";
            gives(vec![text(PLAIN)]).gives(503, not_yet, vec![text(PLAIN)])
        }
        ("GET", "/metrics") => gives(vec![text("application/openmetrics-text")]),
        ("GET", "/api-docs/openapi.json") => {
            gives(vec![object()]).fails(&[Code::InsufficientScope])
        }
        ("GET", "/config/limits") => json::<Limits>("Limits").fails(&[Code::NotFound]),
        ("GET", "/config/models") => json::<Models>("ModelsFile").fails(&[Code::NotFound]),
        ("GET", "/config/routing") => json::<Routing>("Routing").fails(&[Code::NotFound]),
        ("GET", "/config/memory") => json::<Memory>("Memory").fails(&[Code::NotFound]),

        ("POST", "/mcp") => gives(vec![object(), text(EVENTS)]).takes_body(object()).foreign(),
        ("GET" | "DELETE", "/mcp") => Shape::default().foreign(),

        ("GET", "/admin/egress") => json::<egress::Report>("EgressReport"),
        ("GET", "/admin/audit") => {
            json::<Tail>("AuditTail").query::<Wanted>().fails(&[Code::InvalidValue])
        }
        ("GET", "/admin/audit/verify") => json::<VerifyReport>("AuditVerifyReport"),
        ("GET", "/admin/status") => json::<status::Report>("StatusReport"),
        ("GET", "/admin/config") => json::<config::Report>("ConfigReport"),
        ("PUT", "/admin/config/{name}") => json::<config::Report>("ConfigReport")
            .takes::<config::Change>("ConfigChange")
            .fails(&[Code::InvalidValue]),
        ("GET", "/admin/budgets") => json::<budget::Report>("BudgetReport"),

        (_, path) if path.starts_with("/memory/") => return items(method, path),

        ("POST", "/admin/login-tickets") => json::<Ticket>("LoginTicket"),
        ("GET", "/login") => Shape::default().query::<Entry>().gives(
            303,
            "The cookie is set; on to `/session`.",
            vec![],
        ),
        ("GET", "/session") => json::<About>("Session"),
        ("POST", "/logout") => Shape::default().gives(204, "The session is over.", vec![]),

        ("GET", "/admin/keys") => json::<keys::List>("KeyList"),
        ("POST", "/admin/keys") => created::<keys::Created>("KeyCreated")
            .takes::<keys::Create>("KeyCreate")
            .fails(&[Code::InvalidValue]),
        ("DELETE", "/admin/keys/{id}") => {
            json::<keys::Changed>("KeyChanged").fails(&[Code::Conflict])
        }
        ("POST", "/admin/keys/{id}/rotate") => created::<keys::Created>("KeyCreated")
            .takes::<keys::Rotate>("KeyRotate")
            .optional()
            .fails(&[Code::Conflict, Code::InvalidValue]),

        ("GET", "/admin/plugins") => json::<PluginReport>("PluginReport"),
        ("GET", "/admin/plugins/{name}" | "/admin/plugins/{name}/telemetry") => {
            json::<PluginStatus>("PluginStatus")
        }
        ("GET", "/admin/plugins/{name}/config") => json::<Plugin>("Plugin"),
        (
            "POST",
            "/admin/plugins/{name}/start"
            | "/admin/plugins/{name}/stop"
            | "/admin/plugins/{name}/restart"
            | "/admin/plugins/{name}/reload",
        ) => json::<PluginStatus>("PluginStatus").fails(&[Code::Conflict]),
        ("GET", "/admin/plugins/{name}/logs") => {
            let mut shape = json::<Lines>("LogLines").query::<Query>().fails(&[Code::InvalidValue]);
            if let Some(answer) = shape.answers.first_mut() {
                answer.contents.push(text(EVENTS));
            }
            shape
        }
        ("GET", "/admin/logs") => {
            json::<Lines>("LogLines").query::<Query>().fails(&[Code::InvalidValue])
        }
        ("GET", "/ws/plugins") => {
            let upgraded =
                Shape::default().gives(101, "The connection is a WebSocket from here on.", vec![]);
            upgraded.fails(&[Code::UpgradeRequired])
        }
        (_, "/plugins/{name}/{*rest}") => Shape::default().fails(&ASKING).foreign(),

        (_, path) if path == "/ask" || path.starts_with("/index/") => return index(method, path),
        _ => return openai(method, path),
    })
}

/// The memory's items.
fn items(method: &Method, path: &str) -> Option<Shape> {
    let item = || json::<memory::ItemReport>("MemoryItem");
    let shape = match (method.as_str(), path) {
        ("POST", "/memory/get") => json::<Got>("MemoryGot").takes::<Get>("MemoryGet"),
        ("POST", "/memory/set") => {
            json::<change::WasSet>("MemoryWasSet").takes::<change::Set>("MemorySet")
        }
        ("POST", "/memory/evict") => {
            json::<forget::Evicted>("MemoryEvicted").takes::<forget::Evict>("MemoryEvict")
        }
        ("GET", "/memory/items") => json::<memory::ItemsReport>("MemoryItems").query::<Filter>(),
        ("GET", "/memory/recall") => gives(vec![object()]).query::<Filter>(),
        ("GET", "/memory/stats" | "/memory/proposals") => gives(vec![object()]),
        ("POST", "/memory/proposals") => item().takes::<Decide>("MemoryDecide"),
        ("POST", "/memory/pin") => {
            item().takes::<change::Pin>("MemoryPin").fails(&[Code::NotFound])
        }
        ("POST", "/memory/promote") => {
            item().takes::<change::Promote>("MemoryPromote").fails(&[Code::NotFound])
        }
        ("POST", "/memory/release") => {
            item().takes::<change::Release>("MemoryRelease").fails(&[Code::NotFound])
        }
        ("POST", "/memory/forget") => json::<memory::ForgetReport>("MemoryForgetReport")
            .takes::<forget::Forget>("MemoryForget"),
        _ => return None,
    };
    Some(shape.fails(&[Code::InvalidValue]))
}

/// The index and questions to it.
fn index(method: &Method, path: &str) -> Option<Shape> {
    use contracts::hauski::index::{
        AddSource, Answer, Ask, Decay, DecayRequest, Decision, Decisions, Feedback, ForgetRequest,
        Forgot, NameSource, Outcomes, RelatedRequest, Retentions, SearchReport, SearchRequest,
        SetRetention, Source, Sources, Stats, Status, Upsert, Upserted, Verified,
    };
    let fails = [Code::InvalidValue, Code::NotFound, Code::CapabilityUnavailable, Code::Overloaded];
    let shape = match (method.as_str(), path) {
        ("GET", "/ask") => json::<Answer>("Answer").query::<crate::routes::ask::Query>(),
        ("POST", "/ask") => {
            let mut shape = json::<Answer>("Answer").takes::<Ask>("Ask").fails(&ASKING);
            if let Some(answer) = shape.answers.first_mut() {
                answer.contents.push(text(EVENTS));
            }
            shape
        }
        ("POST", "/index/search") => {
            json::<SearchReport>("SearchReport").takes::<SearchRequest>("SearchRequest")
        }
        ("POST", "/index/related") => {
            json::<SearchReport>("SearchReport").takes::<RelatedRequest>("RelatedRequest")
        }
        ("POST", "/index/upsert") => json::<Upserted>("Upserted")
            .takes::<Upsert>("Upsert")
            .fails(&[Code::MissingSourceRef, Code::Conflict]),
        ("POST", "/index/forget") => {
            json::<Forgot>("Forgot").takes::<ForgetRequest>("ForgetRequest")
        }
        ("GET", "/index/stats") => json::<Stats>("IndexStats"),
        ("GET", "/index/status") => json::<Status>("IndexStatus"),
        ("GET", "/index/sources") => json::<Sources>("IndexSources"),
        ("POST", "/index/sources") => {
            accepted::<Source>("IndexSource").takes::<AddSource>("AddSource")
        }
        ("POST", "/index/sources/sync") => {
            accepted::<Sources>("IndexSources").takes::<NameSource>("NameSource").optional()
        }
        ("POST", "/index/sources/remove") => {
            json::<Source>("IndexSource").takes::<NameSource>("NameSource")
        }
        ("GET", "/index/retention") => json::<Retentions>("Retentions"),
        ("POST", "/index/retention") => {
            json::<Retentions>("Retentions").takes::<SetRetention>("SetRetention")
        }
        ("POST", "/index/decay/preview") => {
            json::<Decay>("Decay").takes::<DecayRequest>("DecayRequest").optional()
        }
        ("POST", "/index/verify") => json::<Verified>("IndexVerified"),
        ("POST", "/index/rebuild") => Shape::default().gives(202, "It has begun.", vec![object()]),
        ("GET", "/index/decisions/snapshot") => json::<Decisions>("Decisions"),
        ("POST", "/index/decisions/snapshot") => {
            created::<Decision>("Decision").takes::<Decision>("DecisionToKeep")
        }
        ("GET", "/index/decisions/snapshot/{id}") => json::<Decision>("Decision"),
        ("POST", "/index/decisions/outcome") => created::<Feedback>("Feedback")
            .takes::<Feedback>("FeedbackToKeep")
            .fails(&[Code::UnknownDecision]),
        ("GET", "/index/decisions/outcome/{id}" | "/index/decisions/outcomes") => {
            json::<Outcomes>("Outcomes")
        }
        _ => return None,
    };
    Some(shape.fails(&fails))
}

/// The surface of the OpenAI API, and the routes of capabilities beside it.
fn openai(method: &Method, path: &str) -> Option<Shape> {
    Some(match (method.as_str(), path) {
        ("GET", "/v1/models") => json::<models::Models>("Models"),
        ("GET", "/v1/models/{id}") => json::<models::Model>("Model").fails(&[Code::ModelNotFound]),
        ("POST", "/v1/chat/completions") => {
            asked("ChatRequest", schema::chat(), json::<chat::Completion>("ChatCompletion"))
        }
        ("POST", "/v1/completions") => asked(
            "CompletionRequest",
            schema::completion(),
            json::<completions::Completion>("Completion"),
        ),
        ("POST", "/v1/responses") => {
            let answer = gives(vec![Content::new(JSON, "Response", schema::response())]);
            asked("ResponseRequest", schema::response_request(), answer)
        }
        ("POST", "/v1/embeddings") => json::<embeddings::Embeddings>("Embeddings")
            .takes_body(Content::new(JSON, "EmbeddingsRequest", schema::embeddings()))
            .fails(&ASKING),
        ("POST", "/v1/audio/transcriptions" | "/asr/transcribe") => {
            let form = Content::new(
                "multipart/form-data",
                "TranscriptionForm",
                schema::transcription_form(),
            );
            let answer = Content::new(JSON, "Transcription", schema::transcription());
            gives(vec![answer, text(PLAIN), text("text/vtt"), text(EVENTS)])
                .takes_body(form)
                .fails(&ASKING)
        }
        ("POST", "/v1/audio/speech") => {
            let media =
                ["audio/mpeg", "audio/opus", "audio/aac", "audio/flac", "audio/wav", "audio/pcm"];
            gives(media.into_iter().map(binary).collect())
                .takes_body(Content::new(JSON, "SpeechRequest", schema::speech()))
                .fails(&ASKING)
        }
        ("POST", "/audio/profile" | "/obsidian/canvas/suggest" | "/code/pr/draft") => {
            gives(vec![object()]).takes_body(object()).optional().fails(&ASKING)
        }
        _ => return None,
    })
}

/// A route that answers at once or in events, as the request wants.
fn asked(name: &str, request: serde_json::Value, mut shape: Shape) -> Shape {
    if let Some(answer) = shape.answers.first_mut() {
        answer.contents.push(text(EVENTS));
    }
    shape.takes_body(Content::new(JSON, name, request)).fails(&ASKING)
}
