//! [`Embedder`] over the plugin host: texts go to the worker in batches, a few of them at once, and vectors come back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contracts::hauski::engine::{
    DescribeEmbed, Embed, EmbedDone, EmbedModel, Input, Purpose, Vector, capability,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use hauski_index::embed::{EmbedError, Embedded, Embedder, Embedding, Kind, ModelId};
use hauski_plugins::{CallError, CallErrorKind, CallEvent, CallOptions, Host, Target};
use serde::Deserialize;
use serde_json::json;

/// Texts of one call.
const BATCH_TEXTS: usize = 64;
/// Bytes of the texts of one call; a message has at most 8 MiB, and JSON may double a text.
const BATCH_BYTES: usize = 1 << 20;
/// Calls at once: the worker computes on one while the next is on its way.
const AT_ONCE: usize = 3;
/// A batch takes seconds; what waits before it may take minutes.
const DEADLINE: Duration = Duration::from_secs(600);
/// A person waits for the vector of a question.
const DEADLINE_QUERY: Duration = Duration::from_secs(20);

/// One model of a worker.
#[derive(Clone)]
pub(crate) struct HostEmbedder {
    host: Host,
    id: ModelId,
}

/// Names of the models that workers offer now.
pub(crate) fn models(host: &Host) -> Vec<String> {
    let describes = |capabilities: &[String]| {
        capabilities.iter().any(|capability| capability == capability::EMBED_DESCRIBE)
    };
    let all = host.models().into_iter().filter(|own| describes(&own.model.capabilities));
    let mut names: Vec<String> = all.map(|own| own.model.id).collect();
    names.sort();
    names.dedup();
    names
}

impl HostEmbedder {
    /// Asks the worker what the vectors of a model are. The first time it reads all weights for their hash.
    pub(crate) async fn connect(host: &Host, model: &str) -> Result<Self, EmbedError> {
        let target = Target::model(capability::EMBED_DESCRIBE, model);
        let params = json!(DescribeEmbed { model: model.to_owned() });
        let options = CallOptions { deadline: DEADLINE_QUERY, fds: Vec::new() };
        let answer = host.call(&target, params, options).result().await;
        let about = EmbedModel::deserialize(answer.map_err(|error| failed(&error))?)
            .map_err(|_| EmbedError::Broken("a description outside the contract".to_owned()))?;
        let dims = about.dimensions as usize;
        let id = ModelId { name: about.model, revision: about.revision, dims };
        Ok(Self { host: host.clone(), id })
    }

    /// One call. The whole answer counts, or nothing of it.
    async fn batch(&self, texts: &[String], kind: Kind) -> Result<Embedded, EmbedError> {
        let (purpose, deadline) = match kind {
            Kind::Passage => (Purpose::Passage, DEADLINE),
            Kind::Query => (Purpose::Query, DEADLINE_QUERY),
        };
        let embed = Embed {
            model: self.id.name.clone(),
            inputs: texts.iter().cloned().map(Input::Text).collect(),
            dimensions: None,
            purpose: Some(purpose),
            truncate: true,
        };
        let target = Target::model(capability::EMBED, &self.id.name);
        let options = CallOptions { deadline, fds: Vec::new() };
        let mut call = self.host.call(&target, json!(embed), options);
        let mut vectors: Vec<Option<Vec<f32>>> = vec![None; texts.len()];
        while let Some(event) = call.next().await {
            match event {
                CallEvent::Progress(_) => {}
                CallEvent::Chunk(chunk) => {
                    let chunk = Vector::deserialize(chunk).ok();
                    let placed = chunk.and_then(|chunk| self.place(&mut vectors, &chunk));
                    placed.ok_or_else(|| broken("a vector that is none"))?;
                }
                CallEvent::Done(done) => {
                    let done = done.map_err(|error| failed(&error))?;
                    let done = EmbedDone::deserialize(done).map_err(|_| broken("no usage"))?;
                    let all = vectors.into_iter().collect::<Option<Vec<_>>>();
                    return Ok(Embedded {
                        vectors: all.ok_or_else(|| broken("vectors are missing"))?,
                        truncated: done.truncated.iter().map(|index| *index as usize).collect(),
                        tokens: done.usage.prompt_tokens,
                    });
                }
            }
        }
        Err(broken("the call ended without an answer"))
    }

    /// Puts a vector in its place, once.
    fn place(&self, vectors: &mut [Option<Vec<f32>>], chunk: &Vector) -> Option<()> {
        let bytes = STANDARD.decode(&chunk.vector).ok()?;
        let (fours, rest) = bytes.as_chunks::<4>();
        let vector: Vec<f32> = fours.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let fits = rest.is_empty() && vector.len() == self.id.dims;
        let slot = vectors.get_mut(chunk.index as usize).filter(|slot| slot.is_none())?;
        (fits && vector.iter().all(|number| number.is_finite())).then(|| *slot = Some(vector))
    }
}

impl Embedder for HostEmbedder {
    fn model(&self) -> &ModelId {
        &self.id
    }

    fn embed<'a>(&'a self, texts: &'a [String], kind: Kind) -> Embedding<'a> {
        Box::pin(async move {
            let mut all = Embedded::default();
            let calls: Vec<_> =
                batches(texts).into_iter().map(|batch| self.batch(batch, kind)).collect();
            let mut answers = stream::iter(calls).buffered(AT_ONCE);
            while let Some(answer) = answers.try_next().await? {
                let before = all.vectors.len();
                all.truncated.extend(answer.truncated.iter().map(|index| before + index));
                all.vectors.extend(answer.vectors);
                all.tokens += answer.tokens;
            }
            Ok(all)
        })
    }
}

/// Texts in groups that fit into a message.
fn batches(texts: &[String]) -> Vec<&[String]> {
    let (mut all, mut from, mut bytes) = (Vec::new(), 0, 0);
    for (at, text) in texts.iter().enumerate() {
        if at > from && (at - from >= BATCH_TEXTS || bytes + text.len() > BATCH_BYTES) {
            all.extend(texts.get(from..at));
            (from, bytes) = (at, 0);
        }
        bytes += text.len();
    }
    all.extend(texts.get(from..).filter(|rest| !rest.is_empty()));
    all
}

fn broken(what: &str) -> EmbedError {
    EmbedError::Broken(what.to_owned())
}

fn failed(error: &CallError) -> EmbedError {
    let message = error.message.clone();
    match error.kind {
        CallErrorKind::Overloaded { retry_after_ms } => EmbedError::Overloaded { retry_after_ms },
        CallErrorKind::NoProvider
        | CallErrorKind::UnknownModel
        | CallErrorKind::Unavailable { .. }
        | CallErrorKind::TimedOut
        | CallErrorKind::Cancelled
        | CallErrorKind::Crashed => EmbedError::Unavailable(message),
        CallErrorKind::Forbidden | CallErrorKind::TooLarge | CallErrorKind::Plugin(_) => {
            EmbedError::Refused(message)
        }
        CallErrorKind::Protocol => EmbedError::Broken(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_all_texts_in_order_and_fit_into_a_message() {
        let mut texts: Vec<String> = (0..150).map(|number| format!("text {number}")).collect();
        texts.insert(70, "x".repeat(BATCH_BYTES));
        texts.insert(71, "y".repeat(3 * BATCH_BYTES));
        let batches = batches(&texts);
        assert_eq!(batches.concat(), texts);
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.len()).collect();
        assert_eq!(sizes, [64, 6, 1, 1, 64, 16]);
        assert!(super::batches(&[]).is_empty());
    }
}
