//! The hub is remembered in a file of one line.

use std::fs;

use repolens::hub;
use testkit::{Ran, Run};

use crate::tree::Tree;

#[test]
fn a_hub_is_set_shown_and_set_again_after_it_was_renamed() {
    let tree = Tree::new().folder("wc-hub/b/.git").folder("wc-hub/a/.git").folder("wc-hub/plain");
    let configuration = tree.outside().join("config/repolens");
    let root = tree.root().canonicalize().unwrap();
    let say = |error: hub::HubError| {
        let text = error.to_string().replace(root.to_str().unwrap(), "R");
        text.replace(tree.outside().to_str().unwrap(), "T")
    };
    let unset = say(hub::get(&configuration).unwrap_err());

    let set = hub::set(&configuration, &tree.root().join("wc-hub/../wc-hub")).unwrap();
    assert_eq!(set, root.join("wc-hub"));
    assert_eq!(hub::get(&configuration).unwrap(), root.join("wc-hub"));
    let file = fs::read_to_string(configuration.join(".repolens-hub-path.txt")).unwrap();
    assert_eq!(file, format!("{}/wc-hub\n", root.display()));
    let copies = hub::working_copies(&set).unwrap();
    assert_eq!(copies, [root.join("wc-hub/a"), root.join("wc-hub/b")]);

    fs::rename(root.join("wc-hub"), root.join("repolens-hub")).unwrap();
    let gone = say(hub::get(&configuration).unwrap_err());
    hub::set(&configuration, &root.join("repolens-hub")).unwrap();
    assert_eq!(hub::get(&configuration).unwrap(), root.join("repolens-hub"));

    let file = say(hub::set(&configuration, &root.join("none")).unwrap_err());
    fs::create_dir(root.join("line\nbreak")).unwrap();
    let line = say(hub::set(&configuration, &root.join("line\nbreak")).unwrap_err());
    insta::assert_snapshot!([unset, gone, file, line].join("\n"), @r"
    no hub is set: run `repolens hub set FOLDER`
    the hub `R/wc-hub` in T/config/repolens/.repolens-hub-path.txt is no folder: run `repolens hub set FOLDER`
    `R/none` is no folder that can be the hub
    the path `R/line
    break` cannot be written in a text file of one line
    ");
}

#[test]
fn every_working_copy_in_the_hub_is_merged() {
    let tree = Tree::new()
        .folder("hub/b/.git")
        .file("hub/b/README.md", "b")
        .folder("hub/a/.git")
        .file("hub/a/x.rs", "fn x() {}")
        .file("hub/plain/none.txt", "none");
    let repolens = |words: &[&str]| -> Ran {
        let run = Run::new(env!("CARGO_BIN_EXE_repolens"), &tree.root()).args(words);
        let run = run.env("XDG_CONFIG_HOME", tree.outside().join("config"));
        run.env("HAUSKI_HOME", tree.outside().join("home")).go()
    };
    let unset = repolens(&["--hub", "--stdout"]);
    assert_eq!((unset.code, unset.stdout.as_str()), (1, ""));
    assert!(unset.stderr.contains("repolens hub set FOLDER"), "{}", unset.stderr);
    assert_eq!(repolens(&["hub", "set", "hub"]).code, 0);
    let shown = repolens(&["hub", "show"]);
    let hub = tree.root().canonicalize().unwrap().join("hub");
    assert_eq!(shown.stdout, format!("{}\n  a\n  b\n", hub.display()));
    let merged = repolens(&["--hub", "--stdout"]);
    assert_eq!(merged.code, 0, "{}", merged.stderr);
    assert!(merged.stdout.contains("- Scope: 2 repos: `a`, `b`"), "{}", merged.stdout);
    assert!(!merged.stdout.contains("none.txt"));
}
