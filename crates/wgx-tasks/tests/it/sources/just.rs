//! just: recipes, parameters, attributes, imports, modules.

use contracts::wgx::TaskSource::Just;
use proptest::prelude::*;

use super::{TestRepo, mutations};

fn justfile(text: &str) -> TestRepo {
    TestRepo::new(&[("justfile", text)])
}

#[test]
fn recipes_with_descriptions_and_lines() {
    let repo = justfile(
        "#!/usr/bin/env just --justfile\nset shell := ['bash', '-c']\n\n# not this one\n\n# Build it\nbuild: clean\n  cargo build\n\n[private]\nhidden:\n_also:\n  true\n@clean:\n    rm -rf out # Build\n\nexport A := 'x' # no\nlast:",
    );
    let tasks = repo.tasks(Just);
    let shown: Vec<_> = tasks
        .iter()
        .map(|found| (&*found.task.name, found.task.line, found.task.description.as_deref()))
        .collect();
    assert_eq!(shown, [("build", 7, Some("Build it")), ("clean", 14, None), ("last", 18, None)]);
    assert_eq!(tasks[1].commands, ["rm -rf out # Build"]);
    assert!(repo.notes(Just).is_empty());
}

#[test]
fn parameters_of_every_kind() {
    let repo = justfile(
        "a x $y='two words' z=(`date` + \"q\") +rest=f('x', 1):\n  echo\nb *all:\nc +some:\nd l=x'$HOME' m='''\n  long\n''' n=up: (a \"1\" 'b:c' (\"d\" + e))\n",
    );
    let tasks = repo.tasks(Just);
    let args: Vec<_> = tasks[0]
        .task
        .args
        .iter()
        .map(|arg| (&*arg.name, arg.required, arg.default.as_deref(), arg.variadic))
        .collect();
    assert_eq!(
        args,
        [
            ("x", true, None, false),
            ("y", false, Some("'two words'"), false),
            ("z", false, Some("(`date` + \"q\")"), false),
            ("rest", false, Some("f('x', 1)"), true),
        ]
    );
    assert!(!tasks[1].task.args[0].required && tasks[2].task.args[0].required);
    assert_eq!(tasks[3].task.args.len(), 3);
}

#[test]
fn attributes_on_one_line_several_lines_and_over_lines() {
    let repo = justfile(
        "[group('ci'), no-cd]\n[doc(\"From \" + 'doc')]\n# comment\na:\n[confirm('sure ] ?')]\n[group: 'two']\nb:\n# hidden\n[doc]\nc:\n[script('python3')]\n[working-directory: 'x']\n[positional-arguments, parallel]\nd:\n  print(1)\n[arg('x', long, value='1')]\n[metadata(\n  'a',\n  'b',\n)]\ne x:\n",
    );
    let tasks = repo.tasks(Just);
    let shown: Vec<_> = tasks
        .iter()
        .map(|found| {
            let task = &found.task;
            (&*task.name, task.group.as_deref(), task.description.as_deref())
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("a", Some("ci"), Some("From doc")),
            ("b", Some("two"), None),
            ("c", None, None),
            ("d", None, None),
            ("e", None, None),
        ]
    );
    assert!(!tasks[4].task.args[0].required);
}

#[test]
#[cfg(target_os = "linux")]
fn recipes_of_other_systems_are_left_out() {
    let repo =
        justfile("[macos]\na:\n  open\n[linux]\na:\n  xdg-open\n[windows]\nb:\n[unix]\nc:\n");
    assert_eq!(repo.names(Just), ["a", "c"]);
    assert_eq!(repo.tasks(Just)[0].commands, ["xdg-open"]);
}

#[test]
fn aliases_ride_on_their_task() {
    let repo =
        justfile("alias b := build\n[private]\nalias bb := build\nalias _c := build\nbuild:\n");
    let tasks = repo.tasks(Just);
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].task.aliases, ["b"]);
}

#[test]
fn keywords_are_names_too() {
    let repo = justfile("set:\nalias:\nimport:\nmod:\nexport x:\nunexport:\n");
    assert_eq!(repo.names(Just), ["set", "alias", "import", "mod", "export", "unexport"]);
}

#[test]
fn strings_interpolations_and_conditionals_do_not_end_early() {
    let repo = justfile(
        "a := '''\nnot: a recipe\n'''\nb := \"\"\"\n  say \\\"\"\"\\\"\nno:\n\"\"\"\nc := if a == 'x' { 'y' } else {\n  `echo\n  no`\n}\nd := f'{{ a + \"'\" }}{{{{'\ne := ```\nno:\n```\nfirst:\n  echo {{ '''\nno:\n''' }} {{{{ ${X}\nsecond x \\\n  y='1':\n  #!/usr/bin/env python\n  if x: {\n\n  }\nthird:\n",
    );
    assert_eq!(repo.names(Just), ["first", "second", "third"]);
    assert!(repo.notes(Just).is_empty(), "{:?}", repo.notes(Just));
}

#[test]
fn imports_are_followed_nested_optional_and_in_circles() {
    let repo = TestRepo::new(&[
        (
            "Justfile",
            "import 'tasks/one.just'\nimport? 'gone.just'\nimport 'missing.just'\nimport '../outside.just'\nimport x'$X/a.just'\nown:\n",
        ),
        ("tasks/one.just", "import 'two.just'\none:\n"),
        ("tasks/two.just", "import '../Justfile'\ntwo:\n"),
    ]);
    assert_eq!(repo.names(Just), ["two", "one", "own"]);
    assert_eq!(repo.tasks(Just)[0].task.file, "tasks/two.just");
    let notes = repo.notes(Just);
    assert_eq!(notes.len(), 4, "{notes:?}");
}

#[test]
fn the_nearest_recipe_of_a_name_wins() {
    let repo = TestRepo::new(&[
        (
            ".JUSTFILE",
            "set allow-duplicate-recipes\na:\n  one\nimport 'x.just'\nimport 'y.just'\na:\n  two\n",
        ),
        ("x.just", "a:\n  three\nb:\n  x\n"),
        ("y.just", "b:\n  y\n"),
    ]);
    let tasks = repo.tasks(Just);
    let found: Vec<_> =
        tasks.iter().map(|found| (&*found.task.name, &*found.commands[0])).collect();
    assert_eq!(found, [("b", "x"), ("a", "two")]);
    assert!(repo.notes(Just).is_empty());
}

#[test]
fn modules_in_every_place() {
    let repo = TestRepo::new(&[
        (
            "justfile",
            "mod a\nmod b\nmod c\nmod d\n# text\nmod e 'deep/e.just'\nmod f 'deep'\nmod? gone\nmod lost\n[private]\nmod p\nuses: gone::x\nuses2: uses\nroot: a::x\n",
        ),
        ("a.just", "x:\nmod inner\n"),
        ("inner.just", "y:\n"),
        ("b/mod.just", "x:\n_z:\n"),
        ("c/JustFile", "x:\n"),
        ("d/.justfile", "alias q := x\nx arg:\n"),
        ("deep/e.just", "x:\n"),
        ("deep/mod.just", "x:\n"),
        ("p.just", "x:\n"),
    ]);
    assert_eq!(
        repo.names(Just),
        ["root", "a::x", "a::inner::y", "b::x", "c::x", "d::x", "e::x", "f::x"]
    );
    let aliased = repo.tasks(Just);
    assert_eq!(aliased[5].task.aliases, ["d::q"]);
    assert_eq!(aliased[2].task.file, "inner.just");
    assert_eq!(repo.notes(Just), ["the module lost has no file"]);
}

#[test]
fn a_faulty_line_costs_that_item_only() {
    let repo = justfile("good:\n  true\nbad ?=:\n  x\n  y\n)\nalso:\n");
    assert_eq!(repo.names(Just), ["good", "also"]);
    assert_eq!(repo.notes(Just).len(), 2);
}

const WORDS: &[&str] = &[
    "a",
    "b:",
    " ",
    "\n",
    "\n  ",
    "\t",
    "x := ",
    "'",
    "'''",
    "\"",
    "\\",
    "`",
    "```",
    "f'",
    "x\"",
    "{{",
    "}}",
    "{{{{",
    "(",
    ")",
    "[",
    "]",
    "private",
    "group",
    "mod ",
    "mod? ",
    "import ",
    "import? 'a.just'",
    "alias ",
    ":=",
    "set ",
    "#",
    "+",
    "*",
    "$",
    "=",
    "&&",
    "::",
    "\r\n",
    "ü",
    ",",
    "@",
    "if ",
    "else ",
    "\u{feff}",
    "\\\n",
];

proptest! {
    #[test]
    fn never_panics_and_never_loops(text in mutations(WORDS), other in mutations(WORDS)) {
        let repo = TestRepo::new(&[("justfile", &text), ("a.just", &other)]);
        let _ = repo.discover();
    }
}
