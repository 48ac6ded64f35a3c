//! How long a decision takes: every address of the case list, round by round, against a policy of 1,000 further entries.
//! Prints one JSON object. The benchmark of the project starts it.

use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use contracts::hauski::policy::{AllowEntry, Routing};
use policy::EgressPolicy;

const CASES: &str = include_str!("../tests/cases/urls.tsv");
const ENTRIES: usize = 1_000;
const ROUNDS: usize = 500;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut routing = Routing::default();
    let listed = CASES.lines().filter_map(|line| line.strip_prefix("entry\thttps"));
    routing.egress.allow.extend(listed.map(|rest| AllowEntry::Origin(format!("https{rest}"))));
    let more =
        (0..ENTRIES).map(|number| AllowEntry::Origin(format!("https://host-{number}.example")));
    routing.egress.allow.extend(more);
    let policy = EgressPolicy::new(&routing)?;
    let urls: Vec<String> = CASES
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("entry\t"))
        .filter_map(|line| serde_json::from_str(line.split('\t').nth(1)?).ok())
        .collect();
    let mut nanoseconds = Vec::with_capacity(urls.len() * ROUNDS);
    for _ in 0..ROUNDS {
        for url in &urls {
            let start = Instant::now();
            black_box(policy.decide(black_box(url)));
            nanoseconds.push(start.elapsed().as_nanos());
        }
    }
    nanoseconds.sort_unstable();
    let at = |part: usize| nanoseconds[nanoseconds.len() * part / 100] as f64 / 1e3;
    let (p50, p99, count) = (at(50), at(99), nanoseconds.len());
    let report = serde_json::json!({ "decisions": count, "p50_us": p50, "p99_us": p99 });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}
