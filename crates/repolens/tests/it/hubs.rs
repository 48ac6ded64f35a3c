//! The hub is remembered in a file of one line.

use std::fs;

use repolens::hub;

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
