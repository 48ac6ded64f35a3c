//! Records one run and nothing else: what `wgx run` pays for its memory. `record HOME [TIMES]`.

use std::io::Write;

use memory::{Access, Environment, Home, RepoIdentity, RepoRecord, RunFinish, RunStart, Store};
use redact::Redactor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let home = Home::at(arguments.next().ok_or("usage: record HOME [TIMES]")?);
    let times: u32 = match arguments.next() {
        Some(times) => times.to_string_lossy().parse()?,
        None => 1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        let mut store = Store::open(&home, Access::Write, Redactor::new(home.mask_key()?)).await?;
        for _ in 0..times {
            record(&mut store).await?;
        }
        store.close().await?;
        Ok(())
    })
}

async fn record(store: &mut Store) -> Result<(), Box<dyn std::error::Error>> {
    let start = RunStart {
        repo: RepoRecord {
            identity: RepoIdentity::Origin("https://example.org/team/house.git".into()),
            name: "house".into(),
            tags: Vec::new(),
            default_tasks: Vec::new(),
        },
        environment: Environment { os: "debian 12".into(), ..Environment::default() },
        task: "just:test".into(),
        source: "just".into(),
        args: Vec::new(),
        cwd: String::new(),
        reason: "named".into(),
        parent_run: None,
    };
    let run = store.start_run(&start).await?;
    let mut log = store.log_writer();
    log.write_all(b"running 3 tests\nok\n")?;
    let log = Some(log.finish()?);
    let finish = RunFinish { exit_code: Some(0), duration_ms: 1, log, ..RunFinish::default() };
    store.finish_run(&run, &finish).await?;
    Ok(())
}
