//! How tokens are drawn: the parameters that `/v1/chat/completions`, `/v1/completions` and
//! `/v1/responses` share.

use std::collections::BTreeMap;

use contracts::hauski::engine::Sampling;

use super::fields::{Fields, Item};
use super::{Bounds, Code, Invalid};

/// Parameters that other servers take; they would change the answer, so they are not left out silently.
pub(super) const OF_OTHER_SERVERS: &[(&str, &str)] = &[
    ("top_k", NOT_OPENAI),
    ("min_p", NOT_OPENAI),
    ("typical_p", NOT_OPENAI),
    ("repetition_penalty", NOT_OPENAI),
    ("repeat_penalty", NOT_OPENAI),
    ("mirostat", NOT_OPENAI),
    ("grammar", "use response_format with a JSON schema"),
    ("guided_json", "use response_format with a JSON schema"),
    ("options", NOT_OPENAI),
    ("keep_alive", "how long a model stays loaded is a setting of the daemon"),
    ("num_ctx", "the context is a setting of the model"),
    ("chat_template", NOT_OPENAI),
    ("chat_template_kwargs", NOT_OPENAI),
    ("api_base", "providers are named by routing.yaml alone"),
    ("base_url", "providers are named by routing.yaml alone"),
    ("api_key", "keys of providers are named by routing.yaml alone"),
];

const NOT_OPENAI: &str = "it is not part of the OpenAI API";

/// Sampling without `n`, tokens and probabilities, which each route names in its own way.
pub(super) fn common(body: &mut Fields, bounds: Bounds) -> Result<Sampling, Invalid> {
    Ok(Sampling {
        n: 1,
        max_tokens: None,
        ceiling_tokens: bounds.max_output_tokens,
        temperature: body.number("temperature", 0.0..=2.0)?,
        top_p: top_p(body)?,
        seed: None,
        stop: Vec::new(),
        presence_penalty: None,
        frequency_penalty: None,
        logit_bias: BTreeMap::new(),
        logprobs: None,
    })
}

/// Sampling of the two completions routes.
pub(super) fn completions(body: &mut Fields, bounds: Bounds) -> Result<Sampling, Invalid> {
    let mut sampling = common(body, bounds)?;
    sampling.n = body.count("n", 1..=128)?.unwrap_or(1);
    sampling.seed = body.integer("seed", i64::MIN..=i64::MAX)?;
    sampling.stop = stop(body)?;
    sampling.presence_penalty = body.number("presence_penalty", -2.0..=2.0)?;
    sampling.frequency_penalty = body.number("frequency_penalty", -2.0..=2.0)?;
    sampling.logit_bias = logit_bias(body)?;
    // The bound of a request is shared by its answers, so that `n` does not multiply it.
    sampling.ceiling_tokens = (bounds.max_output_tokens / sampling.n).max(1);
    Ok(sampling)
}

/// Tokens asked for, under one of the names that the routes give them.
pub(super) fn max_tokens(
    body: &mut Fields,
    name: &str,
    n: u32,
    bounds: Bounds,
) -> Result<Option<u32>, Invalid> {
    let asked = body.count(name, 1..=u32::MAX)?;
    let most = (bounds.max_output_tokens / n).max(1);
    if asked.is_some_and(|asked| asked > most) {
        let path = body.path(name);
        let answers = if n > 1 { format!(" for each of {n} answers") } else { String::new() };
        let message = format!(
            "Invalid '{path}': integer above maximum value. Expected a value <= {most}{answers} (limits.yaml: request.max_output_tokens {}).",
            bounds.max_output_tokens
        );
        return Err(Invalid::at(&path, Code::IntegerAboveMaxValue, message));
    }
    Ok(asked)
}

/// 0 means the likeliest token alone; engines are told so by the smallest positive number.
fn top_p(body: &mut Fields) -> Result<Option<f64>, Invalid> {
    Ok(body.number("top_p", 0.0..=1.0)?.map(|p| p.max(f64::MIN_POSITIVE)))
}

fn stop(body: &mut Fields) -> Result<Vec<String>, Invalid> {
    let Some(item) = body.take("stop") else {
        return Ok(Vec::new());
    };
    match item.value {
        serde_json::Value::String(_) => Ok(vec![item.text(1..=1024)?]),
        serde_json::Value::Array(_) => {
            item.list(0..=4)?.into_iter().map(|stop| stop.text(1..=1024)).collect()
        }
        _ => Err(Invalid::kind(&item.path, "a string or an array of strings", item.kind())),
    }
}

fn logit_bias(body: &mut Fields) -> Result<BTreeMap<u32, f64>, Invalid> {
    let Some(biases) = body.object("logit_bias")? else {
        return Ok(BTreeMap::new());
    };
    let path = biases.own_path().to_owned();
    let entries = biases.rest();
    if entries.len() > 1024 {
        let message = format!("Invalid '{path}': too many properties. Expected at most 1024.");
        return Err(Invalid::at(&path, Code::ObjectAboveMaxProperties, message));
    }
    let mut all = BTreeMap::new();
    for (token, value) in entries {
        let Ok(token) = token.parse::<u32>() else {
            let message = format!("Invalid key in '{path}': keys are token ids.");
            return Err(Invalid::at(&path, Code::InvalidValue, message));
        };
        let bias = Item { path: format!("{path}.{token}"), value }.number(-100.0..=100.0)?;
        all.insert(token, bias);
    }
    Ok(all)
}

/// `stream` and `stream_options`.
pub(super) fn streaming(body: &mut Fields) -> Result<Streaming, Invalid> {
    let stream = body.flag("stream")?.unwrap_or(false);
    let mut include_usage = false;
    if let Some(mut options) = body.object("stream_options")? {
        if !stream {
            let path = options.own_path().to_owned();
            let message =
                format!("The '{path}' parameter is only allowed when 'stream' is enabled.");
            return Err(Invalid::at(&path, Code::InvalidValue, message));
        }
        include_usage = options.flag("include_usage")?.unwrap_or(false);
        // Padding against eavesdroppers is not added here; TLS or loopback carries the stream.
        options.flag("include_obfuscation")?;
        options.finish()?;
    }
    Ok(Streaming { stream, include_usage })
}

/// How the answer is to come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Streaming {
    pub(super) stream: bool,
    pub(super) include_usage: bool,
}
