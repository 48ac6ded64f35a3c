//! Many calls at once, and a call that is killed.

use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::TestRepo;

use crate::world::Wgx;

#[test]
fn sixty_four_first_runs_in_an_empty_home_lose_nothing() {
    let repo = TestRepo::new().profile("tasks:\n  a: echo ran\n");
    let children: Vec<_> = (0..64).map(|_| repo.call(&["run", "a"]).spawn()).collect();
    for child in children {
        let ran = testkit::Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "ran\n", ""));
    }
    let runs = repo.report(&["runs", "--limit", "0"])["runs"].clone();
    let runs = runs.as_array().unwrap();
    assert_eq!(runs.len(), 64);
    assert!(runs.iter().all(|run| run["exit_code"] == 0));
    assert_eq!(repo.report(&["memory", "check"])["sound"], true);
}

#[test]
fn a_killed_wgx_leaves_an_open_run_and_a_sound_memory() {
    let repo = TestRepo::new().profile("tasks:\n  long: echo $$ > pid; sleep 30\n  a: 'true'\n");
    let mut child = repo.call(&["run", "long"]).spawn();
    let task = wait_for_pid(&repo);
    child.kill().unwrap();
    child.wait().unwrap();
    // The task itself may live on: nobody was left to end it.
    let _ = kill_process(task, Signal::KILL);
    let run = repo.recorded()[0].clone();
    assert_eq!(
        (&run["exit_code"], &run["duration_ms"]),
        (&None::<i32>.into(), &None::<i32>.into())
    );
    assert!(repo.expect(0, &["runs"]).stdout.contains("open"));
    assert_eq!(repo.report(&["memory", "stats"])["open_runs"], 1);
    assert_eq!(repo.report(&["memory", "check"])["sound"], true);
    repo.expect(0, &["run", "a"]);
    assert_eq!(repo.recorded().len(), 2);
}

#[test]
fn a_terminated_wgx_ends_its_task_and_records_it() {
    let repo = TestRepo::new().profile("tasks:\n  long: echo $$ > pid; sleep 30\n");
    let child = repo.call(&["run", "long"]).spawn();
    let task = wait_for_pid(&repo);
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let ran = testkit::Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, 143, "{}", ran.stderr);
    assert!(kill_process(task, Signal::CONT).is_err(), "the task lives on");
    assert_eq!(repo.recorded()[0]["exit_code"], 143);
}

fn wait_for_pid(repo: &TestRepo) -> Pid {
    for _ in 0..1000 {
        let text = std::fs::read_to_string(repo.path().join("pid")).unwrap_or_default();
        if let Some(pid) = text.trim().parse().ok().and_then(Pid::from_raw) {
            return pid;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the task never began");
}

#[test]
fn two_writers_at_once_do_not_lose_each_others_runs() {
    let repo = TestRepo::new().profile("tasks:\n  a: sleep 0.2\n  b: sleep 0.2\n");
    for _ in 0..3 {
        let both = ["a", "b"].map(|task| repo.call(&["run", task]).spawn());
        for child in both {
            assert!(child.wait_with_output().unwrap().status.success());
        }
    }
    assert_eq!(repo.recorded().len(), 6);
}
