//! Whatever callers hand in becomes a line that reads back as what it was.

use std::collections::BTreeMap;

use audit::{
    Durability, Event, Filter, Log, Options, Outcome, Verdict, VerifyOptions, tail, verify,
};
use proptest::prelude::*;
use serde_json::Value;

fn value() -> impl Strategy<Value = Value> {
    let single = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        "\\PC{0,20}|[\\x00-\\x1f\"\\\\\u{2028}\u{e000}\u{10ffff}]{0,8}".prop_map(Value::from),
    ];
    prop_oneof![single.clone(), prop::collection::vec(single, 0..4).prop_map(Value::from)]
}

prop_compose! {
    fn event()(
        actor in "\\PC{0,30}",
        action in "[a-z0-9_]{1,8}(\\.[a-z0-9_]{1,8}){0,2}",
        target in "\\PC{0,30}|[\\x00-\\x1f\"\\\\]{0,8}",
        outcome in prop_oneof![Just(Outcome::Ok), Just(Outcome::Denied), Just(Outcome::Failed)],
        data in prop::collection::btree_map("[A-Za-z0-9_.-]{1,10}", value(), 0..5),
    ) -> Event {
        Event { actor, action: format!("x{action}"), target, outcome, data }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn every_event_reads_back_and_the_log_is_sound(events in prop::collection::vec(event(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes: 3000, checkpoint_lines: 7, ..Options::default() };
        let log = Log::open(folder.path(), options).unwrap();
        let receipts: Vec<_> = events
            .iter()
            .map(|event| log.append(event.clone(), Durability::Grouped))
            .collect();
        let places: Vec<u64> =
            receipts.into_iter().map(|receipt| receipt.wait().unwrap().seq).collect();
        log.close().unwrap();
        let lines = tail(folder.path(), usize::MAX, &Filter::default()).unwrap();
        for (event, place) in events.iter().zip(places) {
            let line = &lines[usize::try_from(place).unwrap()];
            prop_assert_eq!(&line.action, &event.action);
            prop_assert_eq!(line.outcome, event.outcome);
            // Random text that looks like a secret is masked; that is counted, and the rest is as it was.
            if !line.data.contains_key("masked") {
                prop_assert_eq!(&line.actor, &event.actor);
                prop_assert_eq!(&line.target, &event.target);
                let data: BTreeMap<_, _> = event.data.clone();
                prop_assert_eq!(&line.data, &data);
            }
        }
        let report = verify(folder.path(), &VerifyOptions::default()).unwrap();
        prop_assert_eq!(report.verdict, Verdict::Sound, "{:?}", report);
    }
}
