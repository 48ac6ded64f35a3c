//! The words by which a message tells the fake what to do, separated by `;` or line feeds.

use std::time::Duration;

use contracts::hauski::protocol::{RpcError, code};
use serde_json::json;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    /// `say TEXT`
    Say(String),
    /// `words N`: that many numbered words.
    Words(u32),
    /// `wait MS`: nothing happens for a while.
    Wait(Duration),
    /// `slow MS`: so long before every further token.
    Slow(Duration),
    /// `call NAME JSON`: a call of a tool.
    Call(String, String),
    /// `refuse TEXT`: a refusal.
    Refuse(String),
    /// `fault NAME`: something that an engine must not do.
    Fault(Fault),
    /// `fail NAME`: an error that an engine may answer with.
    Fail(RpcError),
    /// `once KEY NAME`: fails like `fail NAME`, but only the first time that this process meets the key.
    Once(String, RpcError),
    /// `log N`: that many lines of log.
    Log(u32),
    /// `filter`: a filter ends the answer.
    Filter,
}

/// What an engine must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `crash`: the process aborts.
    Crash,
    /// `exit`: the process ends as if all were well.
    Exit,
    /// `hang`: nothing happens any more.
    Hang,
    /// `memory`: takes memory until something stops it.
    Memory,
    /// `malformed`: a chunk of no known shape.
    Malformed,
    /// `stray`: a chunk of an answer that nobody asked for.
    Stray,
    /// `endless`: the request ends, its answers do not.
    Endless,
    /// `twice`: an answer ends twice.
    Twice,
    /// `result`: a result of no known shape.
    Result,
}

/// Reads a script.
///
/// # Errors
///
/// When it has a word that does not exist; the test that wrote it should know.
pub fn read(text: &str) -> Result<Vec<Word>, RpcError> {
    let words = text.split([';', '\n']).map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| self::word(word).ok_or_else(|| unknown(word))).collect()
}

fn unknown(word: &str) -> RpcError {
    let verb: String = word.split(' ').next().unwrap_or_default().chars().take(32).collect();
    RpcError {
        code: code::INVALID_VALUE,
        message: format!("the fake engine does not know the word {verb:?}"),
        data: Some(json!({ "param": "messages" })),
    }
}

fn word(line: &str) -> Option<Word> {
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let milliseconds = || rest.parse().ok().map(Duration::from_millis);
    Some(match verb {
        "say" => Word::Say(rest.to_owned()),
        "words" => Word::Words(rest.parse().ok()?),
        "wait" => Word::Wait(milliseconds()?),
        "slow" => Word::Slow(milliseconds()?),
        "call" => {
            let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
            Word::Call(name.to_owned(), arguments.to_owned())
        }
        "refuse" => Word::Refuse(rest.to_owned()),
        "fault" => Word::Fault(fault(rest)?),
        "fail" => Word::Fail(failure(rest)?),
        "once" => {
            let (key, name) = rest.split_once(' ')?;
            Word::Once(key.to_owned(), failure(name)?)
        }
        "log" => Word::Log(rest.parse().ok()?),
        "filter" => Word::Filter,
        _ => return None,
    })
}

fn fault(name: &str) -> Option<Fault> {
    Some(match name {
        "crash" => Fault::Crash,
        "exit" => Fault::Exit,
        "hang" => Fault::Hang,
        "memory" => Fault::Memory,
        "malformed" => Fault::Malformed,
        "stray" => Fault::Stray,
        "endless" => Fault::Endless,
        "twice" => Fault::Twice,
        "result" => Fault::Result,
        _ => return None,
    })
}

fn failure(name: &str) -> Option<RpcError> {
    let (code, data) = match name {
        "overloaded" => (code::OVERLOADED, Some(json!({ "retry_after_ms": 300 }))),
        "unavailable" => (code::UNAVAILABLE, Some(json!({ "retry_after_ms": 600 }))),
        "context" => (code::CONTEXT_LENGTH, Some(json!({ "limit": 10, "asked": 11 }))),
        "value" => (code::INVALID_VALUE, Some(json!({ "param": "temperature" }))),
        "time" => (code::TIMED_OUT, None),
        "internal" => (-32_603, None),
        _ => return None,
    };
    Some(RpcError { code, message: format!("the script said: fail {name}"), data })
}
