//! `repolens watch PATH…`: merges, and merges again whenever something changed.

use std::time::{Instant, SystemTime};

use repolens::merge::{MergeError, MergeRequest, Merged, look, merge_seen};
use repolens::model::Snapshot;
use repolens::render::view::short_size;
use repolens::watch::{State, TICK, Watch};

use super::merge;
use crate::exit::{Exit, UsageError};
use crate::{output, settings};

/// How often files that change right now are looked at again before a merge.
const STEADY_TRIES: usize = 5;

/// Options of a watch.
#[derive(Debug, clap::Args)]
#[group(id = "watch")]
pub(crate) struct Args {
    /// End after so many merges instead of never
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    merge: merge::Args,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<Exit> {
    if args.merge.is_stream() {
        return Err(UsageError::with_hint(
            "a watch replaces files and cannot write to standard output",
            "name a folder with --out DIR",
        ));
    }
    let mut request = merge::request(&args.merge)?;
    request.dated = false;
    let mut watch = Watch::new();
    let (mut snapshot, mut state) = steady(&request).map_err(merge::as_failure)?;
    follow(&mut watch, &snapshot);
    let mut left = args.count;
    let mut changed = String::new();
    loop {
        match again(args, &request, snapshot, &changed) {
            Ok(()) => {}
            // The first merge has to work; later on the next change may mend what is wrong now.
            Err(error) if changed.is_empty() => return Err(error),
            Err(error) => output::warning(&format!("no merge was written: {error:#}")),
        }
        left = left.map(|left| left - 1);
        if left == Some(0) {
            return Ok(Exit::Good);
        }
        (snapshot, state, changed) = next(&mut watch, &request, &state);
        request.generated_at = settings::generated_at()?;
    }
}

/// Waits for the next state that would give another merge, and says what changed.
fn next(watch: &mut Watch, request: &MergeRequest, state: &State) -> (Snapshot, State, String) {
    let mut failing = false;
    loop {
        watch.wait();
        let (snapshot, now) = match steady(request) {
            Ok(seen) => seen,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    output::warning(&format!("cannot look for now: {error}"));
                }
                std::thread::sleep(repolens::watch::POLL);
                continue;
            }
        };
        failing = false;
        follow(watch, &snapshot);
        let changes = now.since(state);
        if !changes.is_empty() {
            return (snapshot, now, changes.told());
        }
    }
}

/// A look that shows whether a file changes after it; where files never rest, the last of a few.
fn steady(request: &MergeRequest) -> Result<(Snapshot, State), MergeError> {
    let mut tries = 0;
    loop {
        let began = SystemTime::now();
        let snapshot = look(request)?;
        let state = State::of(&snapshot, began);
        tries += 1;
        if tries == STEADY_TRIES || !state.is_racy() {
            return Ok((snapshot, state));
        }
        std::thread::sleep(2 * TICK);
    }
}

fn follow(watch: &mut Watch, snapshot: &Snapshot) {
    if let Some(fault) = watch.follow(snapshot) {
        output::warning(&fault);
    }
}

/// One merge; the first one says everything, later ones what changed.
fn again(
    args: &Args,
    request: &MergeRequest,
    snapshot: Snapshot,
    changed: &str,
) -> anyhow::Result<()> {
    let started = Instant::now();
    if !changed.is_empty() {
        output::note(changed);
    }
    let merged = merge::with_tools(&args.merge, |tokens, progress| {
        merge_seen(snapshot, request, tokens, progress)
    })?;
    if args.merge.is_json() {
        return output::json_line(&merge::report(&merged));
    }
    if changed.is_empty() {
        return output::print(&merge::said(&merged));
    }
    let bytes = merged.iter().map(|one| one.bytes).sum();
    let first = merged.first().and_then(|one: &Merged| one.files.first());
    let place = first.map_or(String::new(), |path| path.display().to_string());
    let took = started.elapsed().as_millis();
    output::print(&format!("{place} again in {took} ms, {}\n", short_size(bytes)))
}
