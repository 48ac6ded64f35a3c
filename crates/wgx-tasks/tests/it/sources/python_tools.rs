//! pyproject runners, tox, nox, invoke and cargo-make: one fixture a form.

use contracts::wgx::TaskSource::{CargoMake, Invoke, Nox, Pyproject, Tox};
use proptest::prelude::*;

use super::{TestRepo, mutations};

#[test]
fn poe_tasks_groups_arguments_and_includes() {
    let repo = TestRepo::new(&[
        (
            "pyproject.toml",
            "[tool.poe]\ninclude = ['more.toml', { path = '${POE_ROOT}/sub/tasks.yaml', recursive = false }, '../out.toml', 'gone.toml']\n[tool.poe.tasks]\na = 'x'\n_hidden = 'y'\n[tool.poe.tasks.b]\nshell = 'z'\nhelp = 'B help'\nargs = [{ name = 'who', required = true }, 'plain']\n[tool.poe.groups.g]\nheading = 'Group'\n[tool.poe.groups.g.tasks]\nc = 'd'\n",
        ),
        ("more.toml", "[tool.poe.tasks]\na = 'other'\nd = 'x'\n"),
        ("sub/tasks.yaml", "include: nothing.yaml\ntasks:\n  e: x\n"),
    ]);
    assert_eq!(repo.names(Pyproject), ["a", "b", "c", "d", "e"]);
    let tasks = repo.tasks(Pyproject);
    assert_eq!(tasks[1].task.description.as_deref(), Some("B help"));
    assert_eq!(
        (tasks[1].task.args[0].name.as_str(), tasks[1].task.args[0].required),
        ("who", true)
    );
    assert_eq!(tasks[2].task.group.as_deref(), Some("Group"));
    assert_eq!(repo.notes(Pyproject).len(), 2, "what is not followed or missing is said");
}

#[test]
fn poe_reads_its_own_files() {
    for (file, text) in [
        ("poe_tasks.toml", "[tasks]\na = 'x'\n"),
        ("poe_tasks.yaml", "tasks: {a: x}\n"),
        ("poe_tasks.json", "{\"tasks\": {\"a\": \"x\"}}"),
    ] {
        assert_eq!(TestRepo::new(&[(file, text)]).names(Pyproject), ["a"], "{file}");
    }
}

#[test]
fn taskipy_pdm_rye_and_pixi_tables() {
    let repo = TestRepo::new(&[(
        "pyproject.toml",
        "[project.scripts]\nentry = 'a:b'\n[tool.poetry.scripts]\nentry2 = 'a:b'\n[tool.taskipy.tasks]\nt = { cmd = 'x', help = 'T' }\npre_t = 'y'\n[tool.pdm.scripts]\n_ = { env = {} }\n_p = 'x'\np = { composite = ['x {args}'] }\n[tool.rye.scripts]\nr = { chain = ['x'] }\n[tool.pixi.tasks]\nq = 'x'\n",
    )]);
    assert_eq!(repo.names(Pyproject), ["t", "pre_t", "p", "r", "q"]);
    assert_eq!(repo.tasks(Pyproject)[2].task.args[0].name, "args");
}

#[test]
fn hatch_scripts_are_inherited_from_templates() {
    let repo = TestRepo::new(&[(
        "hatch.toml",
        "[envs.default.scripts]\na = 'x'\n_b = 'y'\n[envs.docs.scripts]\nbuild = 'z'\n[envs.alone]\ndetached = true\n[envs.alone.scripts]\nc = 'x'\n[envs.child]\ntemplate = 'alone'\n[[envs.child.matrix]]\npython = ['3.11']\n[envs.hatch-test.scripts]\nrun = 'x'\n",
    )]);
    assert_eq!(repo.names(Pyproject), ["a", "docs:build", "docs:a", "alone:c", "child:c"]);
}

#[test]
fn tox_ini_default_sections_and_conditions() {
    let repo = TestRepo::new(&[(
        "tox.ini",
        "[tox]\nenv_list =\n    py3{11-12}-{a,b} # all\n    {[more]list}\nisolated_build_env = .package\nlabels =\n    quick = lint\n\n[more]\nlist = lint\n\n[testenv]\ndescription = run {envname}\n    quickly\ncommands =\n    cov: x\n    py311: y\n\n[testenv:docs,site]\nbase = more\ndescription = {[texts]docs}\n\n[texts]\ndocs = the docs\n",
    )]);
    let names = repo.names(Tox);
    assert_eq!(names[..5], ["py311-a", "py311-b", "py312-a", "py312-b", "lint"]);
    assert_eq!(names[5..], ["docs", "site", "cov"]);
    let tasks = repo.tasks(Tox);
    assert_eq!(tasks[0].task.description.as_deref(), Some("run py311-a quickly"));
    assert_eq!(tasks[4].task.group.as_deref(), Some("quick"));
    assert_eq!(tasks[5].task.description.as_deref(), Some("the docs"));
}

#[test]
fn tox_in_its_other_files() {
    for (file, text, names) in [
        ("setup.cfg", "[tox:tox]\nenvlist = a\n[testenv:b]\n", "a b"),
        ("pyproject.toml", "[tool.tox]\nlegacy_tox_ini = '''\n[tox]\nenvlist = a,b\n'''\n", "a b"),
        ("pyproject.toml", "[tool.tox]\nenv_list = ['a']\n[tool.tox.env.b]\n", "a b"),
        (
            "tox.toml",
            "env_list = [{ product = [['a'], ['x', 'y']], exclude = ['a-y'] }]\n[env_base.t]\nfactors = [['p', 'q']]\n",
            "a-x t-p t-q",
        ),
        ("tox.ini", "[testenv]\ncommands = x\n", "py"),
        ("tox.ini", "[flake8]\nmax-line-length = 100\n", ""),
    ] {
        assert_eq!(TestRepo::new(&[(file, text)]).names(Tox).join(" "), names, "{file}: {text}");
    }
}

#[test]
fn nox_names_pythons_and_parameters_as_nox_does() {
    let repo = TestRepo::new(&[
        (
            "pyproject.toml",
            "[project]\nclassifiers = ['Programming Language :: Python :: 3.12', 'Programming Language :: Python :: 3.11']\n",
        ),
        (
            "noxfile.py",
            r#"
import nox as n
from nox import session as task, parametrize

VERSIONS = ["3.10", *["3.11"]]
ALL = n.project.python_versions(n.project.load_toml("pyproject.toml"))

@n.session(python=VERSIONS + ["3.12"], tags=["ci"])
def tests(session):
    """Run the tests.

    Slowly."""

@task(name="lint-it", python="3.12")
def lint(session): pass

@n.session(python=ALL)
@parametrize("django", ["4", n.param("5", id="five")])
@parametrize("db,port", [("pg", 1), ("it's", None)])
def matrix(session, django, db, port): pass

@n.session(venv_backend="none", python=["3.9"])
def bare(session): pass

@n.session
@n.parametrize("v", [f"{x}.0" for x in range(1, 3)])
def loops(session, v): pass

for name in VERSIONS:
    @n.session(name=name)
    def made(session): pass
"#,
        ),
    ]);
    let names = repo.names(Nox);
    assert_eq!(names[..4], ["tests-3.10", "tests-3.11", "tests-3.12", "lint-it"]);
    assert_eq!(
        names[4..8],
        [
            "matrix-3.11(db='pg', port=1, django='4')",
            "matrix-3.11(db=\"it's\", port=None, django='4')",
            "matrix-3.11(db='pg', port=1, five)",
            "matrix-3.11(db=\"it's\", port=None, five)"
        ]
    );
    assert_eq!(names[12..], ["bare", "loops(v='1.0')", "loops(v='2.0')"]);
    let first = &repo.tasks(Nox)[0].task;
    assert_eq!(
        (first.description.as_deref(), first.group.as_deref(), first.line),
        (Some("Run the tests."), Some("ci"), 9)
    );
    assert_eq!(repo.notes(Nox), ["sessions are made in a loop or by a function (made)"]);
}

#[test]
fn invoke_names_aliases_and_arguments() {
    let repo = TestRepo::new(&[(
        "tasks.py",
        "from invoke import task\n\n@task(aliases=('b',), iterable=['many_of'])\ndef build_all(c, target, many_of, jobs=4, *, fast=False):\n    '''Build it.\n    More.'''\n\n@task(name='other')\ndef _x(c): pass\n\ndef plain(c): pass\n",
    )]);
    let tasks = repo.tasks(Invoke);
    let names: Vec<_> = tasks.iter().map(|found| found.task.name.as_str()).collect();
    assert_eq!(names, ["build-all", "other"]);
    assert_eq!(tasks[0].task.aliases, ["b"]);
    let args: Vec<_> = tasks[0]
        .task
        .args
        .iter()
        .map(|arg| (arg.name.as_str(), arg.required, arg.variadic))
        .collect();
    assert_eq!(
        args[..3],
        [("target", true, false), ("many-of", false, true), ("jobs", false, false)]
    );
}

#[test]
fn tasks_of_other_tools_are_not_invoke_tasks() {
    for text in [
        "from celery import task\n@task\ndef a(): pass\n",
        "from app import celery\n@celery.task\ndef a(): pass\n",
        "from crewai.project import task\nfrom my_tasks import b\n@task\ndef a(self): pass\nq.add_task(b)\n",
    ] {
        let repo = TestRepo::new(&[("tasks.py", text)]);
        assert!(repo.names(Invoke).is_empty() && repo.notes(Invoke).is_empty(), "{text}");
    }
}

#[test]
fn invoke_packages_and_namespaces() {
    let repo = TestRepo::new(&[
        (
            "tasks/__init__.py",
            "from invoke import Collection\nfrom . import docs\nfrom .build import compile_it as c, *\nimport invocations\nns = Collection(c, docs)\nns.add_task(clean, name='tidy_up')\nns.add_collection(Collection.from_module(docs, name='site'))\nns.add_collection(invocations)\n",
        ),
        ("tasks/docs.py", "from invoke import task\n@task\ndef serve(c): pass\n"),
        (
            "tasks/build.py",
            "from invoke.tasks import task as t, task\n@task\ndef compile_it(c): pass\n@task\ndef clean(c): pass\n",
        ),
    ]);
    assert_eq!(repo.names(Invoke), ["compile-it", "tidy-up", "docs.serve", "site.serve"]);
    assert_eq!(repo.notes(Invoke), ["tasks come from invocations outside the repository"]);
}

#[test]
fn invoke_configuration_names_the_collection() {
    let repo = TestRepo::new(&[
        ("invoke.yaml", "tasks: {collection_name: chores, auto_dash_names: false}\n"),
        ("chores.py", "from invoke import task\n@task\ndef a_b(c): pass\n"),
    ]);
    assert_eq!(repo.names(Invoke), ["a_b"]);
}

#[test]
fn cargo_make_follows_extends_and_hides_private() {
    let repo = TestRepo::new(&[
        (
            "Makefile.toml",
            "extend = [{ path = 'a/one.toml' }, { path = 'none.toml', optional = true }, { path = '../out.toml' }]\n[tasks.build]\ndescription = 'Build'\ncategory = 'C'\nalias = 'b2'\n[tasks.hidden]\nprivate = true\n",
        ),
        (
            "a/one.toml",
            "extend = 'two.toml'\n[tasks.build]\nscript = ['x']\n[tasks.extra]\ncommand = 'y'\nargs = ['z']\n[tasks.hidden]\nscript = 'x'\n",
        ),
        ("a/two.toml", "[tasks.last]\n"),
    ]);
    assert_eq!(repo.names(CargoMake), ["build", "extra", "last"]);
    let build = &repo.tasks(CargoMake)[0];
    assert_eq!(
        (build.task.alias_of.as_deref(), build.task.group.as_deref()),
        (Some("b2"), Some("C"))
    );
    assert_eq!(build.commands, ["x"]);
    assert_eq!(repo.notes(CargoMake), ["../out.toml leads out of the repository"]);
}

proptest! {
    #[test]
    fn any_python_is_read_without_a_crash(text in mutations(&[
        "import nox\n", "from invoke import task, Collection\n", "@nox.session(", "@task\n", "def a(c):\n", "X = [", "X += X\n",
        "for x in X]", "f'{X}'", "'''", "\"", "(", ")", "[", "]", "{", "}", ":", ",", "*", "-", "+", ".", "@", "#", "\\", "\n", "  ",
        "ns = Collection(", "nox.parametrize('a', X)", "lambda: 0", "if x else", "=", "é",
    ])) {
        let repo = TestRepo::new(&[("noxfile.py", &text), ("tasks.py", &text)]);
        repo.discover();
    }

    #[test]
    fn any_configuration_is_read_without_a_crash(text in mutations(&[
        "[tox]\n", "envlist = ", "{a,b}", "{1-99999999999}", "{-3}", "{[tox]envlist}", "[testenv:{x,}]\n", "a: b\n", "base = testenv\n",
        "[tool.poe]\n", "include = '.'\n", "[tool.hatch.envs.a]\n", "template = 'a'\n", "[tool.tox]\n", "env_list = ['a']\n", "\n", "  ", "!", "#", "é", "{", "}",
    ])) {
        let repo = TestRepo::new(&[("tox.ini", &text), ("setup.cfg", &text), ("pyproject.toml", &text), ("Makefile.toml", &text), ("tox.toml", &text)]);
        repo.discover();
    }
}

#[test]
fn hostile_python_stays_within_bounds() {
    let started = std::time::Instant::now();
    let doubling: String = std::iter::once("A = ['x']\n".to_owned())
        .chain((0..60).map(|_| "A = [A, A]\nB = A + A\n".to_owned()))
        .collect();
    for text in [
        "(".repeat(200_000),
        "*".repeat(200_000),
        "- ".repeat(200_000),
        format!("x = {}", "a + ".repeat(200_000)),
        format!("x = a{}", "()".repeat(200_000)),
        format!("x = a{}", ".b".repeat(200_000)),
        format!("import nox\n{doubling}@nox.session(python=B)\ndef a(s): pass\n"),
        "x = [[[y for y in range(9999)] for z in range(9999)] for w in range(9999)]\n".into(),
    ] {
        TestRepo::new(&[("noxfile.py", &text), ("tasks.py", &format!("import invoke\n{text}"))])
            .discover();
    }
    assert!(started.elapsed().as_secs() < 30, "took {:?}", started.elapsed());
}
