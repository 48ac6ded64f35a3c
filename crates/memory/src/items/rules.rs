//! What the policy `memory.yaml` says, with the defaults of each layer filled in.

use contracts::hauski::policy::{Layer as LayerPolicy, Memory};

use super::Layer;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// What holds for one layer of one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayerRules {
    /// Seconds that an item lives; none: it stays.
    pub ttl_sec: Option<u64>,
    /// Milliseconds after which an item that nobody used counts half.
    pub half_life_ms: i64,
    /// Most items that are not pinned.
    pub max_items: u64,
    /// Uses after which an item moves to the next layer; 0: never.
    pub promote_after_uses: u64,
    /// Whether its items are kept for good.
    pub pinned: bool,
}

/// The rules of the memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    policy: Memory,
}

impl Rules {
    /// Rules as a policy says them.
    pub fn of(policy: &Memory) -> Self {
        Self { policy: policy.clone() }
    }

    /// What holds for a layer of a namespace.
    pub fn layer(&self, namespace: &str, layer: Layer) -> LayerRules {
        let name = layer.as_str();
        let inner = self.policy.namespaces.get(namespace).and_then(|one| one.layers.get(name));
        let outer = self.policy.layers.get(name);
        let (ttl, half_life, max_items, promote) = match layer {
            Layer::Short => (Some(DAY), 6 * HOUR, 2_000, 3),
            Layer::Working => (Some(30 * DAY), 7 * DAY, 10_000, 5),
            Layer::Long => (None, 180 * DAY, 100_000, 0),
        };
        fn said<T>(
            (inner, outer): (Option<&LayerPolicy>, Option<&LayerPolicy>),
            of: impl Fn(&LayerPolicy) -> Option<T>,
        ) -> Option<T> {
            inner.and_then(&of).or_else(|| outer.and_then(&of))
        }
        let both = (inner, outer);
        let half_life = said(both, |one| one.half_life_sec).unwrap_or(half_life);
        LayerRules {
            ttl_sec: said(both, |one| one.ttl_sec).or(self.policy.default_ttl_sec).or(ttl),
            half_life_ms: i64::try_from(half_life.saturating_mul(1000)).unwrap_or(i64::MAX / 4096),
            max_items: said(both, |one| one.max_items).unwrap_or(max_items),
            promote_after_uses: said(both, |one| one.promote_after_uses).unwrap_or(promote).into(),
            pinned: [inner, outer].into_iter().flatten().any(|one| one.pinned),
        }
    }

    /// Whether the list of keys that are kept for good names this one or its beginning.
    pub fn lists(&self, key: &str) -> bool {
        self.policy.pin_allowlist.iter().any(|entry| match entry.strip_suffix('*') {
            Some(stem) => key.starts_with(stem),
            None => key == entry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_wins_over_the_layer_and_the_layer_over_the_default() {
        let policy: Memory = serde_json::from_value(serde_json::json!({
            "default_ttl_sec": 300,
            "layers": {"short": {"half_life_sec": 10, "max_items": 7}, "long": {"pinned": true}},
            "pin_allowlist": ["profile.*", "name"],
            "namespaces": {"chat": {"layers": {"short": {"max_items": 2, "ttl_sec": 5}}}},
        }))
        .unwrap();
        let rules = Rules::of(&policy);
        let short = rules.layer("default", Layer::Short);
        assert_eq!((short.ttl_sec, short.half_life_ms, short.max_items), (Some(300), 10_000, 7));
        let chat = rules.layer("chat", Layer::Short);
        assert_eq!((chat.ttl_sec, chat.half_life_ms, chat.max_items), (Some(5), 10_000, 2));
        assert!(rules.layer("chat", Layer::Long).pinned);
        assert!(rules.lists("profile.name") && rules.lists("name") && !rules.lists("names"));
        assert_eq!(Rules::default().layer("x", Layer::Long).ttl_sec, None);
    }
}
