//! The reference short prompt, and when the first token of its answer is there.

use serde_json::{Value, json};

/// What every chat of a load says.
const PROMPT: &str = "Say hello in one short sentence.";
const MAX_TOKENS: u32 = 32;

/// The body of a request.
pub(super) fn body(model: &str) -> String {
    let messages = json!([{"role": "user", "content": PROMPT}]);
    json!({"model": model, "stream": true, "max_tokens": MAX_TOKENS, "messages": messages})
        .to_string()
}

/// An answer as it comes in.
#[derive(Debug, Default)]
pub(super) struct Stream {
    rest: Vec<u8>,
}

impl Stream {
    /// Takes more of the answer; whether a token is in it. The first event only names the role.
    pub(super) fn holds_token(&mut self, data: &[u8]) -> bool {
        self.rest.extend_from_slice(data);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let event =
                line.strip_prefix(b"data:").and_then(|json| serde_json::from_slice(json).ok());
            if event.is_some_and(|event: Value| is_token(&event)) {
                return true;
            }
        }
        false
    }
}

fn is_token(event: &Value) -> bool {
    let delta = &event["choices"][0]["delta"];
    delta["content"].as_str().is_some_and(|text| !text.is_empty()) || delta["tool_calls"].is_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_token_is_the_first_text_and_not_the_role() {
        let mut stream = Stream::default();
        assert!(!stream.holds_token(
            b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
        ));
        assert!(!stream.holds_token(b"data: {\"choices\":[{\"delta\":{\"content\":\"H"));
        assert!(stream.holds_token(b"i\"}}]}\n\n"));
    }
}
