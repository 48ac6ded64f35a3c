//! The process that is killed: works through its operations and says which are acknowledged.

use std::io::Write;
use std::path::PathBuf;

use contracts::hauski::index::{ForgetFilter, ForgetRequest};
use hauski_index::{Index, failpoint};

use super::work::{Op, name, word};
use crate::index::{Letters, Time, document, open};

/// No test by itself: the harness starts it with its orders in a variable.
#[test]
#[ignore = "the harness starts it"]
#[expect(clippy::disallowed_methods, reason = "its orders come from the process that kills it")]
fn victim() {
    let Ok(orders) = std::env::var("HAUSKI_VICTIM") else { return };
    let mut orders = orders.split('|');
    let mut part = || orders.next().unwrap().to_owned();
    let (home, from, place, nth) = (PathBuf::from(part()), part(), part(), part());
    if !place.is_empty() {
        failpoint::arm(&place, nth.parse().unwrap());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.unwrap().block_on(async {
        let index = open(&home, &Time::new()).await;
        index.set_embedder(Letters::new("one", 26)).await.unwrap();
        for number in from.parse::<u64>().unwrap().. {
            perform(&index, &Op::of(number)).await;
            let mut out = std::io::stdout().lock();
            // One write: a line that is cut was never said.
            out.write_all(format!("ack {number}\n").as_bytes()).unwrap();
            out.flush().unwrap();
        }
    });
}

/// Does one operation; returns when it is acknowledged.
pub(super) async fn perform(index: &Index, op: &Op) {
    match op {
        Op::Put { document: number, version } => {
            let text = format!("heron {} sluice", word(*version));
            let mut put = document("notes", &name(*number), &[&text, "a passage that they share"]);
            put.revive = true;
            index.upsert(put).await.unwrap();
        }
        Op::Remove { document } => {
            index.truth().remove("notes", &[name(*document)]).await.unwrap();
        }
        Op::Forget { document } => {
            let filter = ForgetFilter { doc_id: Some(name(*document)), ..Default::default() };
            let request = ForgetRequest { filter, confirm: true, ..Default::default() };
            assert!(index.forget(&request).await.unwrap().erased);
        }
    }
}
