//! Tasks that well-known libraries declare by themselves.

/// A task: name, description, whether it takes the argument `remote`.
pub(super) type Known = (String, Option<&'static str>);

/// Tasks that come with a `require`.
pub(super) fn required(feature: &str) -> Option<Vec<Known>> {
    let tasks: &[(&str, Option<&'static str>)] = match feature {
        "rake/clean" | "rake/extensiontask" | "rake/javaextensiontask" => &CLEAN,
        "bundler/gem_tasks" => &BUNDLER,
        "standard/rake" => &[
            ("standard", Some("Lint with the Standard Ruby style guide")),
            (
                "standard:fix",
                Some("Lint and automatically make safe fixes with the Standard Ruby style guide"),
            ),
            (
                "standard:fix_unsafely",
                Some(
                    "Lint and automatically make fixes (even unsafe ones) with the Standard Ruby style guide",
                ),
            ),
        ],
        _ => return None,
    };
    Some(named(tasks))
}

fn named(tasks: &[(&str, Option<&'static str>)]) -> Vec<Known> {
    tasks.iter().map(|(name, description)| ((*name).to_owned(), *description)).collect()
}

const CLEAN: [(&str, Option<&str>); 2] = [
    ("clean", Some("Remove any temporary products")),
    ("clobber", Some("Remove any generated files")),
];

const BUNDLER: [(&str, Option<&str>); 10] = [
    ("build", Some("Build the gem into the pkg directory")),
    ("build:checksum", Some("Generate SHA512 checksum of the gem into the checksums directory")),
    ("clean", Some("Remove any temporary products")),
    ("clobber", Some("Remove any generated files")),
    ("install", Some("Build and install the gem into system gems")),
    ("install:local", Some("Build and install the gem without network access")),
    ("release", Some("Create a tag, build and push the gem")),
    ("release:guard_clean", None),
    ("release:rubygem_push", None),
    ("release:source_control_push", None),
];

/// What `Bundler::GemHelper.install_tasks` declares: `clean` and `clobber` come with `bundler/gem_tasks` only.
pub(super) fn gem_helper() -> Vec<Known> {
    let mut tasks = named(&BUNDLER);
    tasks.retain(|(name, _)| !CLEAN.iter().any(|(clean, _)| clean == name));
    tasks
}

/// Tasks that `CLASS.new(NAME)` declares; `None` when the class is not known.
pub(super) fn created(class: &str, name: Option<&str>) -> Option<Vec<Known>> {
    let single = |default: &str, description| {
        let name = name.unwrap_or(default).to_owned();
        Some(vec![(name, Some(description))])
    };
    match class {
        "Rake::TestTask" => single("test", "Run tests"),
        "RSpec::Core::RakeTask" => single("spec", "Run RSpec code examples"),
        "Cucumber::Rake::Task" => single("cucumber", "Run Cucumber features"),
        "YARD::Rake::YardocTask" => single("yard", "Generate YARD Documentation"),
        "Reek::Rake::Task" => single("reek", "Check for code smells"),
        "RuboCop::RakeTask" => {
            let name = name.unwrap_or("rubocop");
            Some(vec![
                (name.to_owned(), Some("Run RuboCop")),
                (
                    format!("{name}:autocorrect"),
                    Some("Autocorrect RuboCop offenses (only when it's safe)"),
                ),
                (
                    format!("{name}:autocorrect_all"),
                    Some("Autocorrect RuboCop offenses (safe and unsafe)"),
                ),
            ])
        }
        "RDoc::Task" | "Rake::RDocTask" => {
            let name = name.unwrap_or("rdoc");
            Some(vec![
                (name.to_owned(), Some("Build RDoc HTML files")),
                (format!("clobber_{name}"), Some("Remove RDoc HTML files")),
                (format!("re{name}"), Some("Rebuild RDoc HTML files")),
            ])
        }
        "Gem::PackageTask" | "Rake::PackageTask" => {
            let mut tasks = named(&[
                ("package", Some("Build all the packages")),
                ("repackage", Some("Force a rebuild of the package files")),
                ("clobber_package", Some("Remove package products")),
            ]);
            if class == "Gem::PackageTask" {
                tasks.push(("gem".to_owned(), Some("Build the gem file")));
            }
            tasks.extend(named(&CLEAN));
            Some(tasks)
        }
        "Rake::ExtensionTask" | "Rake::JavaExtensionTask" => {
            let compile = ("compile".to_owned(), Some("Compile all the extensions"));
            let own = name.map(|name| (format!("compile:{name}"), None));
            Some(std::iter::once(compile).chain(own).collect())
        }
        "Minitest::TestTask" => {
            let name = name.unwrap_or("test");
            Some(vec![
                (name.to_owned(), Some("Run the test suite")),
                (format!("{name}:cmd"), Some("Print out the test command")),
                (format!("{name}:deps"), None),
                (
                    format!("{name}:isolated"),
                    Some("Show which test files fail when run in isolation"),
                ),
                (format!("{name}:slow"), Some("Show the slowest tests")),
            ])
        }
        _ => None,
    }
}

/// Whether `t.name = NAME` in the block of `CLASS.new` names its tasks.
pub(super) fn named_in_block(class: &str) -> bool {
    matches!(
        class,
        "Rake::TestTask"
            | "Minitest::TestTask"
            | "RDoc::Task"
            | "Rake::RDocTask"
            | "YARD::Rake::YardocTask"
            | "Rake::ExtensionTask"
            | "Rake::JavaExtensionTask"
    )
}

/// Whether a class that is not known looks as if it declared tasks.
pub(super) fn may_declare(class: &str) -> bool {
    class.ends_with("Task")
        || class.ends_with("Tasks")
        || class.contains("Rake::")
        || class.contains("RakeTask")
}
