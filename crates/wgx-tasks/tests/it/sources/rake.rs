//! rake: declarations, namespaces, loops, libraries, loaded files.

use contracts::wgx::TaskSource::Rake;
use proptest::prelude::*;

use super::{TestRepo, mutations};

#[test]
fn declarations_in_all_their_forms() {
    let repo = TestRepo::new(&[(
        "Rakefile",
        "# task :comment\n=begin\ntask :block\n=end\ndesc 'Build it'\ntask :build => [:a, \"b\"] do |t|\n  sh 'task :no' if x\n  puts <<~EOS\n    task :heredoc\n  EOS\nend\ntask 'text'\ntask short: %w[build]\ntask('called') { puts 'x' }\ndesc \"With \\\"quotes\\\"\"\ntask :args, [:x, :y] => :build do |t, args| end\ntask :more, :p, :q\nmultitask many: [:a]\nfile 'out/app' => 'src' do |t| touch t.name end\ndirectory 'a/b'\nnamespace :db do\n  desc 'Move'\n  task migrate: :environment do\n    if true then 1 end\n    x = [1].map do |y| y end\n  end\n  namespace('deep') { task :leaf }\nend\ndef helper\n  task :inside\nend\nRake::Task.define_task(:defined)\ntask :last unless false\n__END__\ntask :never\n",
    )]);
    assert_eq!(
        repo.names(Rake),
        [
            "build",
            "text",
            "short",
            "called",
            "args",
            "more",
            "many",
            "out/app",
            "a",
            "a/b",
            "db:migrate",
            "db:deep:leaf",
            "defined",
            "last"
        ]
    );
    let tasks = repo.tasks(Rake);
    assert_eq!((tasks[0].task.line, tasks[0].task.description.as_deref()), (6, Some("Build it")));
    let args: Vec<_> = tasks[4].task.args.iter().map(|arg| &*arg.name).collect();
    assert_eq!(args, ["x", "y"]);
    assert_eq!(tasks[5].task.args.len(), 2);
    assert_eq!(tasks[7].task.group.as_deref(), Some("file"));
    assert_eq!(tasks[10].task.description.as_deref(), Some("Move"));
    assert!(repo.notes(Rake).is_empty(), "{:?}", repo.notes(Rake));
}

#[test]
fn loops_over_literals_are_followed_and_others_said() {
    let repo = TestRepo::new(&[(
        "rakefile",
        "NAMES = %w[one two]\nNAMES.each do |name|\n  task \"build:#{name}\" do end\n  namespace name do\n    task :x\n  end\nend\n[:a, :b].each { |n| task n }\nENV.keys.each do |k|\n  task k\nend\nif ENV['X']\n  task :maybe\nend\nRails.application.load_tasks\n",
    )]);
    assert_eq!(repo.names(Rake), ["build:one", "one:x", "build:two", "two:x", "a", "b", "maybe"]);
    assert_eq!(repo.notes(Rake).len(), 3, "{:?}", repo.notes(Rake));
}

#[test]
fn well_known_libraries_declare_theirs() {
    let repo = TestRepo::new(&[(
        "Rakefile.rb",
        "require 'bundler/gem_tasks'\nrequire 'rake/testtask'\nRake::TestTask.new(:unit => :build) do |t|\n  t.libs << 'test'\nend\nRSpec::Core::RakeTask.new\nRuboCop::RakeTask.new(:lint)\nRake::ExtensionTask.new('x')\n",
    )]);
    let names = repo.names(Rake);
    for name in ["release", "install:local", "unit", "spec", "lint", "lint:autocorrect_all"] {
        assert!(names.contains(&name.to_owned()), "{name}");
    }
    assert!(!repo.discover().is_complete());
}

#[test]
fn a_name_set_in_the_block_counts_where_the_library_reads_it_first() {
    let repo = TestRepo::new(&[(
        "Rakefile",
        "Rake::ExtensionTask.new('date') do |ext|\n  ext.name = 'date_core'\nend\nRake::TestTask.new(:test) { |t| t.libs << 'x'; t.name = :unit }\nRSpec::Core::RakeTask.new(:spec) do |t|\n  t.name = 'no'\nend\n",
    )]);
    let names = repo.names(Rake);
    for name in ["compile:date_core", "unit", "spec"] {
        assert!(names.contains(&name.to_owned()), "{name} of {names:?}");
    }
    for name in ["compile:date", "test", "no"] {
        assert!(!names.contains(&name.to_owned()), "{name}");
    }
}

#[test]
fn the_gem_helper_alone_brings_no_clean() {
    let repo =
        TestRepo::new(&[("Rakefile", "require 'bundler'\nBundler::GemHelper.install_tasks\n")]);
    let names = repo.names(Rake);
    assert!(names.contains(&"release".to_owned()) && names.contains(&"build:checksum".to_owned()));
    assert!(!names.contains(&"clean".to_owned()) && !names.contains(&"clobber".to_owned()));
}

#[test]
fn rakelib_imports_loads_and_requires() {
    let repo = TestRepo::new(&[
        (
            "Rakefile",
            "import 'tasks/a.rake'\nload File.expand_path('../tasks/b.rake', __FILE__)\nload File.join(__dir__, 'tasks', 'c.rake')\nrequire_relative 'tasks/d'\nDir['more/**/*.rake'].sort.each { |f| load f }\nDir.glob('other/*.{rake,rb}').each(&method(:import))\nRake.add_rakelib 'lib/tasks'\nload 'gone.rake'\nload some.path\n",
        ),
        ("tasks/a.rake", "task :a\n"),
        ("tasks/b.rake", "task :b\n"),
        ("tasks/c.rake", "task :c\nload 'tasks/a.rake'\n"),
        ("tasks/d.rb", "task :d\n"),
        ("more/x/e.rake", "task :e\n"),
        ("more/f.rake", "task :f\n"),
        ("other/g.rb", "task :g\n"),
        ("lib/tasks/h.rake", "task :h\n"),
        ("rakelib/i.rake", "task :i\n"),
    ]);
    assert_eq!(repo.names(Rake), ["a", "b", "c", "d", "f", "e", "g", "h", "i"]);
    assert_eq!(repo.notes(Rake).len(), 2, "{:?}", repo.notes(Rake));
}

const WORDS: &[&str] = &[
    "task ",
    ":a",
    "'b'",
    "\"#{c}\"",
    " => ",
    "do\n",
    "end\n",
    "{",
    "}",
    "|x|",
    "namespace :n do\n",
    "desc 'x'\n",
    "%w[a b]",
    ".each ",
    "[",
    "]",
    "(",
    ")",
    "<<~E\n",
    "E\n",
    "\n",
    "if x\n",
    "def m\n",
    "load 'Rakefile'\n",
    "=begin\n",
    "=end\n",
    "#",
    "$'",
    "/",
    "?x",
    "::",
    "A::B",
    ".new",
    ",",
    "\\",
    "\"",
    "'",
    "Dir['**/*']",
    "x = ",
    "ü",
    "while y do\n",
    "require 'rake/clean'\n",
    "Rake::TestTask.new",
    "%",
    "case z\n",
    "&method(:load)",
];

proptest! {
    #[test]
    fn never_panics_and_never_loops(text in mutations(WORDS), other in mutations(WORDS)) {
        let repo = TestRepo::new(&[("Rakefile", &text), ("rakelib/a.rake", &other)]);
        let _ = repo.discover();
    }
}

#[test]
fn loops_over_hashes_and_names_of_files() {
    let repo = TestRepo::new(&[
        (
            "Rakefile",
            "KINDS = { fast: 'quick', 'slow' => %w[a b] }\nKINDS.each do |kind, word|\n  task kind\n  task \"#{kind}:#{word}\"\nend\nDir.glob('bench/*.yml') do |file|\n  name = File.basename(file, '.*')\n  task name => :fast\nend\n",
        ),
        ("bench/read.yml", ""),
        ("bench/write.yml", ""),
    ]);
    assert_eq!(repo.names(Rake), ["fast", "fast:quick", "slow", "read", "write"]);
    assert!(!repo.notes(Rake).is_empty(), "the value of `slow` is no text");
}

#[test]
fn conditions_on_the_ruby_implementation_are_decided() {
    let repo = TestRepo::new(&[(
        "Rakefile",
        "if defined?(RUBY_ENGINE) and RUBY_ENGINE == 'jruby'\n  task :jar\nelse\n  require 'rake/extensiontask'\n  Rake::ExtensionTask.new('fast')\nend\nunless RUBY_ENGINE == 'truffleruby'\n  task :native\nend\nif RUBY_PLATFORM == 'java'\n  task :java\nend\nif ENV['X'] == 'jruby'\n  task :open\nend\n",
    )]);
    assert_eq!(repo.names(Rake), ["clean", "clobber", "compile", "compile:fast", "native", "open"]);
}

#[test]
fn arguments_go_into_brackets() {
    let repo = TestRepo::new(&[("Rakefile", "task :greet, [:name]\n")]);
    assert_eq!(super::command(&repo.tasks(Rake)[0]), "rake greet[…]");
}
