//! What a profile demands of wgx: a version of the profile contract, and capabilities.

use semver::{Version, VersionReq};
use wgx_tasks::profile::{CAPABILITIES, CONTRACT_VERSION, Problem, Profile, Severity};

pub(super) fn missing_capabilities(profile: &Profile) -> Vec<String> {
    let demanded = profile.required_wgx.iter().flat_map(|required| &required.capabilities);
    demanded.filter(|name| !CAPABILITIES.contains(&name.as_str())).cloned().collect()
}

pub(super) fn check(profile: &Profile, missing: &[String]) -> Vec<Problem> {
    let Some(required) = &profile.required_wgx else {
        return Vec::new();
    };
    let problem = |code: &str, message: String, hint: &str| Problem {
        code: code.to_owned(),
        severity: Severity::Error,
        file: profile.file.clone(),
        line: Some(required.line),
        message,
        hint: hint.to_owned(),
    };
    let mut problems = Vec::new();
    for demand in required.range.iter().chain(&required.min) {
        let hint = "write a range that the contract version fits, or use another wgx";
        match fits(demand) {
            Some(true) => {}
            Some(false) => {
                let message = format!(
                    "the profile demands wgx {demand}; this one keeps contract {CONTRACT_VERSION}"
                );
                problems.push(problem("version_mismatch", message, hint));
            }
            None => {
                let message = format!("requiredWgx {demand:?} is not a version range");
                problems.push(problem("version_mismatch", message, "write for example \"^2.0\""));
            }
        }
    }
    if !missing.is_empty() {
        let message = format!("the profile demands unknown capabilities: {}", missing.join(", "));
        let hint = "correct their names or use a wgx that has them";
        problems.push(problem("missing_capabilities", message, hint));
    }
    problems
}

/// A plain version means "at least", as in upstream's wgx; `None` when it is no version at all.
fn fits(demand: &str) -> Option<bool> {
    let demand = demand.trim();
    let plain = demand.starts_with(|first: char| first.is_ascii_digit());
    let range = if plain { format!(">={demand}") } else { demand.to_owned() };
    let contract = Version::parse(CONTRACT_VERSION).ok()?;
    Some(VersionReq::parse(&range).ok()?.matches(&contract))
}
