//! What is executed for a task: arguments, shells, environments and what cannot be started.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::TempDir;
use wgx_tasks::process::capture::minimal_environment;
use wgx_tasks::process::{
    Capture, CleanEnvironment, Launch, LaunchError, LaunchRequest, Limits, OwnExit, capture, launch,
};
use wgx_tasks::task::{Invocation, Program};

#[expect(clippy::disallowed_methods, reason = "tests need a real PATH")]
fn real_path() -> OsString {
    std::env::var_os("PATH").unwrap()
}

fn environment(path: impl Into<OsString>) -> CleanEnvironment {
    CleanEnvironment {
        kept: vec![("PATH".into(), path.into()), ("KEPT".into(), "1".into())],
        removed: vec!["RUSTUP_TOOLCHAIN".into()],
    }
}

fn plan(program: Program, args: &[OsString], root: &Path) -> Result<Launch, LaunchError> {
    let env = vec![("KEPT".to_owned(), "2".to_owned()), ("NEW".to_owned(), "3".to_owned())];
    let invocation = Invocation {
        program,
        dir: String::new(),
        env_defaults: vec![("KEPT".into(), "default".into()), ("OTHER".into(), "4".into())],
        env,
    };
    let environment = environment(real_path());
    launch(LaunchRequest { invocation: &invocation, root, args, environment: &environment })
}

fn argv(words: &[&str], separator: Option<&'static str>) -> Program {
    Program::Argv { argv: words.iter().map(ToString::to_string).collect(), separator }
}

/// Runs a launch and returns what it printed.
fn output(launch: &Launch) -> Vec<u8> {
    let mut argv = launch.argv.clone();
    argv[0] = launch.program.clone().into();
    let environment = launch.environment();
    let limits = Limits::default();
    let question = Capture { argv: &argv, dir: &launch.cwd, environment: &environment, limits };
    capture(question).unwrap().stdout
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

#[test]
fn a_separator_stands_only_before_arguments() {
    let root = TempDir::new().unwrap();
    let program = || argv(&["echo", "run", "x"], Some("--"));
    assert_eq!(plan(program(), &[], root.path()).unwrap().command(), ["echo", "run", "x"]);
    let with = plan(program(), &words(&["-v", "a b"]), root.path()).unwrap();
    assert_eq!(with.command(), ["echo", "run", "x", "--", "-v", "a b"]);
    assert!(with.program.is_absolute());
}

#[test]
fn a_string_sees_its_arguments_appended_or_as_parameters() {
    let root = TempDir::new().unwrap();
    let table = [
        ("printf '<%s>' first", "<first><a b><$HOME><it's>"),
        ("printf '<%s>' \"$2\" first", "<$HOME><first>"),
        ("echo one\nprintf '<%s>' \"$@\"", "one\n<a b><$HOME><it's>"),
        ("echo one\necho two", "one\ntwo\n"),
    ];
    for (script, expected) in table {
        let args = words(&["a b", "$HOME", "it's"]);
        let launch = plan(Program::Shell(script.into()), &args, root.path()).unwrap();
        assert_eq!(String::from_utf8(output(&launch)).unwrap(), expected, "{script}");
        assert_eq!(launch.arguments_unused, script == "echo one\necho two");
    }
}

#[test]
fn the_entries_of_a_list_share_one_shell_that_stops_at_the_first_failure() {
    let root = TempDir::new().unwrap();
    let lines =
        |lines: &[&str]| Program::ShellLines(lines.iter().map(ToString::to_string).collect());
    let shared = plan(lines(&["cd /", "X=1", "echo $PWD $X"]), &[], root.path()).unwrap();
    assert_eq!(output(&shared), b"/ 1\n");
    let failing = plan(lines(&["echo one", "false", "echo two"]), &[], root.path()).unwrap();
    assert_eq!(output(&failing), b"one\n");
}

#[test]
fn bytes_that_are_no_utf_8_reach_the_program() {
    let root = TempDir::new().unwrap();
    let odd = OsString::from_vec(vec![b'a', 0xff, b' ', 0xfe]);
    for program in [argv(&["printf", "<%s>"], None), Program::Shell("printf '<%s>'".into())] {
        let launch = plan(program, std::slice::from_ref(&odd), root.path()).unwrap();
        assert_eq!(output(&launch), b"<a\xff \xfe>");
    }
    let kept = vec![("PATH".into(), real_path()), ("ODD".into(), odd)];
    let environment = CleanEnvironment { kept, removed: Vec::new() };
    let program = Program::Shell("printf '<%s>' \"$ODD\"".into());
    let invocation =
        Invocation { program, dir: String::new(), env_defaults: Vec::new(), env: Vec::new() };
    let request = LaunchRequest {
        invocation: &invocation,
        root: root.path(),
        args: &[],
        environment: &environment,
    };
    assert_eq!(output(&launch(request).unwrap()), b"<a\xff \xfe>");
}

#[test]
fn the_environment_is_the_callers_with_the_changes_that_are_shown() {
    let root = TempDir::new().unwrap();
    let launch = plan(Program::Shell("echo $KEPT $NEW $OTHER".into()), &[], root.path()).unwrap();
    assert_eq!(output(&launch), b"2 3 4\n");
    let changes = launch.changes();
    assert_eq!(changes.unset, ["RUSTUP_TOOLCHAIN"]);
    assert_eq!(
        changes.set.into_iter().collect::<Vec<_>>(),
        [
            ("KEPT".to_owned(), "2".to_owned()),
            ("NEW".to_owned(), "3".to_owned()),
            ("OTHER".to_owned(), "4".to_owned()),
        ]
    );
}

#[test]
fn without_bash_the_string_runs_in_sh() {
    let root = TempDir::new().unwrap();
    let bin = root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let sh = wgx_tasks::tools::find_program("sh", &real_path()).unwrap();
    std::os::unix::fs::symlink(sh, bin.join("sh")).unwrap();
    let program = Program::Shell("echo $0".into());
    let invocation =
        Invocation { program, dir: String::new(), env_defaults: Vec::new(), env: Vec::new() };
    let plan = |path: &Path| {
        let environment = &environment(path);
        launch(LaunchRequest { invocation: &invocation, root: root.path(), args: &[], environment })
    };
    let launched = plan(&bin).unwrap();
    assert_eq!(launched.command(), ["sh", "-c", "echo $0"]);
    assert_eq!(output(&launched), format!("{}/sh\n", bin.display()).into_bytes());
    assert_eq!(plan(Path::new("/nowhere")).unwrap_err().exit(), OwnExit::ProgramMissing);
}

#[test]
fn what_cannot_be_started_says_why() {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("plain"), "echo").unwrap();
    let exits = |program| plan(program, &[], root.path()).map_err(|error| error.exit());
    let missing = exits(argv(&["no-such-program-anywhere"], None));
    assert_eq!(missing.unwrap_err(), OwnExit::ProgramMissing);
    assert_eq!(exits(argv(&["./missing"], None)).unwrap_err(), OwnExit::ProgramMissing);
    assert_eq!(exits(argv(&["./plain"], None)).unwrap_err(), OwnExit::CannotExecute);
    assert_eq!(exits(argv(&[], None)).unwrap_err(), OwnExit::BadTaskFile);
    assert_eq!(exits(Program::Shown("a CI job")).unwrap_err(), OwnExit::CannotExecute);
    let error = plan(argv(&["./plain"], None), &[], root.path()).unwrap_err();
    assert!(error.to_string().ends_with("plain` cannot be executed: permission denied"), "{error}");
}

#[test]
fn a_script_with_a_missing_interpreter_cannot_be_executed() {
    let root = TempDir::new().unwrap();
    let script = root.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let launch = plan(argv(&["./script"], None), &[], root.path()).unwrap();
    let error = wgx_tasks::process::run(&launch, wgx_tasks::process::RunOptions::default());
    let error = error.unwrap_err();
    assert_eq!(error.exit(), OwnExit::CannotExecute);
    assert!(error.to_string().contains("interpreter"), "{error}");
}

#[test]
fn a_task_in_a_folder_runs_there_and_finds_its_own_program() {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("sub");
    fs::create_dir(&folder).unwrap();
    let script = folder.join("here");
    fs::write(&script, "#!/bin/sh\npwd -P\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let program = argv(&["./here"], None);
    let mut invocation =
        Invocation { program, dir: "sub".into(), env_defaults: Vec::new(), env: Vec::new() };
    let environment = environment(real_path());
    let plan = |invocation: &Invocation| {
        launch(LaunchRequest {
            invocation,
            root: root.path(),
            args: &[],
            environment: &environment,
        })
    };
    let shown = output(&plan(&invocation).unwrap());
    let expected = folder.canonicalize().unwrap();
    assert_eq!(String::from_utf8(shown).unwrap().trim_end(), expected.to_str().unwrap());
    invocation.dir = "missing".into();
    assert!(matches!(plan(&invocation), Err(LaunchError::NoDirectory { .. })));
}

fn ask(script: &str, limits: Limits) -> wgx_tasks::process::Captured {
    let argv = words(&["sh", "-c", script]);
    let environment =
        minimal_environment(&vec![("PATH".into(), real_path()), ("SECRET".into(), "x".into())]);
    capture(Capture { argv: &argv, dir: Path::new("/"), environment: &environment, limits })
        .unwrap()
}

#[test]
fn a_question_has_an_answer_within_limits() {
    let answer = ask("cat; echo out; echo err >&2; echo $SECRET; exit 3", Limits::default());
    assert_eq!((answer.code, answer.stdout.as_slice()), (Some(3), b"out\n\n".as_slice()));
    assert_eq!(answer.stderr, b"err\n");
    let limits = Limits { max_output_bytes: 10, ..Limits::default() };
    let answer = ask("head -c 100000 /dev/zero", limits);
    assert_eq!((answer.stdout.len(), answer.omitted_bytes), (10, 99_990));
}

#[test]
fn a_question_without_an_end_is_ended() {
    let limits = Limits { timeout_ms: 200, ..Limits::default() };
    for script in ["sleep 100 & sleep 100", "exec >&- 2>&-; sleep 100", "trap '' TERM; sleep 100"] {
        let answer = ask(script, limits);
        assert!(answer.timed_out, "{script}");
        assert!(answer.duration_ms < 5_000, "{script}: {}", answer.duration_ms);
    }
    let answer = ask("sleep 100 & echo $!", Limits::default());
    let pid: i32 = String::from_utf8(answer.stdout).unwrap().trim().parse().unwrap();
    assert!(!answer.timed_out && answer.duration_ms < 5_000, "{}", answer.duration_ms);
    crate::engine::kill(pid, rustix::process::Signal::KILL);
}

#[test]
fn tools_are_never_found_in_the_working_directory() {
    let bin = TempDir::new().unwrap();
    let file = bin.path().join("tool");
    fs::write(&file, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let find = |path: &OsStr| wgx_tasks::tools::find_program("tool", path);
    assert_eq!(find(bin.path().as_os_str()), Some(file.clone()));
    for path in ["", ".", ":", "bin:.", "../x"] {
        assert_eq!(find(OsStr::new(path)), None, "{path}");
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(find(bin.path().as_os_str()), None);
}
