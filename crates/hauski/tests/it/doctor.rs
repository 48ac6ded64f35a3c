//! `hauski doctor`: what it says about this machine holds.

use testkit::Run;

use crate::daemon::HAUSKI;

#[test]
fn it_tries_every_layer_and_the_nine_operations() {
    let home = testkit::public_tempdir();
    let doctor = |json: bool| {
        let words = if json { vec!["doctor", "--json"] } else { vec!["doctor"] };
        let home = home.path().join("home");
        Run::new(HAUSKI, std::path::Path::new("/"))
            .args(words)
            .env("HAUSKI_HOME", home)
            .env("HAUSKI_SANDBOX_WAIVE", "mine:network")
            .go()
    };
    let ran = doctor(true);
    let report = ran.json();
    assert_eq!(report["schema"], "hauski.doctor/1");
    assert_eq!(report["sound"], ran.code == 0, "{}", ran.stdout);
    assert_eq!(report["waived"][0]["plugin"], "mine");
    let layers = report["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 9);
    let plain = doctor(false).stdout;
    for layer in layers {
        assert!(plain.contains(layer["name"].as_str().unwrap()), "{plain}");
    }
    assert!(plain.contains("WAIVED for the plugin mine: network"), "{plain}");
    if layers.iter().any(|layer| layer["available"] != true) {
        testkit::not_run("the self-test", "this machine lacks a layer");
        assert_eq!(ran.code, 1);
        return;
    }
    assert_eq!(ran.code, 0, "{plain}");
    assert_eq!(report["self_test"]["operations"].as_array().unwrap().len(), 9);
    assert!(plain.ends_with("Plugins can be started here.\n"), "{plain}");
}

#[test]
fn a_waiver_that_names_no_layer_is_refused() {
    let ran = Run::new(HAUSKI, std::path::Path::new("/"))
        .args(["doctor"])
        .env("HAUSKI_HOME", "/nonexistent")
        .env("HAUSKI_SANDBOX_WAIVE", "mine:nothing")
        .go();
    assert_eq!(ran.code, 78, "{}", ran.stderr);
    assert!(ran.stderr.contains("no layer is called \"nothing\""), "{}", ran.stderr);
}
