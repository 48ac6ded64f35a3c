//! Merges of repolens against the packers that people use, over a generated repository or any path.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::measure::{Probe, in_turn};
use super::peers::Peer;
use super::table::{Row, Table};
use super::{Bench, machine};

/// Files of the generated repository, and their bytes together.
const FILES: usize = 15_000;
const BYTES: usize = 70_000_000;

const WALL: &str = "ms wall";
const CPU: &str = "ms cpu";
const MIB: &str = "MiB peak";

/// What should hold for the generated repository on two processors that do nothing else.
const COLD_MS: f64 = 600.0;
const EDIT_MS: f64 = 120.0;
const PEAK_MIB: f64 = 96.0;

/// A peer, how it is called, whether it counts tokens, and the ratio of wall time that should hold.
struct Opponent<'a> {
    peer: &'a Peer,
    words: Vec<String>,
    counts: bool,
    limit: f64,
}

/// Cold and warm merges, with and without tokens, and what the peers need for theirs.
pub(super) fn measure(bench: &Bench, table: &mut Table) -> anyhow::Result<()> {
    let repolens = machine::build("repolens")?;
    let corpus = match &bench.lens {
        Some(path) => path.canonicalize().context("--lens")?,
        None => generate(&bench.fixtures.folder("corpus")?)?,
    };
    let is_generated = bench.lens.is_none();
    let work = bench.fixtures.folder("merges")?;
    let rounds = bench.rounds.div_ceil(8);
    let ours = |words: &[&str]| {
        let path = corpus.to_string_lossy();
        let fixed = [&*path, "--out", "ours", "--name", "bench"];
        let words: Vec<&str> = fixed.into_iter().chain(words.iter().copied()).collect();
        Probe::new(&repolens, &words, &work).home(&bench.fixtures.home("lens"))
    };
    let cold = ours(&["--no-cache"]);
    let plain = ours(&["--no-cache", "--no-tokens"]);
    let [first, light, again] = in_turn(rounds, [&cold, &plain, &ours(&[])])?;
    let limited = |row: Row, limit: f64| if is_generated { row.limit(limit) } else { row };
    let what = "a merge: tokens, hashes, secrets, anchors";
    table.add(limited(Row::alone(what, WALL, first.wall_ms), COLD_MS));
    table.add(Row::alone(what, CPU, first.cpu_ms));
    table.add(Row::alone(what, MIB, first.peak_mib).limit(PEAK_MIB));
    let cold_ms = ("the first", first.wall_ms);
    table.add(Row::ratio("a merge without tokens", WALL, light.wall_ms, cold_ms));
    table.add(Row::ratio("a merge again, unchanged", WALL, again.wall_ms, cold_ms));
    if is_generated {
        edited(bench, table, (&repolens, &corpus, &work), rounds)?;
    }
    for Opponent { peer, words, counts, limit } in opponents(bench, &corpus) {
        let what = format!("a merge against {}", peer.name);
        let mine = if counts { &cold } else { &plain };
        let measured = peer.program().and_then(|program| {
            in_turn(rounds.div_ceil(2), [mine, &Probe::new(program, &words, &work)])
        });
        match measured {
            Ok([mine, theirs]) => {
                let name = peer.name;
                let row = Row::ratio(&what, WALL, mine.wall_ms, (name, theirs.wall_ms));
                table.add(row.limit(limit));
                table.add(Row::ratio(&what, CPU, mine.cpu_ms, (name, theirs.cpu_ms)));
                table.add(Row::ratio(&what, MIB, mine.peak_mib, (name, theirs.peak_mib)));
            }
            Err(error) => table.not_measured(&what, &format!("{error:#}")),
        }
    }
    Ok(())
}

/// A merge after each change of one file.
fn edited(
    bench: &Bench,
    table: &mut Table,
    (repolens, corpus, work): (&Path, &Path, &Path),
    rounds: usize,
) -> anyhow::Result<()> {
    let script = r#"echo '// changed' >> "$0/src/module_0/file_0.rs" && exec "$@""#;
    let (corpus, repolens) = (corpus.to_string_lossy(), repolens.to_string_lossy());
    let words = ["-c", script, &corpus, &repolens, &corpus, "--out", "ours", "--name", "bench"];
    let probe = Probe::new(bench.peers.shell.program()?, &words, work);
    let [after] = in_turn(rounds, [&probe.home(&bench.fixtures.home("lens"))])?;
    table.add(Row::alone("a merge again, one file changed", WALL, after.wall_ms).limit(EDIT_MS));
    Ok(())
}

fn opponents<'a>(bench: &'a Bench, corpus: &Path) -> Vec<Opponent<'a>> {
    let corpus = corpus.to_string_lossy();
    let opponent = |peer, words: &[&str], counts, limit| {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Opponent { peer, words, counts, limit }
    };
    let peers = &bench.peers;
    vec![
        opponent(&peers.repomix, &["--quiet", "-o", "repomix.xml", &corpus], true, 0.1),
        opponent(&peers.code2prompt, &[&corpus, "-O", "code2prompt.md"], true, 0.2),
        opponent(&peers.yek, &["--output-dir", "yek", &corpus], false, 1.0),
        opponent(&peers.files_to_prompt, &["-m", "-o", "files.md", &corpus], false, 1.0),
    ]
}

/// A repository of many files of usual sizes, the same on every machine.
fn generate(folder: &Path) -> anyhow::Result<PathBuf> {
    if folder.join("README.md").exists() {
        return Ok(folder.to_owned());
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mean = BYTES / FILES;
    for number in 0..FILES {
        // Many small files and a few large ones, as in real trees; the mean is kept.
        let size = match random.below(100) {
            0..60 => mean / 4,
            60..95 => mean + mean / 2,
            _ => mean * 13 / 2,
        };
        let path = folder.join(format!("src/module_{}/file_{}.rs", number / 40, number % 40));
        if number % 40 == 0 {
            fs::create_dir_all(path.parent().context("a file has a folder")?)?;
        }
        fs::write(&path, source(size, &mut random))?;
    }
    fs::write(folder.join("README.md"), "# Corpus\n\nGenerated to measure merges.\n")?;
    Ok(folder.to_owned())
}

/// Text with the shape of code: words, numbers, indentation, comments.
fn source(size: usize, random: &mut Random) -> String {
    let words = [
        "value", "index", "self", "result", "Option", "buffer", "length", "token", "parse",
        "match", "return", "Some", "None", "error", "request", "response", "stream", "handle",
        "config", "state",
    ];
    let mut text = String::with_capacity(size + 128);
    while text.len() < size {
        let indent = random.below(4) * 4;
        text.extend(std::iter::repeat_n(' ', indent));
        if random.below(8) == 0 {
            text.push_str("// ");
        }
        for place in 0..4 + random.below(6) {
            let word = words[random.below(words.len())];
            let other = words[random.below(words.len())];
            let written = match random.below(6) {
                0 => write!(text, "{word}({})", random.below(10_000)),
                1 => write!(text, "{word}_{other}"),
                2 => write!(text, "\"{word} {place}\","),
                3 => write!(text, "{word}.{other}()"),
                _ => write!(text, "{word}"),
            };
            written.expect("writing to a string cannot fail");
            text.push(' ');
        }
        text.push_str(if random.below(3) == 0 { "{\n" } else { ";\n" });
    }
    text
}

/// Xorshift: the same sequence everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
