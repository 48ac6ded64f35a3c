//! The scripted fake engine: a plugin that does exactly what a request tells it, faults included.
//!
//! It loads only under a test flag. The same seed and parameters give the same answer, word for word;
//! `docs/engines-protocol.md` lists its models and the words of its scripts.

mod engine;
pub mod instance;
pub mod numbers;
pub mod plan;
pub mod script;
pub mod sound;
pub mod tokens;

pub use engine::run;

use contracts::hauski::engine::capability as c;
use contracts::hauski::protocol::PluginModel;

/// Says again what the last message of the person says.
pub const ECHO: &str = "fake-echo";
/// Does what the last message of the person says, in the words of [`script`].
pub const SCRIPT: &str = "fake-script";
/// Says words drawn with the seed.
pub const WORDS: &str = "fake-words";
/// Echoes, with a context of [`SMALL_CONTEXT`] tokens.
pub const SMALL: &str = "fake-small";
/// Gives vectors.
pub const EMBED: &str = "fake-embed";
/// Hears text and what [`TTS`] has said.
pub const ASR: &str = "fake-asr";
/// Says bytes, ten milliseconds each.
pub const TTS: &str = "fake-tts";

/// Context of the chat models in tokens.
pub const CONTEXT: u32 = 16_384;
/// Context of [`SMALL`] in tokens.
pub const SMALL_CONTEXT: u32 = 64;

/// The models, as the host is told.
pub fn models() -> Vec<PluginModel> {
    let model = |id: &str, capabilities: &[&str], context| PluginModel {
        id: id.to_owned(),
        capabilities: capabilities.iter().map(|name| (*name).to_owned()).collect(),
        context,
    };
    vec![
        model(ECHO, &[c::CHAT, c::COMPLETE], Some(CONTEXT)),
        model(SCRIPT, &[c::CHAT, c::COMPLETE], Some(CONTEXT)),
        model(WORDS, &[c::CHAT, c::COMPLETE], Some(CONTEXT)),
        model(SMALL, &[c::CHAT, c::COMPLETE], Some(SMALL_CONTEXT)),
        model(EMBED, &[c::EMBED], Some(CONTEXT)),
        model(ASR, &[c::TRANSCRIBE], None),
        model(TTS, &[c::SPEAK], None),
    ]
}
