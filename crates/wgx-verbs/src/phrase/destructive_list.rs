//! The words of [`super::destructive`]: what makes a task destructive, because it changes or removes
//! what cannot simply be made again, or reaches beyond this machine. docs/free-text.md explains the
//! rules. Compiled in as it is used: every `wgx list` and `wgx run` asks it, and parsing it as a file
//! took 4 % of a run.

/// Compared word by word with names (camelCase, kebab, snake and namespaces split) and with the words
/// of commands.
#[rustfmt::skip]
pub(super) const WORDS: &[&str] = &[
    // reaches others
    "deploy", "deploys", "redeploy", "predeploy", "postdeploy", "undeploy", "publish", "prepublish",
    "postpublish", "unpublish", "release", "prerelease", "postrelease",
    "push", "promote", "rollout", "ship", "yank", "gh-pages", "autodeploy",
    // removes or overwrites
    "drop", "dropdb", "reset", "destroy", "clean", "cleanup", "clear", "distclean", "mrproper",
    "clobber", "cleanall", "prune", "rm", "rmi", "rmdir", "del",
    "delete", "remove", "uninstall", "purge", "wipe", "truncate", "erase", "nuke", "obliterate",
    "flush", "flushall", "flushdb",
    "rimraf", "unlink", "shred", "overwrite", "teardown", "factoryreset", "hardreset", "downgrade",
    "rollback", "revert", "undo", "restore",
    // stops what others use, or cannot be undone
    "terminate", "shutdown", "reboot", "poweroff", "kill", "pkill", "killall", "force", "mkfs",
    "dd", "fdisk", "format-disk", "reformat-disk", "decommission", "deprovision",
    // the same in German
    "veroeffentlichen", "ausrollen", "ausliefern", "loeschen", "entfernen", "zuruecksetzen",
    "aufraeumen", "bereinigen", "leeren", "zerstoeren", "freigeben", "hochladen",
];

/// Several words in a row within a name or a command.
pub(super) const SEQUENCES: &[&[&str]] = &[
    &["terraform", "apply"],
    &["tofu", "apply"],
    &["terragrunt", "apply"],
    &["pulumi", "up"],
    &["kubectl", "apply"],
    &["helm", "upgrade"],
    &["cdk", "deploy"],
    &["migrate", "fresh"],
    &["migrate", "reset"],
    &["docker", "compose", "down"],
    &["twine", "upload"],
    &["s3", "sync"],
    &["s3", "mv"],
    &["git", "rebase"],
    &["schema", "load"],
];

/// Flags of commands that remove or overwrite; other flags (`--release`, `docker run --rm`) do not
/// count.
pub(super) const FLAGS: &[&str] = &[
    "--force",
    "--hard",
    "--delete",
    "--purge",
    "--prune",
    "--wipe",
    "--drop",
    "--force-with-lease",
    "--delete-after",
    "-delete",
    "--remove-orphans",
    "--accept-data-loss",
    "--force-reset",
];
