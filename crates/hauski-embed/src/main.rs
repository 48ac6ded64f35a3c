//! `hauski-embed`: the worker that turns texts into vectors, started by the daemon as a plugin.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use hauski_embed::{Arithmetic, Worker, encode, measure};
use hauski_plugins::client::{Transport, serve};

const USAGE: &str = "\
The worker that turns texts into vectors. The daemon starts it; by hand:
  hauski-embed measure FOLDER [f32|int8|candle]   how fast a model is here, as JSON
  hauski-embed encode FOLDER [f32|int8|candle]    a JSON string a line to a vector a line, in base64
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The daemon reads standard error into the log of the plugin.
            say(&format!("ERROR {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["measure", folder] => report(folder, Arithmetic::F32),
        ["measure", folder, way] => report(folder, arithmetic(way)?),
        ["encode", folder] => stream(folder, Arithmetic::F32),
        ["encode", folder, way] => stream(folder, arithmetic(way)?),
        ["-h" | "--help"] => Ok(io::stdout().write_all(USAGE.as_bytes())?),
        [] => worker(false),
        ["--stdio"] => worker(true),
        _ => bail!("these arguments mean nothing here\n{USAGE}"),
    }
}

fn arithmetic(word: &str) -> anyhow::Result<Arithmetic> {
    Ok(match word {
        "f32" => Arithmetic::F32,
        "int8" => Arithmetic::Int8,
        "candle" => Arithmetic::Candle,
        other => bail!("{other:?} is none of f32, int8 and candle"),
    })
}

fn report(folder: &str, arithmetic: Arithmetic) -> anyhow::Result<()> {
    let figures = measure(Path::new(folder), arithmetic)?;
    writeln!(io::stdout(), "{}", serde_json::to_string(&figures)?)?;
    Ok(())
}

fn stream(folder: &str, arithmetic: Arithmetic) -> anyhow::Result<()> {
    let output = io::BufWriter::new(io::stdout().lock());
    let cut = encode(Path::new(folder), arithmetic, io::stdin().lock(), output)?;
    if cut > 0 {
        say(&format!("{cut} texts were longer than the model reads and have been cut"));
    }
    Ok(())
}

fn worker(stdio: bool) -> anyhow::Result<()> {
    let transport = Transport::detect(plugin_fd().as_deref(), stdio)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve(transport, Worker::default()))?;
    // A batch that is being computed is not waited for.
    runtime.shutdown_background();
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the face of this program reads its one variable")]
fn plugin_fd() -> Option<String> {
    std::env::var_os("HAUSKI_PLUGIN_FD").and_then(|value| value.into_string().ok())
}

#[expect(clippy::print_stderr, reason = "a program without a connection says so where it can")]
fn say(text: &str) {
    eprintln!("{text}");
}
