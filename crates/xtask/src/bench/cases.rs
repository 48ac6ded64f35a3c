//! What is measured, a function a question.

use std::path::Path;

use anyhow::bail;

use super::fixtures::{justfile, write};
use super::measure::{Probe, in_turn};
use super::peers::Peer;
use super::table::{Row, Table};
use super::{Bench, audit, embed, lens, plugin, policy, text, vectors, writers};

/// One question.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) measure: fn(&Bench, &mut Table) -> anyhow::Result<()>,
}

/// All questions, in the order of the table.
pub(super) const ALL: &[Case] = &[
    Case { name: "list", measure: list },
    Case { name: "run", measure: run },
    Case { name: "64 writers at once", measure: writers::measure },
    Case { name: "history", measure: history },
    Case { name: "free text", measure: free_text },
    Case { name: "guard", measure: guard },
    Case { name: "logs", measure: logs },
    Case { name: "workspaces", measure: workspaces },
    Case { name: "merges", measure: lens::measure },
    Case { name: "plugin", measure: plugin::measure },
    Case { name: "embed", measure: embed::measure },
    Case { name: "audit", measure: audit::measure },
    Case { name: "policy", measure: policy::measure },
    Case { name: "vectors", measure: vectors::measure },
    Case { name: "text", measure: text::measure },
];

const CPU: &str = "ms cpu";
const WALL: &str = "ms wall";
/// Runs of the long history.
const HISTORY: u32 = 100_000;
/// Tasks of the repository that free text is tried in.
const MANY_TASKS: usize = 300;
/// Members of the workspaces.
const MEMBERS: usize = 200;
/// Size of the log whose masking is measured, in bytes.
const LOG_BYTES: usize = 16 << 20;

fn wgx(bench: &Bench, arguments: &[&str], folder: &Path) -> Probe {
    Probe::new(&bench.wgx, arguments, folder)
        .home(&bench.fixtures.home("common"))
        .path(&bench.peers.path)
}

/// Fails unless wgx lists as many tasks as the fixture has: a ratio over less work would be a lie.
fn expect_tasks(bench: &Bench, folder: &Path, least: usize) -> anyhow::Result<()> {
    let text = wgx(bench, &["list", "--json"], folder).output()?;
    let report: serde_json::Value = serde_json::from_str(&text)?;
    let found = report["tasks"].as_array().map_or(0, Vec::len);
    if found < least {
        bail!("wgx lists {found} tasks of {least}; there is nothing to compare");
    }
    Ok(())
}

fn list(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let peers = &bench.peers;
    for (tasks, limit) in [(3, 2.0), (60, 1.0)] {
        let runners = bench.fixtures.runners(tasks)?;
        let all: [(&Peer, &Path, &str); 4] = [
            (&peers.just, &runners.just, "--list"),
            (&peers.make, &runners.make, "-pnRr"),
            (&peers.task, &runners.task, "--list-all"),
            (&peers.npm, &runners.npm, "run"),
        ];
        for (peer, folder, argument) in all {
            let what = format!("wgx list, {tasks} {} tasks", peer.name);
            let theirs = peer.program().map(|program| Probe::new(program, &[argument], folder));
            let row = theirs.and_then(|theirs| list_row(bench, &what, (tasks, &theirs), folder));
            match row {
                Ok(row) if peer.name == "just" => table.add(row.limit(limit)),
                Ok(row) => table.add(row),
                Err(error) => table.not_measured(&what, &format!("{error:#}")),
            }
        }
    }
    Ok(())
}

fn list_row(
    bench: &Bench,
    what: &str,
    (tasks, theirs): (usize, &Probe),
    folder: &Path,
) -> anyhow::Result<Row> {
    expect_tasks(bench, folder, tasks)?;
    let [ours, other] = in_turn(bench.rounds, [&wgx(bench, &["list"], folder), theirs])?;
    Ok(Row::ratio(what, CPU, ours.cpu_ms, (&theirs.to_string(), other.cpu_ms)))
}

fn run(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = bench.fixtures.repository(&bench.peers.git)?;
    let nothing = Probe::new(Path::new("/bin/true"), &[] as &[&str], &folder);
    let ours = wgx(bench, &["run", "nothing"], &folder);
    let [ours, bare] = in_turn(bench.rounds, [&ours, &nothing])?;
    let what = "wgx run of a program, recorded";
    table.add(Row::added(what, CPU, ours.cpu_ms, ("/bin/true", bare.cpu_ms)).limit(5.0));
    let recipe = Probe::new(bench.peers.just.program()?, &["x"], &folder);
    let ours = wgx(bench, &["run", "just:x"], &folder);
    let [ours, bare] = in_turn(bench.rounds, [&ours, &recipe])?;
    let what = "wgx run of a recipe, recorded";
    table.add(Row::added(what, CPU, ours.cpu_ms, ("just x", bare.cpu_ms)).limit(5.0));
    table.add(Row::ratio(what, WALL, ours.wall_ms, ("just x", bare.wall_ms)));
    let status =
        Probe::new(bench.peers.git.program()?, &["status", "--porcelain=v2", "--branch"], &folder);
    let dry = wgx(bench, &["run", "nothing", "--dry-run"], &folder);
    let [dry, status] = in_turn(bench.rounds, [&dry, &status])?;
    let peer = ("git status alone", status.cpu_ms);
    table.add(Row::ratio("wgx run --dry-run: no memory, no git", CPU, dry.cpu_ms, peer));
    Ok(())
}

fn history(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let home = bench.fixtures.history(HISTORY)?;
    let folder = bench.fixtures.repository(&bench.peers.git)?;
    let call =
        |arguments: &[&str], home: &Path| Probe::new(&bench.wgx, arguments, &folder).home(home);
    let listed = call(&["runs", "--all", "--json"], &home).output()?;
    let rows = serde_json::from_str::<serde_json::Value>(&listed)?;
    if rows["runs"].as_array().map_or(0, Vec::len) < 100 {
        bail!("the history is not there");
    }
    let page = call(&["runs", "--all"], &home);
    let filtered = call(&["runs", "--all", "--failed", "--task", "just:task10"], &home);
    let [page, filtered] = in_turn(bench.rounds, [&page, &filtered])?;
    table.add(Row::alone("wgx runs over 100,000 runs", WALL, page.wall_ms).limit(50.0));
    table.add(
        Row::alone("wgx runs --failed --task, 100,000 runs", WALL, filtered.wall_ms).limit(50.0),
    );
    let empty = bench.fixtures.home("short");
    let [long, short] = in_turn(
        bench.rounds,
        [&call(&["run", "nothing"], &home), &call(&["run", "nothing"], &empty)],
    )?;
    let what = "wgx run after 100,000 runs";
    table.add(Row::ratio(what, CPU, long.cpu_ms, ("after few runs", short.cpu_ms)).limit(1.1));
    Ok(())
}

fn free_text(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = bench.fixtures.folder("many")?;
    write(&folder, "justfile", &justfile(MANY_TASKS))?;
    let text = wgx(bench, &["run", "--dry-run", "--json", "please check the images"], &folder);
    // A text that several tasks fit ends with a code of its own, which is no failure here.
    let exact = wgx(bench, &["run", "--dry-run", "--json", "lint"], &folder);
    let text_or_choice = Probe::new(
        bench.peers.shell.program()?,
        &[
            "-c",
            &format!(
                "\"{}\" run --dry-run --json 'please check the images' || true",
                bench.wgx.display()
            ),
        ],
        &folder,
    )
    .home(&bench.fixtures.home("common"));
    let probe = if text.output().is_ok() { &text } else { &text_or_choice };
    let [ours, exact] = in_turn(bench.rounds, [probe, &exact])?;
    let what = format!("wgx run \"free text\" over {MANY_TASKS} tasks, dry");
    table.add(Row::added(&what, CPU, ours.cpu_ms, ("an exact name", exact.cpu_ms)));
    Ok(())
}

fn guard(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = bench.fixtures.repository(&bench.peers.git)?;
    let ours = wgx(bench, &["guard"], &folder);
    let status = Probe::new(bench.peers.git.program()?, &["grep", "-c", "-I", "line"], &folder);
    let [ours, bare] = in_turn(bench.rounds, [&ours, &status])?;
    table.add(Row::ratio("wgx guard, 23 files", CPU, ours.cpu_ms, ("git grep", bare.cpu_ms)));
    Ok(())
}

/// The whole way of a log: passed on, masked, hashed, compressed or not, stored and indexed.
fn logs(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let folder = bench.fixtures.repository(&bench.peers.git)?;
    let line =
        "2026-01-01T00:00:00Z INFO crate::module: compiled 17 files in 0.3 s, path=/src/a.rs\n";
    write(&folder, "big.log", &line.repeat(LOG_BYTES / line.len()))?;
    let copy = Probe::new(
        bench.peers.shell.program()?,
        &["-c", "cat big.log | tee .git/copy | sha256sum"],
        &folder,
    );
    let ours = wgx(bench, &["run", "log"], &folder);
    let rounds = bench.rounds.div_ceil(5);
    let [ours, copy] = in_turn(rounds, [&ours, &copy])?;
    let megabytes = LOG_BYTES as f64 / 1e6;
    let what = format!("a log of {megabytes:.0} MB: passed on, masked, stored");
    table.add(Row::ratio(&what, CPU, ours.cpu_ms, ("cat | tee | sha256sum", copy.cpu_ms)));
    table.add(Row::alone(
        "  the same, masked and stored per second",
        "MB/s cpu",
        megabytes / ours.cpu_ms * 1e3,
    ));
    Ok(())
}

fn workspaces(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let (npm, cargo) = bench.fixtures.workspace(MEMBERS)?;
    let peers = &bench.peers;
    let metadata = ["metadata", "--no-deps", "--offline", "--format-version", "1"];
    let all: [(&Peer, &Path, &[&str]); 2] =
        [(&peers.npm, &npm, &["run", "--workspaces"]), (&peers.cargo, &cargo, &metadata)];
    for (peer, folder, arguments) in all {
        let what = format!("wgx list, {} workspace of {MEMBERS}", peer.name);
        let measured = expect_tasks(bench, folder, MEMBERS).and_then(|()| {
            let theirs = Probe::new(peer.program()?, arguments, folder);
            let ours = wgx(bench, &["list"], folder);
            let [ours, other] = in_turn(bench.rounds.div_ceil(4), [&ours, &theirs])?;
            Ok(Row::ratio(&what, CPU, ours.cpu_ms, (&theirs.to_string(), other.cpu_ms)))
        });
        match measured {
            Ok(row) => table.add(row),
            Err(error) => table.not_measured(&what, &format!("{error:#}")),
        }
    }
    Ok(())
}
