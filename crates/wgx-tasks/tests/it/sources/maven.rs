//! Maven.

use contracts::wgx::TaskSource::Maven;
use proptest::prelude::*;

use super::{TestRepo, command, ids, mutations};

#[test]
fn the_phases_of_the_lifecycles() {
    let pom = "<?xml version='1.0'?>\n<!-- c -->\n<project xmlns='http://maven.apache.org/POM/4.0.0'>\n\
               <modules><module>a</module></modules></project>";
    let repo = TestRepo::new(&[("pom.xml", pom), ("mvnw", ""), ("a/pom.xml", "<project/>")]);
    let tasks = repo.tasks(Maven);
    assert_eq!(
        ids(&tasks),
        ["clean", "validate", "compile", "test", "package", "verify", "install", "site", "deploy"]
    );
    assert_eq!(tasks[3].task.line, 3);
    assert_eq!(tasks[3].task.group.as_deref(), Some("phase"));
    assert_eq!(command(&tasks[3]), "./mvnw test");
    let plain = TestRepo::new(&[("pom.xml", "<project/>")]).tasks(Maven);
    assert_eq!(command(&plain[0]), "mvn clean");
}

#[test]
fn faults_are_named() {
    let deep = "<project>".repeat(100_000);
    let bomb = "<!DOCTYPE p [<!ENTITY a 'xxxxxxxxxx'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c \
                '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]><project>&d;&d;&d;\
                </project>";
    for text in ["<project>", "", "<other/>", &deep, bomb] {
        let repo = TestRepo::new(&[("pom.xml", text)]);
        assert!(repo.tasks(Maven).is_empty());
        assert_eq!(repo.notes(Maven).len(), 1);
    }
}

proptest! {
    #[test]
    fn never_panics(text in mutations(&["<project>", "</project>", "<a/>", "<!--", "-->", "<", ">", "&", "]]>"])) {
        TestRepo::new(&[("pom.xml", &text)]).tasks(Maven);
    }
}
