//! The worker as the daemon sees it: `embed` and `embed.describe` over the plugin protocol.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::hauski::engine::{
    DescribeEmbed, Embed, EmbedDone, EmbedModel, Input, Purpose, Usage, Vector, capability,
};
use contracts::hauski::protocol::{
    Initialize, Initialized, Level, PluginModel, RpcError, VERSION, code,
};
use hauski_plugins::client::Handler;
use hauski_plugins::{CallError, Incoming, Peer};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use crate::engine::Arithmetic;
use crate::folder::Folder;
use crate::kernels;
use crate::model::Model;
use crate::queue::{Full, Job, Queue};
use crate::settings::Settings;
use crate::tokens::Encoded;

/// Inputs and tokens up to which a request goes before others.
const SHORT: (usize, usize) = (4, 512);
/// Tokens a second that a thread computes at the very least; only to say when to come again.
const SLOWEST: usize = 1_000;

/// The worker. Models are known from the start and loaded when they are first asked for.
#[derive(Default)]
pub struct Worker {
    desk: OnceLock<Desk>,
}

/// What there is after `initialize`.
struct Desk {
    models: BTreeMap<String, Arc<Known>>,
    queue: Arc<Queue>,
    threads: usize,
    arithmetic: Arithmetic,
}

/// A model that can be asked for.
struct Known {
    folder: Folder,
    loaded: Mutex<Option<Arc<Model>>>,
    revision: Mutex<Option<String>>,
    used: Mutex<Instant>,
}

impl Known {
    /// The model, loaded now where it is not yet. Blocks for as long as its weights are read.
    fn model(&self, arithmetic: Arithmetic) -> Result<Arc<Model>, RpcError> {
        *lock(&self.used) = Instant::now();
        let mut loaded = lock(&self.loaded);
        if let Some(model) = &*loaded {
            return Ok(Arc::clone(model));
        }
        let model = Model::of(self.folder.clone(), arithmetic, kernels::Level::best())
            .map_err(|error| internal(error.to_string()))?;
        let model = Arc::new(model);
        *loaded = Some(Arc::clone(&model));
        Ok(model)
    }

    fn describe(&self, id: &str, arithmetic: Arithmetic) -> Result<EmbedModel, RpcError> {
        let mut revision = lock(&self.revision);
        let revision = match &*revision {
            Some(revision) => revision.clone(),
            None => {
                let made = self.folder.revision(arithmetic.name());
                let made = made.map_err(|error| internal(error.to_string()))?;
                revision.insert(made).clone()
            }
        };
        Ok(EmbedModel {
            model: id.to_owned(),
            revision,
            dimensions: short(self.folder.config.hidden_size),
            context: short(self.folder.max_tokens),
            memory_bytes: self.folder.memory_bytes(arithmetic.number()),
        })
    }
}

/// The texts of one request, ready for the encoder.
struct Ready {
    texts: Vec<Encoded>,
    truncated: Vec<u32>,
}

impl Handler for Worker {
    async fn initialize(&self, about: Initialize, peer: Peer) -> Result<Initialized, RpcError> {
        let settings: Settings =
            serde_json::from_value(Value::Object(about.config)).map_err(|error| {
                failed(code::INVALID_PARAMS, format!("its settings: {error}"), None)
            })?;
        let mut models = BTreeMap::new();
        let mut offered = Vec::new();
        for entry in settings.models {
            match Folder::read(&entry.path) {
                Ok(folder) => {
                    offered.push(PluginModel {
                        id: entry.id.clone(),
                        capabilities: [capability::EMBED, capability::EMBED_DESCRIBE]
                            .map(str::to_owned)
                            .to_vec(),
                        context: Some(short(folder.max_tokens)),
                    });
                    let known = Known {
                        folder,
                        loaded: Mutex::default(),
                        revision: Mutex::default(),
                        used: Mutex::new(Instant::now()),
                    };
                    models.insert(entry.id, Arc::new(known));
                }
                // The others work all the same.
                Err(error) => {
                    let message = format!("the model {} is not offered: {error}", entry.id);
                    peer.log(Level::Error, &message, &Map::new());
                }
            }
        }
        let threads = match settings.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        let queue = Queue::start(threads, settings.queue_tokens)
            .map_err(|error| internal(format!("cannot start a thread: {error}")))?;
        if settings.idle_s > 0 {
            tokio::spawn(forget(models.values().cloned().collect(), settings.idle_s));
        }
        let desk = Desk { models, queue, threads, arithmetic: settings.arithmetic };
        let fresh = self.desk.set(desk).is_ok();
        let twice = || failed(code::INVALID_PARAMS, "initialize came twice".to_owned(), None);
        fresh.then_some(()).ok_or_else(twice)?;
        let own = [capability::EMBED, capability::EMBED_DESCRIBE];
        let asked = own.into_iter().filter(|own| about.capabilities.iter().any(|name| name == own));
        Ok(Initialized {
            version: VERSION.to_owned(),
            capabilities: asked.map(str::to_owned).collect(),
            models: offered,
        })
    }

    async fn call(&self, request: &mut Incoming) -> Result<Value, RpcError> {
        let desk = self.desk.get().ok_or_else(|| internal("initialize did not come"))?;
        match request.method.as_str() {
            capability::EMBED => desk.embed(params(request)?, request).await,
            capability::EMBED_DESCRIBE => {
                let DescribeEmbed { model: id } = params(request)?;
                let (known, arithmetic) = (desk.known(&id)?, desk.arithmetic);
                let described = blocking(move || known.describe(&id, arithmetic)).await??;
                Ok(json!(described))
            }
            _ => Err(failed(code::METHOD_NOT_FOUND, "hauski-embed has no such method", None)),
        }
    }

    async fn shutdown(&self) {
        if let Some(desk) = self.desk.get() {
            desk.queue.end();
        }
    }
}

impl Desk {
    fn known(&self, id: &str) -> Result<Arc<Known>, RpcError> {
        let unknown = || failed(code::UNKNOWN_MODEL, format!("there is no model {id:?}"), None);
        self.models.get(id).cloned().ok_or_else(unknown)
    }

    async fn embed(&self, embed: Embed, request: &mut Incoming) -> Result<Value, RpcError> {
        let known = self.known(&embed.model)?;
        let dimensions = known.folder.config.hidden_size;
        if embed.dimensions.is_some_and(|asked| asked as usize != dimensions) {
            let message = format!(
                "the model {} gives vectors of {dimensions} numbers, and they cannot be shortened",
                embed.model
            );
            return Err(refused("dimensions", message));
        }
        let arithmetic = self.arithmetic;
        let (model, ready) = blocking(move || {
            let model = known.model(arithmetic)?;
            let ready = ready(&model, &embed)?;
            Ok::<_, RpcError>((model, ready))
        })
        .await??;
        let tokens: usize = ready.texts.iter().map(|text| text.ids.len()).sum();
        let count = ready.texts.len();
        let given_up = GivenUp::default();
        let (answer, mut answers) = mpsc::unbounded_channel();
        let job = |(index, text): (u32, Encoded)| Job {
            model: Arc::clone(&model),
            ids: text.ids,
            index,
            answer: answer.clone(),
            cancelled: Arc::clone(&given_up.0),
        };
        let jobs = (0..).zip(ready.texts).map(job).collect();
        let is_short = count <= SHORT.0 && tokens <= SHORT.1;
        self.queue.push(jobs, is_short).map_err(|full| self.overloaded(full))?;
        drop(answer);
        for _ in 0..count {
            let done = answers.recv().await;
            let (index, vector) = done.ok_or_else(|| internal("the encoder has ended"))?;
            let vector = vector.map_err(internal)?;
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            let chunk = Vector { index, vector: STANDARD.encode(bytes) };
            request.chunk(json!(chunk)).await.map_err(|error| gone(&error))?;
        }
        let usage = Usage { prompt_tokens: tokens as u64, ..Usage::default() };
        Ok(json!(EmbedDone { usage, truncated: ready.truncated }))
    }

    fn overloaded(&self, full: Full) -> RpcError {
        let seconds = full.tokens / (SLOWEST * self.threads.max(1));
        let retry_after_ms = (seconds as u64 * 1_000).clamp(100, 60_000);
        let message = format!("{} tokens wait already", full.tokens);
        failed(code::OVERLOADED, message, Some(json!({ "retry_after_ms": retry_after_ms })))
    }
}

/// Says to the queue that nobody waits any more, when it is dropped before its time.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The tokens of all inputs.
fn ready(model: &Model, embed: &Embed) -> Result<Ready, RpcError> {
    let prompts = &model.folder.prompts;
    let prompt = match embed.purpose {
        Some(Purpose::Passage) => &prompts.passage,
        Some(Purpose::Query) => &prompts.query,
        None => "",
    };
    let mut ready = Ready { texts: Vec::new(), truncated: Vec::new() };
    for (index, input) in (0..).zip(&embed.inputs) {
        let encoded = match input {
            Input::Text(text) if prompt.is_empty() => model.tokens(text),
            Input::Text(text) => model.tokens(&format!("{prompt}{text}")),
            Input::Tokens(ids) => model.framed(ids),
        };
        let encoded = encoded.map_err(|what| refused("input", format!("input {index}: {what}")))?;
        if encoded.is_cut() {
            if !embed.truncate {
                let message = format!(
                    "input {index} has {} tokens, the model {} takes {}",
                    encoded.whole, embed.model, model.folder.max_tokens
                );
                let data = json!({ "limit": model.folder.max_tokens, "asked": encoded.whole });
                return Err(failed(code::CONTEXT_LENGTH, message, Some(data)));
            }
            ready.truncated.push(index);
        }
        ready.texts.push(encoded);
    }
    Ok(ready)
}

/// Lets go of weights that nobody has asked for in a while.
async fn forget(models: Vec<Arc<Known>>, idle_s: u64) {
    let idle = Duration::from_secs(idle_s);
    loop {
        tokio::time::sleep(idle.min(Duration::from_secs(30))).await;
        for known in &models {
            if lock(&known.used).elapsed() >= idle {
                lock(&known.loaded).take();
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what would hold up other requests.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RpcError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| internal("the worker failed"))
}

fn params<T: DeserializeOwned>(request: &mut Incoming) -> Result<T, RpcError> {
    serde_json::from_value(std::mem::take(&mut request.params))
        .map_err(|error| failed(code::INVALID_PARAMS, error.to_string(), None))
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn refused(param: &str, message: String) -> RpcError {
    failed(code::INVALID_VALUE, message, Some(json!({ "param": param })))
}

fn gone(error: &CallError) -> RpcError {
    failed(code::CANCELLED, error.message.clone(), None)
}

fn internal(message: impl Into<String>) -> RpcError {
    failed(code::INTERNAL, message, None)
}

fn failed(code: i64, message: impl Into<String>, data: Option<Value>) -> RpcError {
    RpcError { code, message: message.into(), data }
}
