//! mage: functions, namespaces, arguments, aliases, imports.

use contracts::wgx::TaskSource::Mage;
use proptest::prelude::*;

use super::{TestRepo, mutations};

const MAGEFILE: &str = "//go:build mage\n// +build mage\n\npackage main\n\nimport (\n\t\"context\"\n\t\"github.com/magefile/mage/mg\"\n\t// mage:import extra\n\t_ \"example.org/x/tools\"\n\t\"example.org/other/y\" // mage:import\n)\n\ntype Docs mg.Namespace\ntype Other struct{}\n\nvar Default = Build\n\nvar Aliases = map[string]interface{}{\n\t\"b\": Build,\n\t\"ds\": Docs.Serve,\n}\n\n// Build compiles it. And more\n// of this.\nfunc Build(ctx context.Context, name string, fast *bool) error {\n\ts := `func Fake() {`\n\treturn nil\n}\n\nfunc HTTPServer() {}\nfunc CI() error { return nil }\nfunc (Docs) Serve() {}\nfunc (Other) No() {}\nfunc hidden() {}\nfunc Two() (string, error) { return \"\", nil }\nfunc Wrong(x []string) {}\nfunc Several(a, b string, d time.Duration) {}\n";

#[test]
fn functions_namespaces_arguments_and_aliases() {
    let repo = TestRepo::new(&[
        ("magefile.go", MAGEFILE),
        ("go.mod", "module example.org/x\n"),
        ("tools/tools.go", "package tools\n// Lint checks.\nfunc Lint() error {\n}\n"),
        ("main.go", "package main\nfunc Exported() {}\n"),
    ]);
    let tasks = repo.tasks(Mage);
    let names: Vec<_> = tasks.iter().map(|found| &*found.task.name).collect();
    assert_eq!(names, ["build", "httpServer", "ci", "docs:serve", "several", "extra:lint"]);
    assert_eq!(tasks[0].task.description.as_deref(), Some("compiles it."));
    assert_eq!(tasks[0].task.aliases, ["b"]);
    assert_eq!(tasks[3].task.aliases, ["ds"]);
    let args: Vec<_> = tasks[0].task.args.iter().map(|arg| (&*arg.name, arg.required)).collect();
    assert_eq!(args, [("name", true), ("fast", false)]);
    assert_eq!(tasks[4].task.args.len(), 3);
    assert_eq!(tasks[5].task.file, "tools/tools.go");
    assert_eq!(repo.notes(Mage).len(), 1);
}

#[test]
fn the_folder_magefiles_needs_no_tag() {
    let repo = TestRepo::new(&[
        ("magefiles/a.go", "package main\nfunc A() {}\n"),
        ("magefiles/a_test.go", "package main\nfunc TestA() {}\n"),
        ("magefiles/b_windows.go", "package main\nfunc B() {}\n"),
        ("main.go", "package main\nfunc Exported() {}\n"),
    ]);
    assert_eq!(repo.names(Mage), ["a"]);
    // mage still prefers the files beside the folder.
    repo.write("magefile.go", "//go:build mage\npackage main\nfunc Own() {}\n");
    assert_eq!(repo.names(Mage), ["own"]);
}

const WORDS: &[&str] = &[
    "//go:build mage\n",
    "package main\n",
    "func ",
    "A",
    "(",
    ")",
    "{",
    "}",
    "\n",
    "type X mg.Namespace\n",
    "(X) ",
    "error ",
    "string",
    ",",
    "var Aliases = ",
    "\"b\": A",
    "`",
    "\"",
    "'",
    "/*",
    "*/",
    "// mage:import x\n",
    "import (\n",
    "ü",
    "\\",
];

proptest! {
    #[test]
    fn never_panics_and_never_loops(text in mutations(WORDS)) {
        let text = format!("//go:build mage\npackage main\n{text}");
        let repo = TestRepo::new(&[("magefile.go", &text)]);
        let _ = repo.discover();
    }
}
