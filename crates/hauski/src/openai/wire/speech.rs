//! `/v1/audio/speech`: its request; the answer is the sound itself.

use contracts::hauski::engine::Speak;

use super::fields::{Fields, Item};
use super::{Invalid, sampling};

/// Characters that one request may ask to be said.
pub const MAX_CHARACTERS: usize = 4096;

/// Reads a body.
pub fn read(bytes: &[u8]) -> Result<Speak, Invalid> {
    let mut body = Fields::body(bytes)?;
    let formats = &["mp3", "opus", "aac", "flac", "wav", "pcm"];
    let speak = Speak {
        model: super::model(&mut body)?,
        text: body.required_text("input", 1..=MAX_CHARACTERS)?,
        voice: voice(body.require("voice")?)?,
        instructions: body.text("instructions", 0..=MAX_CHARACTERS)?,
        format: body.word("response_format", formats)?.unwrap_or("mp3").to_owned(),
        speed: body.number("speed", 0.25..=4.0)?.unwrap_or(1.0),
    };
    if body.word("stream_format", &["audio", "sse"])? == Some("sse") {
        let why = "the sound comes as it is made; use 'audio'";
        return Err(Invalid::unsupported_value("stream_format", why));
    }
    body.refuse(sampling::OF_OTHER_SERVERS)?;
    body.finish()?;
    Ok(speak)
}

/// A name, or `{"id": name}`.
fn voice(item: Item) -> Result<String, Invalid> {
    if matches!(item.value, serde_json::Value::Object(_)) {
        let mut voice = item.object()?;
        let id = voice.required_text("id", 1..=128)?;
        voice.finish()?;
        return Ok(id);
    }
    item.text(1..=128)
}

/// Media type of a format.
pub fn media_type(format: &str) -> &'static str {
    match format {
        "mp3" => "audio/mpeg",
        "opus" => "audio/opus",
        "aac" => "audio/aac",
        "flac" => "audio/flac",
        "wav" => "audio/wav",
        _ => "audio/pcm",
    }
}
