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
