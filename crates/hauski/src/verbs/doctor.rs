//! `hauski doctor`: tries every layer of the sandbox, runs the self-test and says what holds the limits.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use contracts::hauski::doctor::{
    Finding, Layer, Limit, Operation, Report, SCHEMA, SelfTest, Waived,
};
use hauski_plugins::{limits, sandbox};

use crate::exit::Exit;
use crate::output;
use crate::settings::Settings;

/// Options of `hauski doctor`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the report; exit 0 when plugins can be started here, 1 otherwise.
pub(crate) fn run(_: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let report = examine(settings)?;
    match settings.json {
        true => output::print_json(&report)?,
        false => output::print(&plain(&report))?,
    }
    Ok(if report.sound { Exit::Good } else { Exit::Findings })
}

fn examine(settings: &Settings) -> anyhow::Result<Report> {
    let init =
        sandbox::Init { program: std::env::current_exe()?, role: vec!["sandbox-init".to_owned()] };
    let layers: Vec<_> = sandbox::matrix(&init)?
        .into_iter()
        .map(|fact| Layer {
            name: fact.layer.name().to_owned(),
            purpose: fact.layer.purpose().to_owned(),
            available: fact.available,
            why: fact.why,
        })
        .collect();
    let (self_test, refused) = match sandbox::self_test(&init, &BTreeSet::new()) {
        Ok(tested) => (Some(tested), None),
        Err(refusal) => (None, Some(refusal.to_string())),
    };
    let sound = layers.iter().all(|layer| layer.available)
        && self_test.as_ref().is_some_and(|tested| tested.passed);
    Ok(Report {
        schema: SCHEMA.to_owned(),
        sound,
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        root: rustix::process::geteuid().is_root(),
        layers,
        limits: limits::held().into_iter().map(limit).collect(),
        self_test: self_test.map(tested),
        refused,
        landlock: landlock().to_owned(),
        waived: waived(settings)?,
    })
}

fn limit(held: limits::Held) -> Limit {
    Limit { name: held.limit.to_owned(), by: held.by, note: held.note }
}

fn tested(test: sandbox::SelfTest) -> SelfTest {
    let operation = |one: sandbox::Operation| Operation {
        name: one.name,
        allowed: one.allowed,
        answer: one.answer,
    };
    let finding = |one: sandbox::Finding| Finding {
        layer: one.layer.name().to_owned(),
        holds: one.holds,
        seen: one.seen,
    };
    SelfTest {
        passed: test.passed,
        operations: test.operations.into_iter().map(operation).collect(),
        findings: test.findings.into_iter().map(finding).collect(),
    }
}

/// What the kernel says of its own modules, where that file system is mounted.
fn landlock() -> &'static str {
    match fs::read_to_string("/sys/kernel/security/lsm") {
        Ok(names) if names.trim().split(',').any(|name| name == "landlock") => "yes",
        Ok(_) => "no",
        Err(_) => "unknown",
    }
}

fn waived(settings: &Settings) -> anyhow::Result<Vec<Waived>> {
    let waivers = settings.sandbox_waivers()?;
    let plugins: Vec<_> = waivers.plugins().map(str::to_owned).collect();
    let layers = |plugin: &str| {
        waivers.of(plugin).into_iter().map(|layer| layer.name().to_owned()).collect()
    };
    Ok(plugins.into_iter().map(|plugin| Waived { layers: layers(&plugin), plugin }).collect())
}

fn plain(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |words: std::fmt::Arguments<'_>| {
        let _ = writeln!(text, "{words}");
    };
    let user = if report.root { "root" } else { "an ordinary user" };
    line(format_args!("Linux {}, as {user}", report.kernel));
    line(format_args!("\nLayers of the sandbox"));
    for layer in &report.layers {
        let Layer { name, purpose, .. } = layer;
        match &layer.why {
            None => line(format_args!("  yes  {name:15} {purpose}")),
            Some(why) => line(format_args!("  NO   {name:15} {why}")),
        }
    }
    line(format_args!("\nLimits of plugins"));
    for limit in &report.limits {
        let by = limit.by.as_deref().unwrap_or("NOTHING; a plugin that needs it is refused");
        line(format_args!("  {:8} {by}", limit.name));
        if let Some(note) = &limit.note {
            line(format_args!("  {:8} because {note}", ""));
        }
    }
    line(format_args!("\nSelf-test in a sandbox"));
    match (&report.self_test, &report.refused) {
        (Some(test), _) => {
            for operation in &test.operations {
                let Operation { name, answer, .. } = operation;
                let word = if operation.allowed { "POSSIBLE" } else { "refused" };
                line(format_args!("  {word:8} {name:14} {answer}"));
            }
            for finding in &test.findings {
                let word = if finding.holds { "holds" } else { "BROKEN" };
                line(format_args!("  {word:8} {:14} {}", finding.layer, finding.seen));
            }
        }
        (None, refused) => {
            line(format_args!("  REFUSED  {}", refused.as_deref().unwrap_or("without a reason")));
        }
    }
    line(format_args!(
        "\nLandlock in this kernel: {} (the sandbox does not rest on it)",
        report.landlock
    ));
    for waived in &report.waived {
        let layers = waived.layers.join(", ");
        line(format_args!("WAIVED for the plugin {}: {layers}", waived.plugin));
    }
    line(format_args!(
        "\n{}",
        if report.sound {
            "Plugins can be started here."
        } else {
            "Plugins are refused here; see docs/sandbox.md."
        }
    ));
    text
}
