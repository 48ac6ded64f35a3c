//! Gradle.

use contracts::wgx::TaskSource::Gradle;
use proptest::prelude::*;
use wgx_tasks::task::FoundTask;

use super::{TestRepo, command, ids, mutations, task};

/// What the scripts declare, without the lifecycle.
fn declared(repo: &TestRepo) -> Vec<FoundTask> {
    let mut tasks = repo.tasks(Gradle);
    tasks.retain(|found| found.task.group.as_deref() != Some("lifecycle"));
    tasks
}

#[test]
fn forms_of_groovy() {
    let build = r#"
apply plugin: 'java'
// task commented {}
task one
task two(type: Copy, dependsOn: one, description: 'copies', group: "my") { from 'x' }
task('three') { description = "third"
    group 'docs'
}
task "four" << { println 'task five' }
tasks.register('six', Copy) {
    description 'sixth'
}
tasks.create(name: 'seven', type: Jar)
tasks.register("eight") { doLast { println "x" } }
project.tasks.register("nine")
tasks.named('test') { useJUnit() }
["a", "b"].each { n -> tasks.register("run$n") }
tasks.register(someName)
if (project.hasProperty('x')) { task ten }
def task = 1
"#;
    let repo = TestRepo::new(&[("build.gradle", build), ("gradlew", "")]);
    let tasks = declared(&repo);
    assert_eq!(
        ids(&tasks),
        ["one", "two", "three", "four", "six", "seven", "eight", "nine", "ten"]
    );
    let two = task(&tasks, "two");
    assert_eq!((two.task.line, two.task.description.as_deref()), (5, Some("copies")));
    assert_eq!(two.task.group.as_deref(), Some("my"));
    let three = task(&tasks, "three");
    assert_eq!(three.task.description.as_deref(), Some("third"));
    assert_eq!(three.task.group.as_deref(), Some("docs"));
    assert_eq!(task(&tasks, "six").task.description.as_deref(), Some("sixth"));
    assert_eq!(task(&tasks, "one").task.description, None);
    assert_eq!(command(two), "./gradlew two");
    let notes = repo.notes(Gradle);
    assert_eq!(notes.iter().filter(|note| note.contains("computed name")).count(), 2);
    assert!(notes[0].contains("plugins of Gradle"));
}

#[test]
fn forms_of_kotlin() {
    let build = r#"
plugins {
    kotlin("jvm") version "2"
    application
    id("org.springframework.boot") version "3" apply false
}
/* tasks.register("no") */
tasks.register<Copy>("one") {
    description = "copies"
    group = "docs"
}
val two by tasks.registering(Copy::class) {
    description = """third
        line"""
}
val three by tasks.creating
tasks {
    val four by registering { group = LifecycleBasePlugin.VERIFICATION_GROUP }
    register<Jar>(
        "five"
    )
    test { useJUnitPlatform() }
    create("six") { description.set("sixth") }
}
val seven: TaskProvider<Task> by tasks.registering
task<Copy>("eight")
publishing { publications { create<MavenPublication>("maven") { } } }
sourceSets { register("it") }
"#;
    let repo = TestRepo::new(&[("build.gradle.kts", build)]);
    let tasks = declared(&repo);
    assert_eq!(ids(&tasks), ["one", "two", "three", "four", "five", "six", "seven", "eight"]);
    assert_eq!(task(&tasks, "one").task.group.as_deref(), Some("docs"));
    assert_eq!(task(&tasks, "two").task.description.as_deref(), Some("third"));
    assert_eq!(task(&tasks, "four").task.group.as_deref(), Some("verification"));
    assert_eq!(task(&tasks, "six").task.description.as_deref(), Some("sixth"));
    let all = repo.tasks(Gradle);
    let lifecycle: Vec<_> =
        all.iter().filter(|found| found.task.group.as_deref() == Some("lifecycle")).collect();
    let names: Vec<_> = lifecycle.iter().map(|found| found.task.name.as_str()).collect();
    assert_eq!(names, ["assemble", "build", "check", "clean", "test", "run"]);
}

#[test]
fn projects_of_the_settings() {
    let settings = r#"
include 'app', ':libs:core'
include(
    "tools"
)
project(':tools').projectDir = file('build/tools')
includeBuild '../other'
"#;
    let build = r#"
allprojects { task every }
subprojects { tasks.register("below") }
project(':app') { task chosen }
"#;
    let repo = TestRepo::new(&[
        ("settings.gradle", settings),
        ("build.gradle", build),
        ("app/build.gradle", "task run\napply from: \"$rootDir/gradle/more.gradle\"\n"),
        ("gradle/more.gradle", "task more\n"),
        ("libs/core/build.gradle.kts", "tasks.register(\"gen\")\n"),
        ("build/tools/build.gradle", "task own\n"),
        ("unused/build.gradle", "task no\n"),
    ]);
    let tasks = declared(&repo);
    let mut names = ids(&tasks);
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "app:below",
            "app:chosen",
            "app:every",
            "app:more",
            "app:run",
            "every",
            "libs:below",
            "libs:core:below",
            "libs:core:every",
            "libs:core:gen",
            "libs:every",
            "tools:below",
            "tools:every",
            "tools:own"
        ]
    );
    assert_eq!(command(task(&tasks, "libs:core:gen")), "gradle :libs:core:gen");
    assert_eq!(task(&tasks, "tools:own").task.file, "build/tools/build.gradle");
    let notes = repo.notes(Gradle);
    assert!(notes.iter().any(|note| note.contains("`../other` is not followed")), "{notes:?}");
}

#[test]
fn scripts_and_plugins_of_the_build_itself() {
    let repo = TestRepo::new(&[
        (
            "build.gradle",
            "plugins { id 'shop.docs' }\napply from: 'https://x/y.gradle'\n\
             apply from: file('gradle/a.gradle')\napply from: rootProject.file(\"gradle/b.gradle\")\n",
        ),
        ("gradle/c.gradle", "task c\n"),
        ("settings.gradle", "include \"lib-$name\"\n"),
        ("gradle/a.gradle", "task a\napply {\n  from(rootProject.file('gradle/c.gradle'))\n}\n"),
        ("gradle/b.gradle", "task b\n"),
        ("buildSrc/src/main/groovy/shop.docs.gradle", "task docs\n"),
    ]);
    let tasks = declared(&repo);
    let mut names = ids(&tasks);
    names.sort_unstable();
    assert_eq!(names, ["a", "b", "c", "docs"]);
    let notes = repo.notes(Gradle);
    assert!(notes.iter().any(|note| note.contains("is not in the repository")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("a project gets a computed name")), "{notes:?}");
}

#[test]
fn nesting_has_an_end() {
    let text = format!("{}task x", "{".repeat(200_000));
    TestRepo::new(&[("build.gradle", &text)]).tasks(Gradle);
    let cycle = TestRepo::new(&[("build.gradle", "apply from: 'build.gradle'\ntask x\n")]);
    assert_eq!(ids(&declared(&cycle)), ["x"]);
}

proptest! {
    #[test]
    fn never_panics(
        text in mutations(&[
            "task ", "tasks", ".", "register", "(", ")", "{", "}", "\"a\"", "'", "\"\"\"", "\n", "val ", " by ",
            "registering", "include", "project", "projectDir", "=", "apply", "plugins", "id", "<", ">", "$", "\\",
            "/*", "//", "description", ",", "creating", "`",
        ])
    ) {
        TestRepo::new(&[("build.gradle", &text), ("settings.gradle", &text)]).tasks(Gradle);
    }
}
