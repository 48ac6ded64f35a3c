//! `wgx ask`: the daemon's index where it answers within a short time; otherwise the memory by words alone, and
//! the report says so.

use contracts::wgx::recall::{RecallHit, RecallReport, SCHEMA};
use serde_json::Value;

use crate::context::{Context, UseMemory};
use crate::daemon::{self, DaemonError};
use crate::recall::{RecallError, RecallRequest, recall};

/// Asks.
///
/// # Errors
/// As [`recall`]; with `--use-memory=daemon` also when the daemon gives no answer.
pub fn ask(context: &Context, request: &RecallRequest) -> Result<RecallReport, RecallError> {
    if matches!(context.use_memory, UseMemory::Local | UseMemory::Off) {
        return recall(context, &loose(request));
    }
    let mut path =
        format!("/ask?q={}&k={}", daemon::encoded(&request.words), request.limit.clamp(1, 100));
    if let Some(namespace) = &request.namespace {
        path.push_str(&format!("&ns={}", daemon::encoded(namespace)));
    }
    let error = match daemon::ask(&context.user_home, &path, None, daemon::PATIENCE) {
        Ok(answer) => return Ok(of_daemon(&request.words, &answer)),
        Err(error) => error,
    };
    if context.use_memory == UseMemory::Daemon {
        return Err(RecallError::Daemon(error.to_string()));
    }
    let mut report = recall(context, &loose(request))?;
    report.note = Some(match error {
        DaemonError::NotRunning => {
            "No daemon answers: this is a search for words in notes, runs and logs. `hauski start` starts it; \
             then documents and code are searched too."
                .to_owned()
        }
        error => format!("{error}. This is a search for words in notes, runs and logs."),
    });
    Ok(report)
}

/// A question is no list of words: those that carry nothing are left out, and where something remains, signs too.
fn loose(request: &RecallRequest) -> RecallRequest {
    const EMPTY: [&str; 48] = [
        "a", "an", "and", "are", "can", "did", "do", "does", "for", "how", "i", "in", "is", "it",
        "of", "on", "or", "the", "there", "to", "was", "we", "what", "when", "where", "which",
        "who", "why", "with", "der", "die", "das", "ein", "eine", "in", "ist", "mit", "und", "was",
        "wann", "warum", "wer", "wie", "wir", "wo", "zu", "den", "dem",
    ];
    if request.words.contains('"') {
        return request.clone();
    }
    let words: Vec<&str> = request
        .words
        .split_whitespace()
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '*'))
        .filter(|word| !word.is_empty() && !EMPTY.contains(&word.to_lowercase().as_str()))
        .collect();
    let words = if words.is_empty() { request.words.clone() } else { words.join(" ") };
    RecallRequest { words, ..request.clone() }
}

/// The daemon's answer in the words of wgx. What it says more is left out; what it lacks stays empty.
fn of_daemon(query: &str, answer: &Value) -> RecallReport {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let hits = answer["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    RecallReport {
        schema: SCHEMA.to_owned(),
        query: query.to_owned(),
        mode: "daemon".to_owned(),
        answer: text(&answer["answer"]).or_else(|| text(&answer["answer"]["text"])),
        note: text(&answer["mode"])
            .filter(|mode| mode == "lexical")
            .map(|_| "The daemon has no model for meanings: it searched for words.".to_owned()),
        hits: hits
            .iter()
            .map(|hit| {
                let citation = &hit["citation"];
                let path = text(&citation["path"]);
                let line = citation["line"].as_u64().or_else(|| citation["lines"][0].as_u64());
                RecallHit {
                    kind: text(&hit["namespace"]).unwrap_or_default(),
                    id: text(&hit["doc_id"]).unwrap_or_default(),
                    title: path.clone().or_else(|| text(&hit["doc_id"])).unwrap_or_default(),
                    snippet: text(&hit["snippet"]).unwrap_or_default(),
                    score: hit["score"].as_f64().unwrap_or(0.0),
                    at: text(&hit["meta"]["at"]),
                    citation: path.map(|path| match line {
                        Some(line) => format!("{path}:{line}"),
                        None => path,
                    }),
                }
            })
            .collect(),
        partly_searchable_logs: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_becomes_its_words() {
        let words =
            |text: &str| loose(&RecallRequest { words: text.into(), ..Default::default() }).words;
        assert_eq!(words("How do we deploy the shop?"), "deploy shop");
        assert_eq!(words("Wo ist das Zertifikat?"), "Zertifikat");
        assert_eq!(words("how is it"), "how is it");
        assert_eq!(words("say \"the end\""), "say \"the end\"");
    }

    #[test]
    fn citations_of_the_daemon_name_path_and_line() {
        let answer = serde_json::json!({
            "query": "q", "mode": "lexical",
            "hits": [{"doc_id": "d", "namespace": "repo:shop", "score": 0.5, "snippet": "x",
                      "citation": {"path": "src/main.rs", "line": 7}}]
        });
        let report = of_daemon("q", &answer);
        assert_eq!(report.hits[0].citation.as_deref(), Some("src/main.rs:7"));
        assert!(report.note.is_some_and(|note| note.contains("no model")));
    }
}
