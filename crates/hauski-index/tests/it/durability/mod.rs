//! A process that is killed again and again, and what has to hold afterwards: nothing acknowledged is lost, nothing
//! forgotten comes back, every store shows the same passages. `HAUSKI_KILLS` says how often (50 unless set).

mod checks;
mod faults;
mod victim;
mod work;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use checks::check;
use work::{Model, Op};

/// Places in the code at which a process ends.
const PLACES: &[&str] = &[
    "truth.before-commit",
    "truth.after-commit",
    "index.before-text-apply",
    "index.after-text-apply",
    "index.before-text-commit",
    "index.after-text-commit",
    "index.before-text-compaction",
    "index.after-text-compaction",
    "index.before-vectors",
    "index.between-vectors",
    "index.after-vectors",
    "index.before-vector-compaction",
    "index.after-vector-compaction",
];

/// Numbers without a clock and without a crate: the same seed, the same numbers.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % most
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test starts itself as the process that is killed"
)]
fn start(home: &std::path::Path, from: u64, place: &str, nth: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["durability::victim::victim", "--exact", "--ignored", "--nocapture"])
        .env("HAUSKI_VICTIM", format!("{}|{from}|{place}|{nth}", home.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lets it work until it is killed; returns how many operations it acknowledged.
fn until_killed(mut child: Child, after: Option<Duration>) -> u64 {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let killer = std::thread::spawn(move || {
        // Where a place was named it ends there by itself; that it never gets there is no reason to wait for ever.
        let patience = after.unwrap_or(Duration::from_secs(4));
        let began = Instant::now();
        while began.elapsed() < patience {
            if child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = child.kill();
        let _ = child.wait();
    });
    let acknowledged = lines.map_while(Result::ok).filter(|line| line.starts_with("ack ")).count();
    killer.join().unwrap();
    acknowledged as u64
}

#[expect(clippy::disallowed_methods, reason = "a person says how long the test may take")]
fn kills() -> u64 {
    std::env::var("HAUSKI_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(50)
}

#[test]
fn killed_again_and_again_it_loses_nothing() {
    let home = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut dice = Dice(0x5eed);
    let (mut next, mut acknowledged_in_all, mut slowest) = (0, 0, Duration::ZERO);
    for kill in 0..kills() {
        let (place, nth, after) = match kill % 2 {
            0 => ("", 0, Some(Duration::from_millis(40 + dice.below(560)))),
            _ => (PLACES[(kill as usize / 2) % PLACES.len()], 1 + dice.below(4), None),
        };
        let acknowledged = until_killed(start(home.path(), next, place, nth), after);
        acknowledged_in_all += acknowledged;
        for number in next..next + acknowledged {
            model.apply(&Op::of(number));
        }
        next += acknowledged;
        // The one that was on its way is there as a whole or not at all.
        let under_way = Op::of(next);
        let (problems, opened, was_done) = check(home.path(), &model, Some(&under_way));
        assert!(problems.is_empty(), "kill {kill} at {place:?} ({nth}): {problems:#?}");
        assert!(opened < Duration::from_secs(2), "kill {kill}: open after {opened:?}");
        slowest = slowest.max(opened);
        if was_done {
            model.apply(&under_way);
        }
        next += 1;
    }
    println!("{} kills, {acknowledged_in_all} acknowledged, slowest open {slowest:?}", kills());
    assert!(acknowledged_in_all > kills(), "it hardly worked at all");
}
