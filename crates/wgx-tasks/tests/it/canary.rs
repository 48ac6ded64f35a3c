//! Listing executes nothing: traps that write a canary file when any of them is sprung.
//!
//! All traps are listed in a child process, under strace where there is one; a control shows that the
//! harness notices an execution.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wgx_tasks::sources::{DiscoverOptions, discover};

/// Where the child finds its traps, one folder each.
const TRAPS: &str = "WGX_CANARY_TRAPS";
/// Makes the child spring one trap itself.
const CONTROL: &str = "WGX_CANARY_CONTROL";
const LIMIT: Duration = Duration::from_secs(2);

type Trap = (&'static str, &'static [(&'static str, &'static str)]);

/// Name of the trap and its files; `@` becomes the command that writes the canary.
const FILES: &[Trap] = &[
    ("make-shell", &[("Makefile", "X := $(shell @)\nall:\n\techo $(X)\n")]),
    ("make-bang", &[("Makefile", "X != @\nall:\n\techo $(X)\n")]),
    ("make-include", &[("Makefile", "include $(shell @; echo a.mk)\n-include b.mk\nall:\n")]),
    ("make-eval", &[("Makefile", "$(eval $(shell @))\n$(info $(shell @))\nall:\n")]),
    ("make-remake", &[("Makefile", "include gen.mk\ngen.mk:\n\t@\nall:\n")]),
    (
        "make-find",
        &[(
            "Makefile",
            "X := $(shell find . -name Makefile -exec @ {} \\;)\n$(X) $(shell ls | xargs @):\n$(shell ls | sed 'e @'):\n$(shell echo | awk '{system(\"@\")}'):\nall:\n",
        )],
    ),
    ("just-backtick", &[("justfile", "x := `@`\ny := shell('@')\nbuild:\n  echo {{x}}\n")]),
    (
        "just-shell",
        &[("justfile", "set shell := ['sh', '-c', '@']\nset dotenv-command := '@'\na:\n  b\n")],
    ),
    (
        "task-sh",
        &[(
            "Taskfile.yml",
            "version: '3'\nvars:\n  X:\n    sh: '@'\ntasks:\n  a:\n    cmds: ['{{.X}}']\n",
        )],
    ),
    (
        "task-include",
        &[(
            "Taskfile.yml",
            "version: '3'\nvars: {P: {sh: '@'}}\nincludes:\n  d: '{{.P}}'\ntasks: {a: 'b'}\n",
        )],
    ),
    (
        "mise-source",
        &[("mise.toml", "[env]\n_.source = 'env.sh'\n[tasks.a]\nrun = 'b'\n"), ("env.sh", "@\n")],
    ),
    (
        "mise-exec",
        &[("mise.toml", "[env]\nX = \"{{ exec(command='@') }}\"\n[tasks.a]\nrun = 'b'\n")],
    ),
    ("mise-file", &[("mise-tasks/build", "#!/bin/sh\n#MISE description='x'\n@\n")]),
    ("npm-pre", &[("package.json", r#"{"scripts":{"preinstall":"@","install":"@","build":"x"}}"#)]),
    (
        "nx-plugin",
        &[
            ("nx.json", r#"{"plugins":["./plugin.js"]}"#),
            ("plugin.js", "require('child_process').execSync('@')"),
            ("package.json", "{}"),
        ],
    ),
    (
        "gradle",
        &[
            ("build.gradle", "'@'.execute()\ntask hello {}\n"),
            ("settings.gradle", "'@'.execute()\n"),
        ],
    ),
    (
        "gradle-kts",
        &[("build.gradle.kts", "Runtime.getRuntime().exec(\"@\")\ntasks.register(\"a\")\n")],
    ),
    ("nox", &[("noxfile.py", "import os, nox\nos.system('@')\n@nox.session\ndef a(s): pass\n")]),
    (
        "nox-python",
        &[(
            "noxfile.py",
            "import os, nox\nP = [os.popen('@').read()]\n\n\n@nox.session(python=P)\ndef a(s): pass\n",
        )],
    ),
    (
        "invoke",
        &[(
            "tasks.py",
            "import os\nfrom invoke import task\nos.system('@')\n@task\ndef a(c): pass\n",
        )],
    ),
    (
        "invoke-config",
        &[("invoke.py", "import os\nos.system('@')\n"), ("tasks.py", "from invoke import task\n")],
    ),
    ("rake", &[("Rakefile", "X = `@`\nsystem('@')\ntask :a do\nend\n")]),
    (
        "mage",
        &[(
            "magefile.go",
            "//go:build mage\npackage main\nimport \"os/exec\"\nfunc init() { exec.Command(\"sh\", \"-c\", \"@\").Run() }\nfunc Build() {}\n",
        )],
    ),
    (
        "composer",
        &[(
            "composer.json",
            r#"{"scripts":{"post-install-cmd":"@","a":"b"},"config":{"allow-plugins":true}}"#,
        )],
    ),
    (
        "deno",
        &[
            ("deno.json", r#"{"tasks":{"a":"@"},"imports":{"x":"./x.ts"}}"#),
            ("x.ts", "new Deno.Command('sh',{args:['-c','@']}).outputSync()"),
        ],
    ),
    ("direnv", &[(".envrc", "@\n"), (".env", "X=$(@)\n")]),
    (
        "git-fsmonitor",
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (
                ".git/config",
                "[core]\n\trepositoryformatversion = 0\n\tfsmonitor = \"@\"\n\tpager = \"@\"\n\tsshCommand = \"@\"\n\thooksPath = hooks\n[alias]\n\tst = \"!@\"\n\tstatus = \"!@\"\n",
            ),
            ("hooks/post-index-change", "#!/bin/sh\n@\n"),
            ("Makefile", "all:\n"),
        ],
    ),
    (
        "git-filter",
        &[
            (".git/HEAD", "ref: refs/heads/main\n"),
            (
                ".git/config",
                "[filter \"x\"]\n\tclean = \"@\"\n\tsmudge = \"@\"\n\tprocess = \"@\"\n[diff]\n\texternal = \"@\"\n[include]\n\tpath = ../more\n",
            ),
            ("more", "[core]\n\tfsmonitor = \"@\"\n"),
            (".gitattributes", "* filter=x diff=x\n"),
        ],
    ),
    (
        "git-bare",
        &[
            ("sub/HEAD", "ref: refs/heads/main\n"),
            ("sub/config", "[core]\n\tbare = true\n\tfsmonitor = \"@\"\n"),
            ("sub/objects/keep", ""),
            ("sub/refs/keep", ""),
            ("sub/Makefile", "all:\n"),
        ],
    ),
    (
        "tox",
        &[
            ("tox.ini", "[tox]\nenvlist = {env:X:a}\n[testenv]\ncommands = @\ncommands_pre = @\n"),
            ("toxfile.py", "import os\nos.system('@')\n"),
        ],
    ),
    (
        "conftest",
        &[
            ("conftest.py", "import os\nos.system('@')\n"),
            ("setup.py", "import os\nos.system('@')\n"),
            ("pyproject.toml", "[project]\nname='x'\n"),
        ],
    ),
    (
        "hatch-hook",
        &[
            ("hatch_build.py", "import os\nos.system('@')\n"),
            (
                "pyproject.toml",
                "[tool.hatch.env.collectors.custom]\npath='hatch_build.py'\n[tool.hatch.build.hooks.custom]\n[tool.hatch.envs.default.scripts]\na='b'\n",
            ),
        ],
    ),
    (
        "poe-script",
        &[
            (
                "pyproject.toml",
                "[tool.poe]\ninclude_script = 'evil:tasks()'\n[tool.poe.tasks]\na = 'b'\n",
            ),
            ("evil.py", "import os\nos.system('@')\n"),
        ],
    ),
    (
        "pyproject-dynamic",
        &[
            (
                "pyproject.toml",
                "[project]\nname='x'\ndynamic=['version']\n[build-system]\nrequires=[]\nbuild-backend='evil'\nbackend-path=['.']\n",
            ),
            ("evil.py", "import os\nos.system('@')\n"),
        ],
    ),
    (
        "cargo-config",
        &[
            (
                ".cargo/config.toml",
                "[alias]\nx='run'\n[build]\nrustc-wrapper='./w.sh'\nrustc='./w.sh'\n[env]\nX='@'\n[target.x86_64-unknown-linux-gnu]\nrunner='./w.sh'\n[registry]\nglobal-credential-providers=['cargo:token-from-stdout @']\n",
            ),
            ("w.sh", "#!/bin/sh\n@\n"),
            ("build.rs", "fn main(){}"),
            ("Cargo.toml", "[package]\nname='x'\nversion='0.1.0'\n"),
            ("src/main.rs", "fn main(){}"),
            ("rust-toolchain.toml", "[toolchain]\npath='./w.sh'\n"),
        ],
    ),
    (
        "cargo-make",
        &[(
            "Makefile.toml",
            "[config]\nload_script = '@'\n[tasks.a]\nscript = '@'\ncondition_script = ['@']\n",
        )],
    ),
    ("devbox", &[("devbox.json", r#"{"shell":{"init_hook":["@"],"scripts":{"a":"b"}}}"#)]),
    (
        "devcontainer",
        &[(
            ".devcontainer/devcontainer.json",
            r#"{"initializeCommand":"@","postCreateCommand":"@"}"#,
        )],
    ),
    (
        "vscode",
        &[(
            ".vscode/tasks.json",
            r#"{"version":"2.0.0","tasks":[{"label":"a","type":"shell","command":"@","runOptions":{"runOn":"folderOpen"}}]}"#,
        )],
    ),
    (
        "moon",
        &[
            (".moon/workspace.yml", "extends: 'https://127.0.0.1:9/x.yml'\nprojects: ['.']\n"),
            (".moon/toolchain.yml", "node: {}\n"),
            ("moon.yml", "tasks: {a: {command: '@'}}\n"),
        ],
    ),
    (
        "turbo",
        &[
            ("turbo.json", r#"{"extends":["//"],"tasks":{"build":{}}}"#),
            ("package.json", r#"{"scripts":{"build":"@"}}"#),
        ],
    ),
    (
        "profile",
        &[(
            ".wgx/profile.yml",
            "wgx:\n  apiVersion: v1\n  tasks:\n    up: '@'\n    a:\n      needs: [up]\n      cmd: '@'\n",
        )],
    ),
    ("markdown", &[("README.md", "# x\n\n```sh {name=a}\n@\n```\n")]),
    (
        "pre-commit",
        &[(
            ".pre-commit-config.yaml",
            "repos:\n- repo: local\n  hooks:\n  - {id: a, name: a, entry: '@', language: system}\n",
        )],
    ),
];

#[test]
fn no_trap_is_sprung() {
    let traps = tempfile::tempdir().unwrap();
    let canary = traps.path().join("canary");
    assert!(FILES.len() >= 30, "the suite promises thirty traps");
    for (name, files) in FILES {
        lay(&traps.path().join("traps").join(name), files, &canary);
    }
    lay_odd_files(&traps.path().join("traps"));
    let seen = list(traps.path(), None);
    assert!(seen.success, "a trap took too long or listing failed:\n{}", seen.output);
    assert!(!canary.exists(), "listing executed something:\n{}", seen.trace.unwrap_or_default());
    if let Some(trace) = seen.trace {
        assert_eq!(programs(&trace), 1, "listing started a program:\n{trace}");
        assert!(!trace.contains("connect("), "listing opened a connection:\n{trace}");
    }
}

/// The same harness notices a trap that is sprung.
#[test]
fn the_harness_notices_an_execution() {
    let traps = tempfile::tempdir().unwrap();
    let canary = traps.path().join("canary");
    lay(&traps.path().join("traps/make"), FILES[0].1, &canary);
    let seen = list(traps.path(), Some(&canary));
    assert!(seen.success, "{}", seen.output);
    assert!(canary.exists(), "the control did not write the canary");
    if let Some(trace) = seen.trace {
        assert!(programs(&trace) > 1, "the trace misses the control's program:\n{trace}");
    }
}

#[test]
#[ignore = "started by the other tests of this module in a process of its own"]
#[expect(clippy::disallowed_methods, reason = "the parent tells its child where the traps are")]
fn child_lists_every_trap() {
    let Some(traps) = std::env::var_os(TRAPS) else {
        return;
    };
    let options = DiscoverOptions { deep: true, markdown: true, ..DiscoverOptions::default() };
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(traps).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders {
        let started = Instant::now();
        discover(&folder, &options).unwrap();
        let took = started.elapsed();
        assert!(took < LIMIT, "{} took {took:?}", folder.display());
    }
    if let Some(canary) = std::env::var_os(CONTROL) {
        assert!(Command::new("touch").arg(canary).status().unwrap().success());
    }
}

fn lay(dir: &Path, files: &[(&str, &str)], canary: &Path) {
    for (path, text) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let command = format!("touch {}", canary.display());
        // Decorators keep their sign: in Python files the command stands inside quotes only.
        let text = if text.contains("@nox") || text.contains("@task") {
            text.replace("'@'", &format!("'{command}'"))
        } else {
            text.replace('@', &command)
        };
        std::fs::write(&path, text).unwrap();
        executable(&path);
    }
}

#[cfg(unix)]
fn executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(not(unix))]
fn executable(_path: &Path) {}

/// Pipes and devices in the place of task files: nobody ever writes into the pipes.
#[cfg(target_os = "linux")]
fn lay_odd_files(traps: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let names = [
        "Makefile",
        "justfile",
        "Taskfile.yml",
        "package.json",
        "Cargo.toml",
        "pyproject.toml",
        "tox.ini",
        "noxfile.py",
        "tasks.py",
        "mise.toml",
        "Rakefile",
        "build.gradle",
        "deno.json",
        "composer.json",
    ];
    for (folder, device) in [("fifo", None), ("zero", Some("/dev/zero")), ("tty", Some("/dev/tty"))]
    {
        let dir = traps.join(folder);
        std::fs::create_dir_all(&dir).unwrap();
        for name in names {
            match device {
                None => mknodat(CWD, dir.join(name), FileType::Fifo, Mode::RWXU, 0).unwrap(),
                Some(device) => std::os::unix::fs::symlink(device, dir.join(name)).unwrap(),
            }
        }
    }
    let looped = traps.join("loop");
    std::fs::create_dir_all(&looped).unwrap();
    std::os::unix::fs::symlink("..", looped.join("up")).unwrap();
    std::os::unix::fs::symlink("Makefile", looped.join("Makefile")).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn lay_odd_files(_traps: &Path) {}

struct Seen {
    success: bool,
    output: String,
    /// What strace saw, where there is one.
    trace: Option<String>,
}

#[expect(clippy::disallowed_methods, reason = "the harness needs a process of its own")]
#[expect(clippy::print_stderr, reason = "a weaker check is said aloud")]
fn list(dir: &Path, control: Option<&Path>) -> Seen {
    let own = std::env::current_exe().unwrap();
    let log = dir.join("trace");
    let has_strace = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let mut command = if has_strace {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=execve,execveat,connect", "-o"]).arg(&log).arg(&own);
        strace
    } else {
        eprintln!("no strace here: only the canary is watched");
        Command::new(&own)
    };
    command.args(["--exact", "canary::child_lists_every_trap", "--ignored", "--nocapture"]);
    command.env(TRAPS, dir.join("traps"));
    if let Some(canary) = control {
        command.env(CONTROL, canary);
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let output_text =
        [output.stdout.as_slice(), output.stderr.as_slice()].map(String::from_utf8_lossy).concat();
    assert!(output_text.contains("1 passed") || !output.status.success(), "the child ran nothing");
    Seen {
        success: output.status.success(),
        output: output_text,
        trace: has_strace.then(|| std::fs::read_to_string(&log).unwrap()),
    }
}

/// Programs that were really started.
fn programs(trace: &str) -> usize {
    trace.lines().filter(|line| line.contains("execve") && line.trim_end().ends_with("= 0")).count()
}
