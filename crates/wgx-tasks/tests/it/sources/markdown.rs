//! Markdown.

use contracts::wgx::TaskSource::Markdown;
use proptest::prelude::*;
use wgx_tasks::sources::{DiscoverOptions, discover};
use wgx_tasks::task::FoundTask;

use super::{TestRepo, command, ids, mutations, task};

fn tasks(repo: &TestRepo) -> Vec<FoundTask> {
    let options = DiscoverOptions { markdown: true, ..DiscoverOptions::default() };
    let mut tasks = discover(repo.path(), &options).unwrap().tasks;
    tasks.retain(|found| found.task.source == Markdown);
    tasks
}

#[test]
fn nothing_is_listed_unless_asked_for() {
    let repo = TestRepo::new(&[("README.md", "```sh\nls\n```\n")]);
    assert!(repo.tasks(Markdown).is_empty());
    assert_eq!(ids(&tasks(&repo)), ["readme"]);
}

#[test]
fn shell_blocks_by_name_or_heading() {
    let text = "# Shop\n\nSetting up\n----------\n\nInstall it:\n\n```bash {\"name\":\"setup\",\"cwd\":\"./web\"}\n\
                npm i\n```\n\n~~~sh { name=next }\nmake\n~~~\n\n## Run it!\n\n```console\n$ make run \\\n  FAST=1\n\
                started\n$ make stop\n```\n\n```console\noutput\n```\n\n```sh\n\n```\n\n```js\nno()\n```\n\n\
                1. In a list\n\n   ```sh\n   ls\n     -l\n   ```\n\n<!--\n```sh\nhidden\n```\n-->\n";
    let repo = TestRepo::new(&[("README.md", text)]);
    let tasks = tasks(&repo);
    assert_eq!(ids(&tasks), ["setup", "next", "run-it", "run-it-2"]);
    let setup = task(&tasks, "setup");
    assert_eq!((setup.task.line, setup.invocation.dir.as_str()), (8, "web"));
    assert_eq!(setup.task.description.as_deref(), Some("Install it"));
    assert_eq!(setup.task.group.as_deref(), Some("Setting up"));
    assert_eq!(command(setup), "sh: npm i");
    assert_eq!(command(task(&tasks, "run-it")), "sh: make run \\\n  FAST=1\nmake stop");
    assert_eq!(command(task(&tasks, "run-it-2")), "sh: ls\n  -l");
}

#[test]
fn tasks_of_xc() {
    let text = "# Shop\n\n```sh\nintro\n```\n\n## Tasks\n\n### build\n\nBuild all.\n\nRequires: lint\n\n```\nmake\n```\n\n\
                ### all\n\nRequires: build, lint\n\n### tag\n\nInputs: VERSION\n\n```sh\ngit tag\n```\n\n### prose\n\nNo code.\n\n\
                ## Licence\n\n```sh\ncat LICENCE\n```\n";
    let repo =
        TestRepo::new(&[("README.md", text), ("WORK.md", "# Tasks\n\n## x\n\n```\ny\n```\n")]);
    let tasks = tasks(&repo);
    assert_eq!(ids(&tasks), ["build", "all", "tag", "shop", "licence", "x"]);
    let build = task(&tasks, "build");
    assert_eq!(build.task.description.as_deref(), Some("Build all."));
    assert_eq!((command(build), build.task.line), ("xc build".to_owned(), 9));
    assert_eq!(task(&tasks, "tag").task.args[0].name, "VERSION");
    assert_eq!(command(task(&tasks, "x")), "xc -file WORK.md x");
}

#[test]
fn commands_of_mask() {
    let text = "# Tasks\n\n## build (target) (mode?) (files...)\n\n> Build it\n\n**OPTIONS**\n* watch\n    * flags: -w --watch\n\n\
                ```sh\nmake\n```\n\n## services\n\n> Groups\n\n### start\n\n```bash\nup\n```\n\n### services stop\n\n\
                ```powershell\nx\n```\n";
    let repo = TestRepo::new(&[("maskfile.md", text)]);
    let tasks = tasks(&repo);
    assert_eq!(ids(&tasks), ["build", "services start", "services stop"]);
    let build = task(&tasks, "build");
    assert_eq!(build.task.description.as_deref(), Some("Build it"));
    let args: Vec<_> = build.task.args.iter().map(|a| (&*a.name, a.required, a.variadic)).collect();
    assert_eq!(
        args,
        [
            ("target", true, false),
            ("mode", false, false),
            ("files", false, true),
            ("--watch", false, false)
        ]
    );
    assert_eq!(command(task(&tasks, "services start")), "mask services start");
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&[
            "#", "## ", "Tasks", "\n", "```", "~~~", "sh", "{", "}", "name=", "\"", "$ ", "> ", "\\", "- ", "---",
            "<!--", "-->", "(a", ")", "flags: ", "ü", "Requires: ", "\t", " ",
        ])
    ) {
        tasks(&TestRepo::new(&[("README.md", &text), ("maskfile.md", &text)]));
    }
}
