//! The way to the outside: every decision on a destination is in the audit log before anything is dialled.

use std::sync::Arc;

use anyhow::Context;
use audit::{Durability, Event, Log};
use contracts::hauski::audit::Outcome as AuditOutcome;
use hauski_egress::{Decided, Egress, Observe, Observed, Outcome, Unobserved};
use policy::Policies;

/// Opens nothing yet; only prepares to decide.
pub(crate) fn open(policies: &Policies, audit: &Log) -> anyhow::Result<Egress> {
    let observer = Some(Arc::new(Told(audit.clone())) as Arc<dyn Observe>);
    let options = hauski_egress::Options { observer, ..hauski_egress::Options::default() };
    Egress::new(Arc::clone(&policies.egress), options).context("cannot prepare TLS")
}

/// Tells the audit log every decision on a destination before anything is dialled.
struct Told(Log);

impl Observe for Told {
    fn decided<'a>(&'a self, decided: &'a Decided) -> Observed<'a> {
        let outcome = match decided.outcome {
            Outcome::Allowed => AuditOutcome::Ok,
            Outcome::Denied => AuditOutcome::Denied,
        };
        let event = Event::new(&decided.actor, "egress.decide", &decided.target)
            .outcome(outcome)
            .with("reason", decided.reason)
            .with("redirects", decided.redirects);
        let receipt = self.0.append(event, Durability::Durable);
        Box::pin(
            async move { receipt.await.map(drop).map_err(|error| Unobserved(Box::new(error))) },
        )
    }
}
