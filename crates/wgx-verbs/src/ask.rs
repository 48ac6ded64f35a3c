//! `wgx ask`: the daemon's index where it answers within a short time; otherwise the memory by words alone, and
//! the report says so.

use std::path::Path;
use std::time::Duration;

use contracts::wgx::recall::{RecallHit, RecallReport, SCHEMA};
use serde_json::{Value, json};

use crate::context::{Context, UseMemory};
use crate::daemon::{self, DaemonError};
use crate::recall::{RecallError, RecallRequest, recall};

/// How long a chat model may take for its answer.
const PATIENCE_CHAT: Duration = Duration::from_secs(600);

/// Asks; with a chat model, the daemon lets it answer from the passages.
///
/// # Errors
/// As [`recall`]; with `--use-memory=daemon` also when the daemon gives no answer.
pub fn ask(
    context: &Context,
    request: &RecallRequest,
    model: Option<&str>,
) -> Result<RecallReport, RecallError> {
    if matches!(context.use_memory, UseMemory::Local | UseMemory::Off) {
        return recall(context, &loose(request));
    }
    // Everything that the daemon knows, unless a namespace is named.
    let namespace = request.namespace.as_deref().unwrap_or("*");
    let limit = request.limit.clamp(1, 100);
    let answer = match model {
        None => {
            let words = daemon::encoded(&request.words);
            let path = format!("/ask?q={words}&k={limit}&ns={}", daemon::encoded(namespace));
            daemon::ask(&context.user_home, &path, None, daemon::PATIENCE)
        }
        Some(model) => {
            let body = json!({"q": request.words, "k": limit, "ns": namespace, "model": model});
            daemon::ask(&context.user_home, "/ask", Some(&body), PATIENCE_CHAT)
        }
    };
    let error = match answer {
        Ok(answer) => return Ok(of_daemon(&request.words, &answer, &context.cwd)),
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

/// The daemon's answer in the words of wgx; places below the folder that the person stands in are named from there.
fn of_daemon(query: &str, answer: &Value, cwd: &Path) -> RecallReport {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let hits = answer["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let hits: Vec<RecallHit> = hits
        .iter()
        .map(|hit| {
            let citation = &hit["citation"];
            let path = text(&citation["path"]);
            let header = text(&hit["header"]).filter(|header| !header.is_empty());
            let title = header.or_else(|| text(&hit["title"])).or_else(|| path.clone());
            let file = text(&citation["file"]).map(|file| shortened(&file, cwd)).or(path);
            RecallHit {
                kind: text(&hit["namespace"]).unwrap_or_default(),
                id: text(&hit["doc_id"]).unwrap_or_default(),
                title: title.or_else(|| text(&hit["doc_id"])).unwrap_or_default(),
                snippet: text(&hit["snippet"]).unwrap_or_default(),
                score: hit["score"].as_f64().unwrap_or(0.0),
                at: text(&hit["meta"]["at"]),
                citation: file.map(|file| match citation["first_line"].as_u64() {
                    Some(line) => format!("{file}:{line}"),
                    None => file,
                }),
            }
        })
        .collect();
    RecallReport {
        schema: SCHEMA.to_owned(),
        query: query.to_owned(),
        mode: "daemon".to_owned(),
        answer: text(&answer["answer"]),
        note: note(answer),
        hits,
        partly_searchable_logs: 0,
    }
}

/// A path from here where it lies below, else the whole one.
fn shortened(file: &str, cwd: &Path) -> String {
    match Path::new(file).strip_prefix(cwd).ok().and_then(Path::to_str) {
        Some(below) if !below.is_empty() => below.to_owned(),
        _ => file.to_owned(),
    }
}

/// What there is to know about the answer: how it was searched, what is hidden, what has changed since.
fn note(answer: &Value) -> Option<String> {
    let mut notes = Vec::new();
    if answer["mode"] == "lexical" {
        notes.push("The daemon has no model for meanings: it searched for words.".to_owned());
    }
    let said = answer["notes"].as_array().map(Vec::as_slice).unwrap_or_default();
    let said = said.iter().filter_map(Value::as_str);
    // That no chat model was asked concerns clients of the route; that words alone were searched is said already.
    let told =
        |note: &&str| !note.starts_with("passages only") && !note.contains("embedding model");
    notes.extend(said.filter(told).map(|note| format!("{note}.")));
    let hits = answer["hits"].as_array().map(Vec::as_slice).unwrap_or_default();
    let states = |state: &str| hits.iter().filter(|hit| hit["citation"]["state"] == state).count();
    for (count, what) in [(states("changed"), "changed"), (states("missing"), "gone")] {
        if count > 0 {
            notes.push(format!(
                "{count} of these passages: the file has {what} since it was indexed."
            ));
        }
    }
    (!notes.is_empty()).then(|| notes.join(" "))
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
        let answer = json!({
            "query": "q", "mode": "lexical",
            "hits": [{"doc_id": "d", "namespace": "repo:shop", "score": 0.5, "snippet": "x",
                      "header": "src/main.rs :: fn main()",
                      "citation": {"path": "src/main.rs", "file": "/home/me/shop/src/main.rs",
                                   "first_line": 7, "last_line": 9, "state": "changed"}}]
        });
        let place = |cwd: &str| {
            let report = of_daemon("q", &answer, Path::new(cwd));
            report.hits[0].citation.clone().unwrap_or_default()
        };
        assert_eq!(place("/home/me/shop"), "src/main.rs:7");
        assert_eq!(place("/elsewhere"), "/home/me/shop/src/main.rs:7");
        let report = of_daemon("q", &answer, Path::new("/"));
        assert_eq!(report.hits[0].title, "src/main.rs :: fn main()");
        assert!(report.note.as_ref().is_some_and(|note| note.contains("has changed since")));
        assert!(report.note.is_some_and(|note| note.contains("no model")));
    }
}
