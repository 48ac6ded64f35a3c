//! Roles that the tests of the sandbox start: the init role, a small daemon, and a program that tries to get out.

mod host;
mod hostile;

use std::collections::BTreeSet;
use std::process::ExitCode;

use hauski_plugins::sandbox::{self, Init, Waivers};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (role, rest) = arguments.split_first().map_or(("", &[][..]), |(role, rest)| (role, rest));
    match role {
        "sandbox-init" => sandbox::init::main(rest),
        "host" => host::run(),
        "self-test" => self_test(rest),
        "try" => hostile::run(rest),
        _ => ExitCode::from(2),
    }
}

/// Prints the self-test without the layers that are named.
#[expect(clippy::print_stdout, reason = "the answer")]
fn self_test(without: &[String]) -> ExitCode {
    let Ok(program) = std::env::current_exe() else { return ExitCode::FAILURE };
    let init = Init { program, role: vec!["sandbox-init".to_owned()] };
    let waived = without.iter().map(|layer| format!("x:{layer}")).collect::<Vec<_>>().join(",");
    let waived: BTreeSet<_> =
        waived.parse().map_or_else(|_| BTreeSet::new(), |w: Waivers| w.of("x"));
    let tested = sandbox::self_test(&init, &waived);
    let refusal = tested.as_ref().ok().and_then(sandbox::SelfTest::refusal);
    println!(
        "{}",
        serde_json::json!({
            "matrix": sandbox::matrix(&init).ok(),
            "refused": tested.as_ref().err(),
            "tested": tested.as_ref().ok(),
            "refusal": refusal.map(|refusal| refusal.to_string()),
        })
    );
    ExitCode::SUCCESS
}
