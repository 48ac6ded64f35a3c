//! `/admin/egress`: what was decided about destinations since the daemon started.

use axum::Json;
use axum::extract::State;
use contracts::hauski::egress::{Report, SCHEMA};

use crate::state::AppState;
use crate::verbs::egressd::line;

/// The entries in force, the last decisions and the counts of all.
pub(crate) async fn egress(State(state): State<AppState>) -> Json<Report> {
    let (recent, not_shown) = state.egress.ledger().recent();
    let counts = state.egress.ledger().counts();
    Json(Report {
        schema: SCHEMA.to_owned(),
        allow: state.egress.policy().entries().map(ToString::to_string).collect(),
        counts: counts.into_iter().map(|(reason, count)| (reason.to_owned(), count)).collect(),
        recent: recent.iter().map(line).collect(),
        not_shown,
        idle_connections: state.egress.idle_connections() as u64,
    })
}
