//! Whether an address may be dialled, step by step.

use contracts::hauski::explain::{Explain, Kind, Outcome, Rule, Step};

use super::Answer;
use crate::egress::{Allowed, Decision, HostPattern, Reason};
use crate::load::{Policies, element};

/// The checks in their order, each with the reasons it can fail for.
const CHECKS: &[(&str, &[Reason])] = &[
    ("is an address of at most 8192 bytes", &[Reason::UrlTooLong, Reason::UrlInvalid]),
    ("scheme is https, wss or http", &[Reason::SchemeNotAllowed]),
    ("no user and no password in it", &[Reason::Userinfo]),
    ("host and port can exist", &[Reason::HostInvalid]),
    ("plain http only to one's own machine", &[Reason::HttpNotLoopback]),
    ("egress.allow names the host", &[Reason::IpNotListed, Reason::HostNotListed]),
    ("egress.allow names it under this scheme", &[Reason::SchemeNotListed]),
    ("egress.allow names it with this port", &[Reason::PortNotListed]),
    ("every program reads the same host in it", &[Reason::Spelling]),
];

pub(super) fn explain(address: &str, policies: &Policies) -> Explain {
    let decision = policies.egress.decide(address);
    let (target, failed) = match &decision {
        Decision::Allowed(allowed) => (allowed.origin().to_string(), None),
        Decision::Denied(denied) => (denied.target.clone(), Some(denied.reason)),
    };
    let mut answer = Answer {
        kind: Kind::Url,
        subject: &target,
        steps: Vec::new(),
        sha256: policies.routing.sha256(),
    };
    for (check, reasons) in CHECKS {
        let holds = failed.is_none_or(|reason| !reasons.contains(&reason));
        if !answer.step(check, holds) {
            break;
        }
    }
    let origin = (target != "-").then(|| target.clone());
    let report = match decision {
        Decision::Allowed(allowed) => {
            let check = if allowed.origin().host().is_loopback() {
                "every address of the host is one of one's own machine"
            } else if allowed.entry().is_private() {
                "every address of the host is global or of one's own network"
            } else {
                "every address of the host is globally reachable"
            };
            answer.steps.push(Step { check: check.to_owned(), outcome: Outcome::AtDial });
            let (reason, message) = match allowed.entry().host() {
                HostPattern::Exact(_) => ("listed", "an entry of egress.allow names this origin"),
                HostPattern::OneLabelBelow(_) => {
                    ("listed_by_wildcard", "a wildcard of egress.allow covers this origin")
                }
            };
            let rule = rule(&allowed, policies);
            answer.allowed(reason, message, Some(rule))
        }
        Decision::Denied(denied) => {
            answer.denied(denied.reason.code(), &denied.message, &denied.hint, None)
        }
    };
    Explain { origin, ..report }
}

fn rule(allowed: &Allowed, policies: &Policies) -> Rule {
    let key = element("egress.allow", allowed.entry_index());
    let written = policies.routing.egress.allow.get(allowed.entry_index());
    Rule {
        file: policies.routing.path().display().to_string(),
        line: policies.routing.position(&key).map(|at| at.line),
        key,
        value: written.map(|entry| entry.origin().to_owned()).unwrap_or_default(),
        purpose: allowed.entry().purpose().map(str::to_owned),
    }
}
