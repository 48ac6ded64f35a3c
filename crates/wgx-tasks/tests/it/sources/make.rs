//! make: rules, variables, conditionals, includes, help comments.

use contracts::wgx::TaskSource::Make;
use proptest::prelude::*;
use wgx_tasks::sources::{DiscoverOptions, Environment, discover};

use super::{TestRepo, mutations};

fn makefile(text: &str) -> TestRepo {
    TestRepo::new(&[("Makefile", text)])
}

#[test]
fn gnumakefile_comes_before_makefile() {
    let repo = TestRepo::new(&[("Makefile", "a:\n"), ("makefile", "b:\n")]);
    assert_eq!(repo.names(Make), ["b"]);
    repo.write("GNUmakefile", "c:\n");
    assert_eq!(repo.names(Make), ["c"]);
}

#[test]
fn targets_but_neither_patterns_nor_special_nor_suffix_rules() {
    let repo = makefile(
        ".PHONY: all clean ghost\n.DEFAULT_GOAL := all\n.SUFFIXES: .md .html\n.ONESHELL:\nall: app | dirs\napp lib: src.o\n\tcc -o $@\n%.o: %.c\n\tcc\n.c.o:\n.md.html:\nclean::\n\trm x\nclean::\n\trm y\nx y &: z\n\ttouch x y\n$(O)/a.o a/b.o: %.o: %.c\n.venv:\n\tpython\nonly: VAR = 1\nwith\\:colon: ; echo inline\ndeps-only: all\n",
    );
    assert_eq!(
        repo.names(Make),
        [
            "all",
            "clean",
            "ghost",
            "app",
            "lib",
            "x",
            "y",
            "/a.o",
            "a/b.o",
            ".venv",
            "with:colon",
            "deps-only"
        ]
    );
    let tasks = repo.tasks(Make);
    let group = |name: &str| {
        let found = tasks.iter().find(|found| found.task.name == name).unwrap();
        found.task.group.clone()
    };
    assert_eq!(group("app").as_deref(), Some("file"));
    assert_eq!(group("a/b.o").as_deref(), Some("file"));
    assert_eq!(group("all"), None);
    assert_eq!(tasks[1].commands, ["rm x", "rm y"]);
    assert_eq!(tasks[10].commands, ["echo inline"]);
}

#[test]
fn descriptions_and_groups_from_help_comments() {
    let repo = makefile(
        "##@ Develop\n\n.PHONY: build\nbuild: dep ## Build it\n\tgo build\n# first line\n# second line\n.PHONY: test\ntest:\n\tgo test # no\n# ------\nplain:\n.PHONY: late ## From phony\nlate:\n##@ Release\n## Above\nship:\n\nhelp:\n\t@awk '/^[a-z]+:.*##/ {print $$1}' $(MAKEFILE_LIST)\n",
    );
    let tasks = repo.tasks(Make);
    let shown: Vec<_> = tasks
        .iter()
        .map(|found| {
            let task = &found.task;
            (&*task.name, task.line, task.description.as_deref(), task.group.as_deref())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("build", 4, Some("Build it"), Some("Develop")),
            ("test", 9, Some("first line"), Some("Develop")),
            ("plain", 12, None, Some("Develop")),
            ("late", 13, Some("From phony"), Some("Develop")),
            ("ship", 17, Some("Above"), Some("Release")),
            ("help", 19, None, Some("Release")),
        ]
    );
}

#[test]
fn names_from_variables_and_pure_functions() {
    let repo = TestRepo::new(&[
        (
            "Makefile",
            "BINS := one two\nBINS += three\nOS ?= linux\nmore = $(addsuffix -x,$(BINS:t%=T%))\n$(BINS): ; go build\n$(more): all\nall: $(patsubst %,build-%,$(filter-out two,$(BINS)))\n$(foreach b,$(BINS),test-$(b)):\n\tgo test\ncmds: \\\n  one \\\n  two\n$(notdir $(wildcard cmd/*)):\n$(if $(findstring lin,$(OS)),linux,other):\n$(sort $(dir src/b.c src/a.c)):\n$(call pair,p,q):\npair = $(1)-$(2)\n$(call pair,p,q):\n$(word 2,a second c) $(lastword a last) $(join a b,.c .d) $(subst x,y,fxx):\n",
        ),
        ("cmd/alpha/main.go", ""),
        ("cmd/beta/main.go", ""),
        ("cmd/.hidden/main.go", ""),
    ]);
    assert_eq!(
        repo.names(Make),
        [
            "one",
            "two",
            "three",
            "one-x",
            "Two-x",
            "Three-x",
            "all",
            "test-one",
            "test-two",
            "test-three",
            "cmds",
            "alpha",
            "beta",
            "linux",
            "src/",
            "p-q",
            "second",
            "last",
            "a.c",
            "b.d",
            "fyy"
        ]
    );
    assert!(repo.notes(Make).is_empty(), "{:?}", repo.notes(Make));
}

#[test]
fn conditionals_are_decided_where_they_can_be() {
    let repo = makefile(
        "A = 1\nifeq ($(A),1)\nyes:\nelse\nno:\nendif\nifdef GONE\nno2:\nelse ifneq \"$(A)\" '2'\nyes2:\nelse\nno3:\nendif\nifeq (,$(wildcard nothing.*))\nyes3:\nifndef A\nno4:\nendif\nendif\nt:\n\techo\nifdef A\n\techo in a recipe\nendif\n\techo end\n",
    );
    assert_eq!(repo.names(Make), ["yes", "yes2", "yes3", "t"]);
    assert_eq!(repo.tasks(Make)[3].commands.len(), 3);
    assert!(repo.notes(Make).is_empty());
    let repo = makefile("ifeq ($(shell date),x)\nV = 1\na:\nelse\nb:\nendif\n");
    assert_eq!(repo.names(Make), ["a", "b"]);
    assert_eq!(repo.notes(Make).len(), 1);
}

#[test]
fn nothing_is_run_and_the_unknown_is_said() {
    let canary = tempfile::tempdir().unwrap();
    let file = canary.path().join("ran");
    let touch = format!("touch {}", file.display());
    let repo = makefile(&format!(
        "X := $(shell {touch})\nY != {touch}\n$(shell {touch}; echo a):\nb-$(X):\n$(eval $(shell {touch}))\nc:\n\t{touch}\n$(info $(shell {touch}))\n"
    ));
    assert_eq!(repo.names(Make), ["c"]);
    assert!(!repo.notes(Make).is_empty());
    assert!(!file.exists());
}

#[test]
fn defines_calls_and_eval_without_a_shell_are_read() {
    let repo = makefile(
        "define rule\n.PHONY: $(1)-$(2)\n$(1)-$(2): ## Do $(2)\n\t$$(MAKE) x\nendef\n$(foreach t,a b,$(eval $(call rule,make,$(t))))\n$(eval late: ; true)\ndefine text =\nnot: a rule\ndefine inner\nnor: this\nendef\nendef\nend:\n",
    );
    assert_eq!(repo.names(Make), ["make-a", "make-b", "late", "end"]);
    assert_eq!(repo.tasks(Make)[0].task.description.as_deref(), Some("Do a"));
    assert_eq!(repo.tasks(Make)[0].task.line, 6);
    assert!(!repo.discover().is_complete());
}

#[test]
fn includes_of_every_form() {
    let repo = TestRepo::new(&[
        (
            "Makefile",
            "ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))\ninclude mk/one.mk\n-include gone.mk\nsinclude mk/t*.mk\ninclude $(ROOT)mk/root.mk $(CURDIR)/mk/here.mk\ninclude made.mk lost.mk\n-include $(shell ./list)\nmade.mk: one\n\ttouch $@\n",
        ),
        ("mk/one.mk", "include mk/nested.mk\none:\n"),
        ("mk/nested.mk", "nested:\n"),
        ("mk/two.mk", "two:\n"),
        ("mk/three.mk", "three:\n"),
        ("mk/root.mk", "root:\n"),
        ("mk/here.mk", "here:\ninclude Makefile2\n"),
    ]);
    assert_eq!(repo.names(Make), ["nested", "one", "three", "two", "root", "here", "made.mk"]);
    assert_eq!(repo.tasks(Make)[0].task.file, "mk/nested.mk");
    let notes = repo.notes(Make);
    assert_eq!(notes.len(), 4, "{notes:?}");
}

#[test]
fn another_recipe_prefix_and_continued_recipes() {
    let repo = makefile(".RECIPEPREFIX = >\na:\n> echo one \\\nb: not a rule\n> echo\nc:\n");
    assert_eq!(repo.names(Make), ["a", "c"]);
}

#[test]
fn endless_references_and_includes_end() {
    let repo = TestRepo::new(&[(
        "Makefile",
        "A = $(B)\nB = $(A)\n$(A):\ninclude Makefile\nD = $(E)$(E)\nE = $(F)$(F)\nF = $(D)\n$(D):\nG := x\nG := $(G)$(G)$(G)$(G)$(G)$(G)$(G)$(G)$(G)$(G)\ndefine loop\n$(eval $(value loop))\nendef\n$(eval $(value loop))\nok:\n",
    )]);
    assert!(repo.names(Make).contains(&"ok".to_owned()));
}

const WORDS: &[&str] = &[
    "a",
    "b:",
    " ",
    "\n",
    "\n\t",
    "\\\n",
    "=",
    ":=",
    "+=",
    "?=",
    "::",
    "&:",
    "%",
    "$(",
    ")",
    "${",
    "}",
    "$",
    "$$",
    "$@",
    "#",
    "##",
    "##@ ",
    "define x\n",
    "endef\n",
    "ifeq (",
    "ifdef ",
    "else\n",
    "endif\n",
    "include ",
    "Makefile",
    "*",
    "[",
    "?",
    "shell ",
    "eval ",
    "call ",
    "foreach ",
    "wildcard ",
    "patsubst ",
    ",",
    "'",
    "\"",
    ".PHONY:",
    ";",
    "|",
    "ü",
    "\0",
    "word ",
    "2",
    "if ",
    ".RECIPEPREFIX",
];

proptest! {
    #[test]
    fn never_panics_and_never_loops(text in mutations(WORDS), other in mutations(WORDS)) {
        let repo = TestRepo::new(&[("Makefile", &text), ("a", &other)]);
        let _ = repo.discover();
    }
}

/// The names that make lists with variables of the environment.
fn names_with(repo: &TestRepo, variables: &[(&str, &str)]) -> Vec<String> {
    let pairs = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let environment = Environment::new(pairs.collect());
    let options = DiscoverOptions { environment, ..DiscoverOptions::default() };
    let found = discover(repo.path(), &options).unwrap();
    let made = found.tasks.into_iter().filter(|found| found.task.source == Make);
    made.map(|found| found.task.name).collect()
}

#[test]
fn variables_of_the_environment_count_as_make_counts_them() {
    let repo = makefile(
        "A ?= mine\nB = mine\n$(A)-a $(B)-b:\nifdef CI\nci:\nelse\nlocal:\nendif\n$(origin A)-origin $(origin NONE)-none $(CC)-cc:\n$(API_TOKEN)-secret:\nADD += more\n$(ADD):\n",
    );
    let given = [("A", "given"), ("B", "given"), ("CI", "1"), ("CC", "clang"), ("ADD", "less")];
    let secret = [&given[..], &[("API_TOKEN", "hush")]].concat();
    assert_eq!(
        names_with(&repo, &secret),
        [
            "given-a",
            "mine-b",
            "ci",
            "environment-origin",
            "undefined-none",
            "clang-cc",
            "less",
            "more"
        ]
    );
    let plain = names_with(&repo, &[]);
    assert!(plain.contains(&"mine-a".to_owned()) && plain.contains(&"local".to_owned()));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the real shell answers what discovery must know")]
fn pipes_over_files_give_what_a_real_shell_gives() {
    let files = [
        ("go.mod", "module x\n\ngo 1.22\n"),
        ("cmd/one/main.go", "package main\n"),
        ("cmd/two/main.go", "package main // todo\n"),
        ("cmd/two/.hidden/main.go", ""),
        ("lib/a/go.mod", ""),
        ("lib/b/go.mod", ""),
        ("test/x/first-test", "ok\n"),
        ("test/y/second-test", "todo\n"),
        ("ci.yml", "steps:\n  - version: v1.5.2\n  - other: x\n"),
        ("list.txt", "beta:2\nalpha:1\n# note\nbeta:2\n\ngamma:3\n"),
    ];
    let commands = [
        r"find . -type f -name 'go.mod' -exec dirname {} \; | sort",
        r"find . -name go.mod -exec dirname {} \; | egrep -v '^./lib/b|^\.$$' | sort -r",
        r"find cmd -mindepth 1 -maxdepth 1 -type d | xargs -n1 basename",
        r"find . -path ./lib -prune -o \( -name '*.go' ! -path '*/.hidden/*' \) -print",
        r"find test -type f -name '*-test' -exec grep -l todo {} \+",
        r"find cmd/ -name main.go -printf '%h\n' | sed 's|^cmd/||'",
        r"find . -regextype posix-extended -regex '.*/(one|two)/main[.]go'",
        r"find gone -name x 2>/dev/null || echo none",
        r"cat ci.yml | grep [[:space:]]version: | sed 's/.*version: //'",
        r"grep -v '^#' list.txt | sed -e '/^$$/d' | cut -d: -f1 | sort -u",
        r"awk -F: '/^beta/ {print $$2}' list.txt | uniq",
        r#"awk '$$1 == "go" {print $$2}' go.mod && awk '/^go [0-9]/ {print $$2; exit}' go.mod"#,
        r"sed -n '/beta/,/note/ p' list.txt | tr -d ':#'",
        r"sed -nE 's/^([a-z]+):([0-9])$$/\2-\1/p' list.txt | head -n 2 | tail -1",
        r"echo one,two | tr , '\n' | tr a-z A-Z",
        r"ls cmd/*/main.go | xargs dirname | xargs -I{} echo x/{}",
        r"ls -d */ | cut -c1-3",
        r"cd lib && ls | wc -l",
        r"[ -f go.mod ] && echo yes; test -d gone || echo no",
        r"command -v sh >/dev/null 2>&1 && echo shell",
        r"LC_ALL=C sort < list.txt | grep -c a",
    ];
    let mut text = String::new();
    for (number, command) in commands.iter().enumerate() {
        text.push_str(&format!(
            "$(addprefix {number}:,$(shell {})):\n",
            command.replace('#', "\\#")
        ));
    }
    let text = text.replace(":,", "@,");
    let repo = makefile(&text);
    for (path, text) in files {
        repo.write(path, text);
    }
    let mut wanted = Vec::new();
    for (number, command) in commands.iter().enumerate() {
        let answer = std::process::Command::new("sh")
            .args(["-c", &command.replace("$$", "$")])
            .current_dir(repo.path())
            .output()
            .unwrap();
        let answer = String::from_utf8(answer.stdout).unwrap();
        assert!(!answer.trim().is_empty(), "{command}");
        wanted.extend(answer.split_whitespace().map(|word| format!("{number}@{word}")));
    }
    let path = std::env::var("PATH").unwrap();
    let mut found = names_with(&repo, &[("PATH", &path)]);
    wanted.sort();
    found.sort();
    wanted.dedup();
    assert_eq!(found, wanted);
}

#[test]
fn commands_that_only_a_shell_knows_stay_unknown() {
    for command in [
        "find . -name '*.go' | head -1",
        "find . -delete -print",
        r"find . -exec touch trap \;",
        "find . -exec sh -c 'echo {}' \\;",
        "find / -name x",
        "find . -newer x",
        r"echo a b | xargs touch",
        r"grep -P 'a(?=b)' go.mod",
        r"sed 's/a/b/w out' go.mod",
        r"sed 'e touch trap' go.mod",
        r"sed -i s/a/b/ go.mod",
        r#"awk 'BEGIN {system("touch trap")}'"#,
        "awk '{print \"x\" > \"trap\"}' go.mod",
        "sort -o trap go.mod",
        "cat go.mod > trap",
        "cat < go.mod | tee trap",
        "ls {a,b}",
        "(echo a)",
        "echo a & echo b",
    ] {
        let repo = makefile(&format!("a-$(shell {command}):\nb:\n"));
        repo.write("go.mod", "module x\n");
        repo.write("go.go", "");
        repo.write("sub/go.go", "");
        assert_eq!(names_with(&repo, &[]), ["b"], "{command}");
        assert!(!repo.notes(Make).is_empty(), "{command}");
        assert!(!repo.path().join("trap").exists());
    }
}

/// Each of these would print gigabytes.
#[test]
fn shell_commands_that_grow_without_end_stay_unknown() {
    let many = "a".repeat(300);
    let sed = format!("echo a | sed '{}'", vec![format!("s/a/{many}/g"); 8].join(";"));
    for command in [&*sed, "cat many | xargs -n1 cat big", "cat many | xargs -I@ cat big big big"] {
        let repo = makefile(&format!("a-$(shell {command}):\nb:\n"));
        repo.write("many", &"x\n".repeat(3_000));
        repo.write("big", &"word ".repeat(180_000));
        assert_eq!(names_with(&repo, &[]), ["b"], "{command}");
        assert!(!repo.notes(Make).is_empty(), "{command}");
    }
}

#[test]
fn names_of_the_root_folder_are_its_slash() {
    let repo = makefile(
        "$(subst /,R,a-$(shell dirname /foo) b-$(shell basename /) c-$(shell dirname a//b)):\n",
    );
    assert_eq!(names_with(&repo, &[]), ["a-R", "b-R", "c-a"]);
}

#[test]
fn phony_names_lose_the_dot_and_slash_that_make_ignores() {
    let repo = makefile(".PHONY: ./client .//server\n./client:\n\tgo test\n");
    assert_eq!(repo.names(Make), ["client", "server"]);
}

#[test]
fn shell_commands_whose_answer_is_known_need_no_shell() {
    let bin = TestRepo::new(&[]);
    bin.write_executable("go", "#!/bin/sh\n");
    let repo = TestRepo::new(&[
        (
            "Makefile",
            "a-$(shell sh -c 'uname -s 2>/dev/null || echo not'):\nb-$(shell cat VERSION):\nc-$(notdir $(shell cd sub && pwd)):\n$(addprefix d-,$(shell ls sub)):\ne-$(shell basename x/y.z):\n$(shell go env GOPATH)/f:\ng-$(shell no-such-tool --version):\nh-$(shell go version):\nX != echo i\n$(X):\nj-$(notdir $(shell command -v go)):\nk-$(shell false || echo other; echo end):\nl-$(shell echo $$RANDOM | rev):\n",
        ),
        ("VERSION", "1.2\n"),
        ("sub/one", ""),
        ("sub/two", ""),
    ]);
    let path = bin.path().to_str().unwrap();
    let system = if cfg!(target_os = "macos") { "a-Darwin" } else { "a-Linux" };
    assert_eq!(
        names_with(&repo, &[("PATH", path), ("HOME", "/nowhere")]),
        [
            system,
            "b-1.2",
            "c-sub",
            "d-one",
            "d-two",
            "e-y.z",
            "/nowhere/go/f",
            "g-",
            "i",
            "j-go",
            "k-other end"
        ]
        .map(str::to_owned)
        .into_iter()
        .flat_map(|name| name.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect::<Vec<_>>()
    );
    let note = "the name of a target can only be computed by make";
    assert!(repo.notes(Make).iter().any(|reason| reason.contains(note)));
}
