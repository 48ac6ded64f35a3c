//! `/v1/audio/transcriptions`: its form and the five shapes of its answer.

use contracts::hauski::engine::{Payload, PayloadBytes, Segment, Transcribe, TranscribeDone};
use serde_json::{Value, json};

use super::fields::{Fields, Item};
use super::{Code, Invalid};

/// Largest recording in bytes that goes to a plugin inside a message, in base64; larger ones go by descriptor.
pub const MAX_INLINE_BYTES: usize = 5 << 20;

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormField {
    /// Its name.
    pub name: String,
    /// Name of the file, where it is one.
    pub file_name: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// A request that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What an engine is asked for.
    pub transcribe: Transcribe,
    /// The recording, where it is too large for a message: the first descriptor of the call has to hold it.
    pub large: Option<Vec<u8>>,
    /// The shape of the answer.
    pub format: Format,
    /// Whether the answer comes in events.
    pub stream: bool,
    /// Whether `verbose_json` lists segments.
    pub segments: bool,
}

/// The shape of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `{"text":…}`.
    Json,
    /// The text.
    Text,
    /// `SubRip` subtitles.
    Srt,
    /// JSON with segments, duration and language.
    VerboseJson,
    /// `WebVTT` subtitles.
    Vtt,
}

impl Format {
    /// Media type of the answer.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::VerboseJson => "application/json",
            Self::Text | Self::Srt => "text/plain; charset=utf-8",
            Self::Vtt => "text/vtt; charset=utf-8",
        }
    }
}

impl Request {
    /// Reads a form. Names that end with `[]` are lists, as the clients write them.
    pub fn read(form: Vec<FormField>) -> Result<Self, Invalid> {
        let mut file = None;
        let mut map = serde_json::Map::new();
        for field in form {
            if field.name == "file" {
                file = Some(field);
            } else {
                put(&mut map, &field)?;
            }
        }
        let mut body = Item { path: String::new(), value: Value::Object(map) }.object()?;
        let (audio, large) = payload(file.ok_or_else(|| Invalid::missing("file"))?)?;
        Self::finish(&mut body, audio, large).and_then(|request| body.finish().map(|()| request))
    }

    fn finish(body: &mut Fields, audio: Payload, large: Option<Vec<u8>>) -> Result<Self, Invalid> {
        let formats = &["json", "text", "srt", "verbose_json", "vtt", "diarized_json"];
        let format = match body.word("response_format", formats)? {
            None | Some("json") => Format::Json,
            Some("text") => Format::Text,
            Some("srt") => Format::Srt,
            Some("verbose_json") => Format::VerboseJson,
            Some("vtt") => Format::Vtt,
            Some(_) => {
                let why = "no engine here tells speakers apart";
                return Err(Invalid::unsupported_value("response_format", why));
            }
        };
        let (words, segments) = granularities(body, format)?;
        let stream = flag(body, "stream")?;
        if stream && !matches!(format, Format::Json | Format::Text) {
            let why = "streams have no subtitles; use 'json' or 'text'";
            return Err(Invalid::unsupported_value("response_format", why));
        }
        body.refuse(&[
            ("include[]", "no engine here gives probabilities of what it heard"),
            ("include", "no engine here gives probabilities of what it heard"),
            ("known_speaker_names[]", "no engine here tells speakers apart"),
            ("known_speaker_references[]", "no engine here tells speakers apart"),
            ("keywords[]", "use 'prompt'"),
            ("languages[]", "use 'language'"),
        ])?;
        // How a recording is cut is the engine's business here; 'auto' says just that.
        if body.text("chunking_strategy", 0..=1024)?.is_some_and(|strategy| strategy != "auto") {
            let why = "leave it out or use 'auto'";
            return Err(Invalid::unsupported_value("chunking_strategy", why));
        }
        let transcribe = Transcribe {
            model: super::model(body)?,
            audio,
            language: language(body)?,
            prompt: body.text("prompt", 0..=8192)?,
            temperature: decimal(body, "temperature")?,
            word_times: words,
        };
        Ok(Self { transcribe, large, format, stream, segments })
    }
}

fn put(map: &mut serde_json::Map<String, Value>, field: &FormField) -> Result<(), Invalid> {
    let shown: String = field.name.chars().take(64).collect();
    let path = redact::escape::escape_ctl_line(&shown).into_owned();
    let Ok(text) = std::str::from_utf8(&field.bytes) else {
        let message = format!("Invalid '{path}': expected UTF-8 text.");
        return Err(Invalid::at(&path, Code::InvalidValue, message));
    };
    let value = Value::String(text.to_owned());
    if field.name.ends_with("[]") {
        let list = map.entry(field.name.clone()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value);
        }
        return Ok(());
    }
    if map.insert(field.name.clone(), value).is_some() {
        let message = format!("Invalid '{path}': it is given twice.");
        return Err(Invalid::at(&path, Code::InvalidValue, message));
    }
    Ok(())
}

/// The recording as an engine gets it, and its bytes where they do not fit into a message.
fn payload(file: FormField) -> Result<(Payload, Option<Vec<u8>>), Invalid> {
    use base64::Engine as _;
    if file.bytes.is_empty() {
        return Err(Invalid::at("file", Code::InvalidFile, "Invalid 'file': it is empty."));
    }
    let name = file.file_name.unwrap_or_default();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !redact::escape::is_control(*c)).take(255).collect();
    if file.bytes.len() > MAX_INLINE_BYTES {
        let size_bytes = file.bytes.len() as u64;
        let bytes = PayloadBytes::File { fd: 0, size_bytes };
        return Ok((Payload { name, bytes }, Some(file.bytes)));
    }
    let bytes = base64::engine::general_purpose::STANDARD.encode(&file.bytes);
    Ok((Payload { name, bytes: PayloadBytes::Base64(bytes) }, None))
}

fn granularities(body: &mut Fields, format: Format) -> Result<(bool, bool), Invalid> {
    let name = "timestamp_granularities[]";
    let Some(items) = body.list(name, 1..=2)? else {
        return Ok((false, true));
    };
    if format != Format::VerboseJson {
        let message = format!("Invalid '{name}': it is only allowed with 'verbose_json'.");
        return Err(Invalid::at(name, Code::InvalidValue, message));
    }
    let mut words = false;
    let mut segments = false;
    for item in items {
        match item.word(&["word", "segment"])? {
            "word" => words = true,
            _ => segments = true,
        }
    }
    Ok((words, segments))
}

fn flag(body: &mut Fields, name: &str) -> Result<bool, Invalid> {
    Ok(body.word(name, &["true", "false"])? == Some("true"))
}

fn decimal(body: &mut Fields, name: &str) -> Result<Option<f64>, Invalid> {
    let Some(text) = body.text(name, 1..=32)? else {
        return Ok(None);
    };
    let Ok(number) = text.trim().parse::<f64>() else {
        return Err(Invalid::kind(name, "a decimal", "a string"));
    };
    let value = serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number);
    Item { path: name.to_owned(), value }.number(0.0..=1.0).map(Some)
}

fn language(body: &mut Fields) -> Result<Option<String>, Invalid> {
    let language = body.text("language", 2..=3)?;
    if language.as_ref().is_some_and(|code| !code.bytes().all(|b| b.is_ascii_lowercase())) {
        let message = "Invalid 'language': expected a code of ISO 639-1, such as 'en'.";
        return Err(Invalid::at("language", Code::InvalidValue, message));
    }
    Ok(language)
}

/// The answer in the shape that was asked for.
pub fn answer(request: &Request, segments: &[Segment], done: &TranscribeDone) -> String {
    let text = text(segments);
    let usage = json!({ "type": "duration", "seconds": done.duration_s });
    match request.format {
        Format::Json => json!({ "text": text, "usage": usage }).to_string(),
        Format::Text => format!("{text}\n"),
        Format::Srt => subtitles(segments, "", ','),
        Format::Vtt => subtitles(segments, "WEBVTT\n\n", '.'),
        Format::VerboseJson => verbose(request, &text, segments, done, &usage).to_string(),
    }
}

/// What was said, without the spaces around it.
pub fn text(segments: &[Segment]) -> String {
    let text: String = segments.iter().map(|segment| segment.text.as_str()).collect();
    text.trim().to_owned()
}

fn verbose(
    request: &Request,
    text: &str,
    segments: &[Segment],
    done: &TranscribeDone,
    usage: &Value,
) -> Value {
    let mut answer = json!({
        "task": "transcribe",
        "language": done.language,
        "duration": done.duration_s,
        "text": text,
    });
    if request.segments {
        let temperature = request.transcribe.temperature.unwrap_or(0.0);
        let listed = segments.iter().enumerate();
        answer["segments"] = listed.map(|(id, it)| segment(id, it, temperature)).collect();
    }
    if request.transcribe.word_times {
        let words = segments.iter().flat_map(|segment| &segment.words);
        let words = words.map(|w| json!({ "word": w.word, "start": w.start, "end": w.end }));
        answer["words"] = words.collect();
    }
    answer["usage"] = usage.clone();
    answer
}

fn segment(id: usize, segment: &Segment, temperature: f64) -> Value {
    json!({
        "id": id,
        "seek": (segment.start * 100.0).max(0.0) as u64,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    })
}

fn subtitles(segments: &[Segment], head: &str, point: char) -> String {
    use std::fmt::Write as _;
    let mut out = head.to_owned();
    for (index, segment) in segments.iter().enumerate() {
        if point == ',' {
            let _ = writeln!(out, "{}", index + 1);
        }
        let (start, end) = (clock(segment.start, point), clock(segment.end, point));
        // An empty line would end a subtitle before its text does.
        let lines = segment.text.lines().map(str::trim).filter(|line| !line.is_empty());
        let text = lines.collect::<Vec<_>>().join("\n");
        let _ = writeln!(out, "{start} --> {end}\n{text}\n");
    }
    out
}

fn clock(seconds: f64, point: char) -> String {
    let ms = (seconds.max(0.0) * 1000.0).round() as u64;
    let (h, m, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{h:02}:{m:02}:{s:02}{point}{:03}", ms % 1000)
}
