//! `POST /v1/embeddings`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::hauski::engine::{Embed, EmbedDone, Vector, capability};
use hauski::openai::wire::embeddings::{Embedding, Embeddings, Encoding, Numbers, Request};
use hauski::openai::wire::usage::PromptUsage;

use crate::gateway::failure;
use crate::gateway::meter::Meter;
use crate::gateway::plugin::{Asked, Brought, Wanted};
use crate::server::auth::Caller;
use crate::server::error::ApiError;
use crate::server::extract::RawBody;
use crate::state::AppState;

/// Turns texts into vectors. Plugins alone do that: vectors of different models do not fit together.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let Request { embed, encoding } = Request::read(&body)?;
    let mut meter = Meter::new(&state, &caller, capability::EMBED);
    let wanted = Wanted { capability: capability::EMBED, model: Some(embed.model.clone()) };
    let mut asked = Asked::new(&state, wanted, &embed, Vec::new())?;
    let mut vectors: Vec<Option<Vec<u8>>> = vec![None; embed.inputs.len()];
    let done = loop {
        let brought = asked.next::<Vector, EmbedDone>().await.inspect_err(|_| meter.nothing())?;
        match brought {
            Brought::Chunk(chunk) => {
                meter.chunk();
                place(&mut vectors, chunk, &embed)
                    .ok_or_else(|| failure::broken(asked.plugin(), "a vector that is none"))?;
            }
            Brought::Done(done) => break done,
        }
    };
    meter.used(&done.usage);
    let whole: Option<Vec<Vec<u8>>> = vectors.into_iter().collect();
    let whole = whole.filter(|all| all.iter().all(|one| one.len() == all[0].len()));
    let vectors = whole.ok_or_else(|| failure::broken(asked.plugin(), "vectors are missing"))?;
    let data = (0..).zip(&vectors).map(|(index, bytes)| Embedding {
        object: "embedding",
        index,
        embedding: numbers(bytes, encoding),
    });
    let tokens = done.usage.prompt_tokens;
    let answer = Embeddings {
        object: "list",
        data: data.collect(),
        model: embed.model,
        usage: PromptUsage { prompt_tokens: tokens, total_tokens: tokens },
    };
    Ok(Json(answer).into_response())
}

/// Puts a vector in its place, once, and of the length asked for.
fn place(vectors: &mut [Option<Vec<u8>>], chunk: Vector, embed: &Embed) -> Option<()> {
    let bytes = STANDARD.decode(chunk.vector).ok()?;
    let length = bytes.len() / 4;
    let fits = embed.dimensions.is_none_or(|asked| asked as usize == length);
    let finite = floats(&bytes).all(f32::is_finite);
    let slot = vectors.get_mut(chunk.index as usize)?;
    if bytes.is_empty() || bytes.len() % 4 != 0 || !fits || !finite || slot.is_some() {
        return None;
    }
    *slot = Some(bytes);
    Some(())
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

fn numbers(bytes: &[u8], encoding: Encoding) -> Numbers {
    match encoding {
        Encoding::Float => Numbers::Float(floats(bytes).collect()),
        Encoding::Base64 => Numbers::Base64(STANDARD.encode(bytes)),
    }
}
