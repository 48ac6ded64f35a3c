//! Tasks on a terminal of their own.

use rustix::process::Signal;

use crate::engine::{Engine, is_alive, kill, wait_for};

#[test]
fn the_task_sees_a_terminal_of_the_same_size_and_colours_survive() {
    let engine = Engine::shell(
        "test -t 0 && test -t 1 && test -t 2 && echo all terminals; stty size; \
         printf '\\033[31mred\\033[0m\\n'; exit 3",
    );
    let (screen, code) = engine.on_terminal().finish();
    assert!(screen.contains("all terminals\r\n30 100\r\n\u{1b}[31mred\u{1b}[0m\r\n"), "{screen:?}");
    assert_eq!(code, Some(3));
    let report = engine.report();
    assert_eq!(report["on_terminal"], true);
    assert_eq!(report["terminal"], "all terminals\r\n30 100\r\n\u{1b}[31mred\u{1b}[0m\r\n");
}

#[test]
fn keys_reach_the_task_and_are_echoed_once() {
    let engine = Engine::shell("printf 'name? '; read name; echo \"hello $name\"");
    let mut terminal = engine.on_terminal();
    terminal.wait_for("name? ");
    terminal.type_keys("Ada\n");
    let (screen, code) = terminal.finish();
    assert_eq!((screen.as_str(), code), ("Ada\r\nhello Ada\r\n", Some(0)));
}

#[test]
fn a_new_window_size_is_passed_on() {
    let engine =
        Engine::shell("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done");
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    terminal.master.resize(pty_process::Size::new(40, 120)).unwrap();
    let (screen, code) = terminal.finish();
    assert!(screen.contains("40 120"), "{screen}");
    assert_eq!(code, Some(0));
}

#[test]
fn ctrl_c_ends_the_whole_tree_and_the_exit_code_says_so() {
    let engine = Engine::shell(
        "setsid sleep 1000 & echo $! > daemon; sleep 1000 & echo $! > plain; echo ready; \
         exec sleep 1000",
    );
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    let pids = ["plain", "daemon"].map(|name| engine.pid(name));
    terminal.type_keys("\u{3}");
    let (_, code) = terminal.finish();
    assert_eq!(code, Some(130));
    assert!(!pids.into_iter().any(is_alive), "something lives on");
    assert_eq!(engine.report()["stopped_by"], 2);
}

#[test]
fn who_ignores_ctrl_c_is_ended_after_the_grace_or_the_third_time() {
    let script = "trap '' INT; echo ready; while :; do sleep 0.1; done";
    let engine = Engine::shell(script).set("interrupt_grace_ms", 300);
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    terminal.type_keys("\u{3}");
    assert_eq!(terminal.finish().1, Some(143));

    let engine = Engine::shell(script).set("interrupt_grace_ms", 600_000);
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    for _ in 0..3 {
        terminal.type_keys("\u{3}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(terminal.finish().1, Some(143));
}

#[test]
fn who_goes_on_typing_after_ctrl_c_is_left_alone() {
    let engine = Engine::shell(
        "trap 'echo caught' INT; echo ready; while read line; do echo \"got $line\"; \
         test \"$line\" = end && exit 0; sleep 0.6; done",
    )
    .set("interrupt_grace_ms", 300);
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    terminal.type_keys("\u{3}");
    terminal.wait_for("caught");
    terminal.type_keys("more\n");
    terminal.wait_for("got more");
    std::thread::sleep(std::time::Duration::from_millis(500));
    terminal.type_keys("end\n");
    assert_eq!(terminal.finish().1, Some(0));
    assert!(engine.report()["stopped_by"].is_null());
}

#[test]
fn a_program_that_reads_single_keys_gets_ctrl_c_as_a_key() {
    let engine = Engine::shell("stty raw -echo; echo ready; head -c 1 | od -An -tx1; stty sane")
        .set("interrupt_grace_ms", 100);
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    terminal.type_keys("\u{3}");
    let (screen, code) = terminal.finish();
    assert!(screen.contains("03"), "{screen:?}");
    assert_eq!(code, Some(0));
}

#[test]
fn our_terminal_is_given_back_as_it_was_on_every_way_out() {
    for (script, limit) in [("echo ready; sleep 0.2", None), ("echo ready; sleep 99", Some(400))] {
        let mut engine = Engine::shell(script);
        if let Some(limit) = limit {
            engine = engine.set("timeout_ms", limit);
        }
        let mut terminal = engine.on_terminal();
        terminal.wait_for("ready");
        assert!(!terminal.is_as_before(), "raw mode was never entered");
        let status = terminal.child.wait().unwrap();
        assert_eq!(status.code(), Some(if limit.is_some() { 124 } else { 0 }));
        assert!(terminal.is_as_before(), "{script}");
    }
}

#[test]
fn a_termination_signal_gives_the_terminal_back_too() {
    let engine = Engine::shell("echo $$ > self; echo ready; sleep 1000");
    let mut terminal = engine.on_terminal();
    terminal.wait_for("ready");
    kill(i32::try_from(terminal.child.id()).unwrap(), Signal::TERM);
    assert_eq!(terminal.child.wait().unwrap().code(), Some(143));
    assert!(terminal.is_as_before());
    assert!(!is_alive(engine.pid("self")));
}

#[test]
fn a_daemon_survives_the_end_of_a_good_task() {
    let engine = Engine::shell("setsid sleep 1000 > /dev/null 2>&1 & echo $! > daemon; sleep 0.2");
    let (_, code) = engine.on_terminal().finish();
    let daemon = engine.pid("daemon");
    assert!(is_alive(daemon), "it was ended");
    kill(daemon, Signal::KILL);
    assert_eq!(code, Some(0));
}

#[test]
fn ctrl_z_stops_wgx_and_the_task_and_fg_continues_both() {
    let engine = Engine::shell("echo $$ > self; echo ready; read line; echo \"got $line\"");
    let like = engine.command();
    let words: Vec<String> = std::iter::once(like.get_program())
        .chain(like.get_args())
        .map(|word| wgx_tasks::process::launch::quote(word).to_string_lossy().into_owned())
        .collect();
    let mut terminal = engine.on_terminal_with(interactive_shell(&like));
    terminal.type_keys(&format!("PS1='prompt> '\n{}\n", words.join(" ")));
    terminal.wait_for("ready\r\n");
    terminal.type_keys("\u{1a}");
    terminal.wait_for("prompt> ");
    let stat = format!("/proc/{}/stat", engine.pid("self"));
    wait_for("the task to be stopped", || {
        let state = std::fs::read_to_string(&stat).unwrap();
        state.rsplit(')').next().unwrap().starts_with(" T").then_some(())
    });
    terminal.type_keys("fg\n");
    terminal.wait_for("engine::entry");
    terminal.type_keys("line\n");
    terminal.wait_for("got line");
    terminal.wait_for("prompt> ");
    terminal.type_keys("exit\n");
    terminal.finish();
    assert_eq!(engine.report()["code"], 0);
}

#[test]
fn with_its_output_in_a_pipe_the_task_still_asks_on_the_terminal_and_hears_ctrl_c() {
    let engine = Engine::shell(
        "setsid sleep 1000 & echo $! > daemon; echo shown; printf 'password? ' > /dev/tty; \
         read word < /dev/tty; echo \"got $word\" >&2; exec sleep 1000",
    );
    let like = engine.command();
    let words: Vec<String> = std::iter::once(like.get_program())
        .chain(like.get_args())
        .map(|word| wgx_tasks::process::launch::quote(word).to_string_lossy().into_owned())
        .collect();
    let out = engine.path("out");
    let mut shell = interactive_shell(&like);
    shell.args(["-c", &format!("{} > {}; true", words.join(" "), out.display())]);
    let mut terminal = engine.on_terminal_with(shell);
    terminal.wait_for("password? ");
    terminal.type_keys("secret\n");
    terminal.wait_for("got secret");
    terminal.type_keys("\u{3}");
    terminal.finish();
    let report = engine.report();
    assert_eq!(report["signal"], 2, "{report}");
    assert_eq!(report["stopped_by"], 2);
    assert_eq!(report["on_terminal"], false);
    assert_eq!(report["output"], "shown\n");
    assert!(std::fs::read_to_string(out).unwrap().ends_with("shown\n"));
    assert!(!is_alive(engine.pid("daemon")));
}

#[expect(clippy::disallowed_methods, reason = "the test starts a shell with job control")]
fn interactive_shell(like: &std::process::Command) -> std::process::Command {
    let mut command = std::process::Command::new("bash");
    command.args(["--norc", "--noprofile", "--noediting", "-i"]);
    command.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}
