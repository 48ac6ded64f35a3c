//! The plugin itself: answers the host, and does the faults that scripts ask for.

use std::collections::HashSet;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::hauski::engine::{
    Chat, Complete, Embed, EmbedDone, FinishReason, Input, PayloadBytes, Segment, Sound, Speak,
    SpeakDone, TextChunk, TextDone, Transcribe, TranscribeDone, Usage, Vector, Word, capability,
};
use contracts::hauski::protocol::{Initialize, Initialized, Level, RpcError, VERSION, code};
use hauski_plugins::client::{Handler, ServeError, Transport, serve};
use hauski_plugins::{CallError, Incoming, Peer};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::plan::{self, Plan, Step};
use super::script::Fault;
use super::{numbers, sound, tokens};

/// Length of the vectors, and the longest that can be asked for.
const DIMENSIONS: u32 = 256;
/// Bytes that the fault `memory` takes before it gives up waiting for somebody to stop it.
const MEMORY_BYTES: usize = 2 << 30;

/// Serves until the host is gone.
///
/// # Errors
///
/// When there is no connection to a host, or the host breaks the protocol.
pub async fn run(transport: Transport) -> Result<(), ServeError> {
    serve(transport, Fake::default()).await
}

#[derive(Default)]
struct Fake {
    /// Keys of `once` that have been met.
    met: Mutex<HashSet<String>>,
}

impl Handler for Fake {
    async fn initialize(&self, _about: Initialize, _peer: Peer) -> Result<Initialized, RpcError> {
        let all = [
            capability::CHAT,
            capability::COMPLETE,
            capability::EMBED,
            capability::TRANSCRIBE,
            capability::SPEAK,
            capability::CANVAS_SUGGEST,
        ];
        Ok(Initialized {
            version: VERSION.to_owned(),
            capabilities: all.into_iter().map(str::to_owned).collect(),
            models: super::models(),
        })
    }

    async fn call(&self, request: &mut Incoming) -> Result<Value, RpcError> {
        let mut told = Told { peer: request.peer(), chunks: 0, whole: false };
        let result = self.answer(request, &mut told).await;
        told.whole = true;
        result
    }
}

impl Fake {
    async fn answer(&self, request: &mut Incoming, told: &mut Told) -> Result<Value, RpcError> {
        match request.method.as_str() {
            capability::CHAT => {
                let plan = plan::chat(&params::<Chat>(request)?)?;
                self.perform(plan, request, told).await
            }
            capability::COMPLETE => {
                let plan = plan::complete(&params::<Complete>(request)?)?;
                self.perform(plan, request, told).await
            }
            capability::EMBED => embed(params(request)?, request).await,
            capability::TRANSCRIBE => transcribe(params(request)?, request).await,
            capability::SPEAK => speak(params(request)?, request).await,
            capability::CANVAS_SUGGEST => Ok(json!({ "echo": request.params })),
            _ => Err(failed(
                code::METHOD_NOT_FOUND,
                "the fake engine does not know the method",
                None,
            )),
        }
    }

    async fn perform(
        &self,
        plan: Plan,
        request: &mut Incoming,
        told: &mut Told,
    ) -> Result<Value, RpcError> {
        for step in plan.steps {
            match step {
                Step::Chunk(chunk) => {
                    request.chunk(json!(chunk)).await.map_err(gone)?;
                    told.chunks += 1;
                }
                Step::Wait(time) => tokio::time::sleep(time).await,
                Step::Fail(error) => return Err(error),
                Step::Once(key, error) => {
                    if self.met.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
                        return Err(error);
                    }
                }
                Step::Log(lines) => {
                    for line in 0..lines {
                        told.peer.log(Level::Info, &format!("line {line}"), &Map::new());
                    }
                }
                Step::Fault(fault) => {
                    if let Some(result) = commit(fault, request).await? {
                        return Ok(result);
                    }
                }
            }
        }
        Ok(json!(TextDone { usage: plan.usage }))
    }
}

/// Tells the log when a call is given up, which tests look for.
struct Told {
    peer: Peer,
    chunks: u64,
    whole: bool,
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.whole {
            let message = format!("given up after {} chunks", self.chunks);
            self.peer.log(Level::Info, &message, &Map::new());
        }
    }
}

fn params<T: DeserializeOwned>(request: &mut Incoming) -> Result<T, RpcError> {
    let params = std::mem::take(&mut request.params);
    T::deserialize(params).map_err(|error| failed(code::INVALID_PARAMS, &error.to_string(), None))
}

fn failed(code: i64, message: &str, data: Option<Value>) -> RpcError {
    RpcError { code, message: message.to_owned(), data }
}

fn refused(param: &str, message: &str) -> RpcError {
    failed(code::INVALID_VALUE, message, Some(json!({ "param": param })))
}

#[expect(clippy::needless_pass_by_value, reason = "it stands where errors are mapped")]
fn gone(error: CallError) -> RpcError {
    error.to_rpc()
}

/// Does what no engine may; what it returns is the result of the call.
#[expect(clippy::exit, reason = "a script asks for just that end")]
async fn commit(fault: Fault, request: &mut Incoming) -> Result<Option<Value>, RpcError> {
    let finish = |choice| TextChunk::Finish { choice, reason: FinishReason::Stop };
    match fault {
        Fault::Crash => std::process::abort(),
        Fault::Exit => std::process::exit(0),
        Fault::Hang => std::future::pending().await,
        Fault::Memory => return Err(take_memory().await),
        Fault::Malformed => {
            request.chunk(json!({ "kind": "riddle", "n": [1, null] })).await.map_err(gone)?;
        }
        Fault::Stray => request.chunk(json!(finish(99))).await.map_err(gone)?,
        Fault::Twice => {
            request.chunk(json!(finish(0))).await.map_err(gone)?;
            request.chunk(json!(finish(0))).await.map_err(gone)?;
        }
        Fault::Endless => return Ok(Some(json!(TextDone::default()))),
        Fault::Result => return Ok(Some(json!({ "usage": "much" }))),
    }
    Ok(None)
}

async fn take_memory() -> RpcError {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    while taken.len() << 24 < MEMORY_BYTES {
        // Not zero, so that every page is really there.
        taken.push(vec![1; 1 << 24]);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    failed(code::INTERNAL, "nobody stopped the fake engine from taking 2 GiB", None)
}

async fn embed(embed: Embed, request: &mut Incoming) -> Result<Value, RpcError> {
    let dimensions = embed.dimensions.unwrap_or(DIMENSIONS);
    if dimensions > DIMENSIONS {
        return Err(refused("dimensions", "the fake engine gives at most 256 numbers"));
    }
    let mut usage = Usage::default();
    for (index, input) in embed.inputs.iter().enumerate() {
        let text = match input {
            Input::Text(text) => {
                usage.prompt_tokens += u64::from(tokens::count(text));
                text.clone()
            }
            Input::Tokens(ids) => {
                usage.prompt_tokens += ids.len() as u64;
                format!("{ids:?}")
            }
        };
        let vector = numbers::vector(&text, dimensions);
        let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let chunk = Vector { index, vector: STANDARD.encode(bytes) };
        request.chunk(json!(chunk)).await.map_err(gone)?;
    }
    Ok(json!(EmbedDone { usage, truncated: Vec::new() }))
}

async fn transcribe(transcribe: Transcribe, request: &mut Incoming) -> Result<Value, RpcError> {
    let bytes = match &transcribe.audio.bytes {
        PayloadBytes::Base64(text) => STANDARD.decode(text).ok(),
        PayloadBytes::File { fd, size_bytes } => {
            request.fds.get(*fd as usize).and_then(|fd| read(fd, *size_bytes))
        }
    };
    let heard = bytes.as_deref().and_then(sound::hear);
    let (text, duration_s) =
        heard.ok_or_else(|| refused("file", "the fake engine hears nothing in this recording"))?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let each = duration_s / lines.len().max(1) as f64;
    for (index, line) in lines.iter().enumerate() {
        let start = index as f64 * each;
        let segment = segment(line, start, start + each, transcribe.word_times);
        request.chunk(json!(segment)).await.map_err(gone)?;
    }
    let language = transcribe.language.unwrap_or_else(|| "en".to_owned());
    Ok(json!(TranscribeDone { language, duration_s }))
}

fn read(fd: &OwnedFd, size_bytes: u64) -> Option<Vec<u8>> {
    let file = File::from(fd.try_clone().ok()?);
    let mut bytes = vec![0; usize::try_from(size_bytes).ok()?];
    file.read_exact_at(&mut bytes, 0).ok()?;
    Some(bytes)
}

fn segment(line: &str, start: f64, end: f64, word_times: bool) -> Segment {
    let text = format!(" {}", line.trim());
    let spoken: Vec<&str> = text.split_whitespace().collect();
    let each = (end - start) / spoken.len().max(1) as f64;
    let words = spoken.iter().enumerate().map(|(at, word)| Word {
        word: (*word).to_owned(),
        start: start + at as f64 * each,
        end: start + (at + 1) as f64 * each,
    });
    let words = if word_times { words.collect() } else { Vec::new() };
    let tokens = (0..tokens::count(&text)).collect();
    let (avg_logprob, no_speech_prob, compression_ratio) = (-0.25, 0.0, 1.0);
    Segment { start, end, text, tokens, avg_logprob, no_speech_prob, compression_ratio, words }
}

async fn speak(speak: Speak, request: &mut Incoming) -> Result<Value, RpcError> {
    if !matches!(speak.format.as_str(), "wav" | "pcm") {
        return Err(refused("response_format", "the fake engine makes 'wav' and 'pcm'"));
    }
    if speak.voice == "nobody" {
        return Err(refused("voice", "the fake engine does not have this voice"));
    }
    let samples = sound::samples(&speak.text, speak.speed);
    let duration_s = sound::seconds(samples.len());
    let mut file = match speak.format.as_str() {
        "wav" => sound::wav_header(u32::try_from(samples.len()).unwrap_or(u32::MAX)),
        _ => Vec::new(),
    };
    file.extend(samples);
    for part in file.chunks(32 << 10) {
        request.chunk(json!(Sound { audio: STANDARD.encode(part) })).await.map_err(gone)?;
    }
    Ok(json!(SpeakDone { duration_s, usage: Usage::default() }))
}
