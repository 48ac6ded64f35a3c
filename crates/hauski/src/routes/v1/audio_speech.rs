//! `POST /v1/audio/speech`: the sound comes as it is made. Where it breaks off, so does the connection, so
//! that no half of a sound passes for the whole.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use contracts::hauski::engine::{Sound, SpeakDone, capability};
use hauski::openai::wire::speech;
use http::{HeaderValue, header};

use crate::gateway::failure;
use crate::gateway::meter::Meter;
use crate::gateway::plugin::{Asked, Brought, Wanted};
use crate::server::auth::Caller;
use crate::server::error::{ApiError, Code};
use crate::server::extract::RawBody;
use crate::state::AppState;

/// Says a text.
pub(crate) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    RawBody(body): RawBody,
) -> Result<Response, ApiError> {
    let speak = speech::read(&body)?;
    let meter = Meter::new(&state, &caller, capability::SPEAK);
    let wanted = Wanted { capability: capability::SPEAK, model: Some(speak.model.clone()) };
    let asked = Asked::new(&state, wanted, &speak, Vec::new())?;
    let mut voice = Voice { asked, meter };
    // The first piece tells whether there will be sound at all; after it the status is out.
    let Some(first) = voice.next().await? else {
        return Err(ApiError::new(Code::UpstreamError, "The engine made no sound."));
    };
    let stream = futures_util::stream::unfold((voice, Some(first)), |(mut voice, first)| async {
        let next = match first {
            Some(first) => Ok(first),
            None => voice.next().await.transpose()?,
        };
        let next = next.map_err(|_| std::io::Error::other("the sound broke off"));
        Some((next, (voice, None)))
    });
    let mut response = Body::from_stream(stream).into_response();
    let kind = HeaderValue::from_static(speech::media_type(&speak.format));
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Sound that is made.
struct Voice {
    asked: Asked,
    meter: Meter,
}

impl Voice {
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let brought = self.asked.next::<Sound, SpeakDone>().await;
        match brought.inspect_err(|_| self.meter.nothing())? {
            Brought::Chunk(sound) => {
                self.meter.chunk();
                let bytes = STANDARD.decode(sound.audio).ok();
                let broken = || failure::broken(self.asked.plugin(), "sound that is not base64");
                bytes.map(|bytes| Some(Bytes::from(bytes))).ok_or_else(broken)
            }
            Brought::Done(done) => {
                self.meter.used(&done.usage);
                Ok(None)
            }
        }
    }
}
