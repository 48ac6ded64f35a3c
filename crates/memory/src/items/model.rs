//! The rules of items against a plain model: a list, walked through for everything, over generated steps.

use std::collections::{BTreeMap, BTreeSet};

use contracts::hauski::memory::Origin;
use redact::Redactor;
use redact::injection::Trust;

use super::{Item, ItemFilter, ItemSelection, Layer, NewItem, Rules, Ttl};
use crate::home::Home;
use crate::pack::{ExportOptions, ImportLimits};
use crate::store::{Access, Store};

const NAMESPACES: [&str; 2] = ["default", "chat"];
const IMPORTANCES: [u16; 4] = [1, 250, 500, 1000];

/// An item as the model knows it.
#[derive(Clone, Debug, PartialEq)]
struct Plain {
    id: String,
    recorded_at_ms: i64,
    namespace: &'static str,
    key: Option<String>,
    value: String,
    layer: Layer,
    importance: u16,
    pinned: bool,
    own_ttl: Option<i64>,
    expires_at_ms: Option<i64>,
    uses: u64,
    touched_ms: i64,
}

#[derive(Default)]
struct Model {
    items: BTreeMap<String, Plain>,
    forgotten: BTreeSet<String>,
}

/// Numbers that look random and are the same on every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.roll(from.len() as u64) as usize].clone())
    }
}

fn rules() -> Rules {
    let policy = serde_json::json!({
        "default_ttl_sec": 900,
        "layers": {
            "short": {"ttl_sec": 60, "half_life_sec": 30, "max_items": 6, "promote_after_uses": 2},
            "working": {"half_life_sec": 300, "max_items": 5, "promote_after_uses": 3},
            "long": {"ttl_sec": 5000, "half_life_sec": 4000, "max_items": 8}
        },
        "pin_allowlist": ["profile.*"],
        "namespaces": {"chat": {"layers": {"short": {"max_items": 3, "ttl_sec": 20}}}}
    });
    Rules::of(&serde_json::from_value(policy).unwrap())
}

impl Model {
    fn is_superseded(&self, item: &Plain) -> bool {
        item.key.is_some()
            && self.items.values().any(|other| {
                other.namespace == item.namespace
                    && other.key == item.key
                    && (other.recorded_at_ms, &other.id) > (item.recorded_at_ms, &item.id)
            })
    }

    fn is_expired(&self, item: &Plain, now: i64) -> bool {
        (!item.pinned || self.is_superseded(item))
            && item.expires_at_ms.is_some_and(|end| end <= now)
    }

    fn head(&self, namespace: &str, key: &str) -> Option<&Plain> {
        let of_key = self
            .items
            .values()
            .filter(|item| item.namespace == namespace && item.key.as_deref() == Some(key));
        of_key.max_by_key(|item| (item.recorded_at_ms, item.id.clone()))
    }

    fn visible(&self, now: i64) -> Vec<Plain> {
        let mut items: Vec<_> = self
            .items
            .values()
            .filter(|item| !self.is_superseded(item) && !self.is_expired(item, now))
            .cloned()
            .collect();
        items.sort_by(|a, b| (b.recorded_at_ms, &b.id).cmp(&(a.recorded_at_ms, &a.id)));
        items
    }

    /// The key's older items too.
    fn drop_with_history(&mut self, id: &str) {
        let Some(item) = self.items.get(id).cloned() else { return };
        let was_head = !self.is_superseded(&item);
        self.items.remove(id);
        if was_head && item.key.is_some() {
            self.items
                .retain(|_, other| other.namespace != item.namespace || other.key != item.key);
        }
    }

    fn make_room(
        &mut self,
        (namespace, layer, keep): (&str, Layer, &str),
        rules: &Rules,
        now: i64,
    ) -> u64 {
        let before = self.items.len();
        let layer_rules = rules.layer(namespace, layer);
        let mut live: Vec<(bool, i64, String)> = self
            .items
            .values()
            .filter(|item| item.namespace == namespace && item.layer == layer)
            .filter(|item| !item.pinned || self.is_superseded(item))
            .filter(|item| item.expires_at_ms.is_none_or(|end| end > now))
            .map(|item| {
                let weight = (f64::from(item.importance) / 1000.0).log2() * 1000.0;
                let worth =
                    item.touched_ms + layer_rules.half_life_ms * weight.round() as i64 / 1000;
                (!self.is_superseded(item), worth, item.id.clone())
            })
            .collect();
        let excess = live.len().saturating_sub(layer_rules.max_items as usize);
        live.retain(|(_, _, id)| id != keep);
        live.sort();
        for (_, _, id) in live.into_iter().take(excess) {
            self.drop_with_history(&id);
        }
        (before - self.items.len()) as u64
    }

    fn collect(&mut self, rules: &Rules, now: i64) -> (u64, u64) {
        let before = self.items.len();
        let due: Vec<_> = self
            .items
            .values()
            .filter(|item| self.is_expired(item, now))
            .map(|item| item.id.clone())
            .collect();
        let heads: BTreeSet<_> =
            due.iter().filter(|id| !self.is_superseded(&self.items[*id])).cloned().collect();
        for id in &due {
            if heads.contains(id) {
                self.drop_with_history(id);
            } else {
                self.items.remove(id);
            }
        }
        let ended = (before - self.items.len()) as u64;
        let mut evicted = 0;
        for namespace in NAMESPACES {
            for layer in Layer::ALL {
                evicted += self.make_room((namespace, layer, ""), rules, now);
            }
        }
        (ended, evicted)
    }

    fn promote(&mut self, id: &str, layer: Layer, rules: &Rules, now: i64) {
        let item = self.items.get_mut(id).unwrap();
        let namespace = item.namespace;
        item.layer = layer;
        item.uses = 0;
        if item.own_ttl.is_none() {
            let ttl = rules.layer(namespace, layer).ttl_sec;
            item.expires_at_ms = ttl.map(|ttl| now + ttl as i64 * 1000);
        }
        self.make_room((namespace, layer, id), rules, now);
    }
}

fn same(real: &Item, plain: &Plain) -> bool {
    real.id == plain.id
        && real.value == plain.value
        && real.layer == plain.layer
        && real.importance == plain.importance
        && real.pinned == plain.pinned
        && real.expires_at_ms == plain.expires_at_ms
        && real.uses == plain.uses
        && real.touched_ms == plain.touched_ms
}

struct World {
    store: Store,
    model: Model,
    dice: Dice,
    rules: Rules,
    now: i64,
    /// A pack of an earlier time, and what the model knew then.
    pack: Option<(std::path::PathBuf, BTreeMap<String, Plain>)>,
    counts: BTreeMap<&'static str, u64>,
}

impl World {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    async fn set(&mut self) {
        let namespace = self.dice.pick(&NAMESPACES).unwrap();
        let key = match self.dice.roll(8) {
            0 => None,
            1 => Some("profile.name".to_owned()),
            other => Some(format!("key{}", other % 5)),
        };
        let value = format!("value {}", self.dice.roll(6));
        let ttl = match self.dice.roll(6) {
            0 => Ttl::Seconds(1 + self.dice.roll(120)),
            1 => Ttl::Stays,
            _ => Ttl::Unsaid,
        };
        let pinned = match self.dice.roll(12) {
            0 => Some(true),
            1 => Some(false),
            _ => None,
        };
        let layer = (self.dice.roll(3) == 0).then(|| self.dice.pick(&Layer::ALL)).flatten();
        let importance = (self.dice.roll(2) == 0).then(|| self.dice.pick(&IMPORTANCES)).flatten();
        let new = NewItem {
            namespace: namespace.to_owned(),
            key: key.clone(),
            value: value.clone(),
            is_json: false,
            layer,
            importance,
            trust: Trust::High,
            origin: Origin::Person { name: "test".to_owned() },
            ttl,
            pinned,
        };
        let done = self.store.remember(&new, &self.rules, self.now).await.unwrap();
        // The same in the model.
        let now = self.now;
        let head = match &key {
            Some(key) => self.model.head(namespace, key).cloned(),
            None => self
                .model
                .items
                .values()
                .filter(|item| {
                    item.key.is_none() && item.namespace == namespace && item.value == value
                })
                .filter(|item| !self.model.is_expired(item, now))
                .min_by_key(|item| (item.recorded_at_ms, item.id.clone()))
                .cloned(),
        };
        let live = head.clone().filter(|item| !self.model.is_expired(item, now));
        let layer = layer.or(live.as_ref().map(|item| item.layer)).unwrap_or_default();
        let own_ttl = match ttl {
            Ttl::Seconds(seconds) => Some(seconds as i64),
            Ttl::Stays => Some(0),
            Ttl::Unsaid => live.as_ref().and_then(|item| item.own_ttl),
        };
        let ttl = match own_ttl {
            Some(0) => None,
            Some(seconds) => Some(seconds),
            None => self.rules.layer(namespace, layer).ttl_sec.map(|ttl| ttl as i64),
        };
        let expires_at_ms = ttl.map(|ttl| now + ttl * 1000);
        let listed = key.as_deref().is_some_and(|key| self.rules.lists(key));
        let pinned = pinned.unwrap_or(listed || live.as_ref().is_some_and(|item| item.pinned));
        let renewed = live.filter(|item| item.value == value);
        let is_new = renewed.is_none();
        let before = head.filter(|_| key.is_some());
        let plain = match renewed {
            Some(item) => Plain {
                layer,
                pinned,
                own_ttl,
                expires_at_ms,
                importance: importance.unwrap_or(item.importance),
                touched_ms: item.touched_ms.max(now),
                ..item
            },
            None => Plain {
                id: done.item.id.clone(),
                recorded_at_ms: before
                    .as_ref()
                    .map_or(now, |item| now.max(item.recorded_at_ms + 1)),
                namespace,
                key,
                value,
                layer,
                importance: importance.or(before.map(|item| item.importance)).unwrap_or(500),
                pinned,
                own_ttl,
                expires_at_ms,
                uses: 0,
                touched_ms: now,
            },
        };
        let id = plain.id.clone();
        self.model.items.insert(id.clone(), plain);
        let evicted = self.model.make_room((namespace, layer, &id), &self.rules, now);
        assert_eq!((done.is_new, done.evicted), (is_new, evicted), "set {new:?}");
        assert!(
            same(&done.item, &self.model.items[&id]),
            "{:?}\n{:?}",
            done.item,
            self.model.items[&id]
        );
        if evicted > 0 {
            self.count("evicted");
        }
    }

    async fn get(&mut self) {
        let namespace = self.dice.pick(&NAMESPACES).unwrap();
        let key = format!("key{}", self.dice.roll(5));
        let real = self.store.item_of_key(namespace, &key, self.now).await.unwrap();
        let plain =
            self.model.head(namespace, &key).filter(|item| !self.model.is_expired(item, self.now));
        assert_eq!(real.as_ref().map(|item| &item.id), plain.map(|item| &item.id), "get {key}");
        if let (Some(real), Some(plain)) = (&real, plain) {
            assert!(same(real, plain), "{real:?}\n{plain:?}");
        }
    }

    async fn touch(&mut self) {
        let ids: Vec<_> = self.model.items.keys().cloned().collect();
        let Some(id) = self.dice.pick(&ids) else { return };
        let promoted =
            self.store.use_items(std::slice::from_ref(&id), &self.rules, self.now).await.unwrap();
        let item = self.model.items[&id].clone();
        let mut expected = Vec::new();
        if !self.model.is_superseded(&item) && !self.model.is_expired(&item, self.now) {
            let entry = self.model.items.get_mut(&id).unwrap();
            entry.uses += 1;
            entry.touched_ms = entry.touched_ms.max(self.now);
            let enough = self.rules.layer(item.namespace, item.layer).promote_after_uses;
            if let Some(next) = item.layer.next()
                && entry.uses >= enough
            {
                self.model.promote(&id, next, &self.rules, self.now);
                expected.push(id);
                self.count("promoted");
            }
        }
        assert_eq!(promoted, expected);
    }

    async fn forget(&mut self) {
        let ids: Vec<_> = self.model.items.keys().cloned().collect();
        let Some(id) = self.dice.pick(&ids) else { return };
        let item = self.model.items[&id].clone();
        let selection = match (&item.key, self.dice.roll(2)) {
            (Some(key), 0) => ItemSelection {
                key: Some(key.clone()),
                namespace: Some(item.namespace.to_owned()),
                ..ItemSelection::default()
            },
            _ => ItemSelection { ids: vec![id.clone()], ..ItemSelection::default() },
        };
        let mut selected: Vec<_> = self.store.select_items(&selection).await.unwrap();
        selected.sort_by(|a, b| a.id.cmp(&b.id));
        let selected: Vec<_> = selected.into_iter().map(|item| item.id).collect();
        let expected: Vec<_> = match &selection.key {
            Some(_) => self
                .model
                .items
                .values()
                .filter(|other| other.namespace == item.namespace && other.key == item.key)
                .map(|other| other.id.clone())
                .collect(),
            None => vec![id],
        };
        assert_eq!(selected, expected);
        let facts: Vec<_> = selected.iter().map(|id| ("memory_item", id.clone())).collect();
        self.store.forget_facts(&facts, "test").await.unwrap();
        for id in expected {
            self.model.items.remove(&id);
            self.model.forgotten.insert(id);
        }
        self.count("forgotten");
    }

    async fn travel(&mut self, folder: &std::path::Path) {
        if let Some((pack, then)) = self.pack.take() {
            self.store.import(&pack, &ImportLimits::default()).await.unwrap();
            for (id, item) in then {
                if self.model.forgotten.contains(&id) || self.model.items.contains_key(&id) {
                    continue;
                }
                let touched_ms = item.recorded_at_ms;
                self.model.items.insert(id, Plain { uses: 0, touched_ms, ..item });
                self.count("came back");
            }
        } else {
            let pack = folder.join("pack.tar.gz");
            self.store.export(&pack, &ExportOptions::default()).await.unwrap();
            self.pack = Some((pack, self.model.items.clone()));
        }
    }

    async fn step(&mut self, folder: &std::path::Path) {
        match self.dice.roll(1000) {
            0..=399 => self.set().await,
            400..=599 => self.get().await,
            600..=749 => self.touch().await,
            750..=829 => self.now += self.dice.roll(40_000) as i64,
            830..=889 => {
                let ids: Vec<_> = self.model.items.keys().cloned().collect();
                let pinned = self.dice.roll(3) == 0;
                if let Some(id) = self.dice.pick(&ids) {
                    self.store.pin_item(&id, pinned, self.now).await.unwrap();
                    self.model.items.get_mut(&id).unwrap().pinned = pinned;
                }
            }
            890..=919 => {
                let items: Vec<_> = self.model.items.values().cloned().collect();
                let layer = self.dice.pick(&Layer::ALL).unwrap();
                let Some(Plain { id, .. }) =
                    self.dice.pick(&items).filter(|item| !self.model.is_superseded(item))
                else {
                    return;
                };
                self.store.move_item(&id, layer, &self.rules, self.now).await.unwrap();
                self.model.promote(&id, layer, &self.rules, self.now);
            }
            920..=979 => {
                let real = self.store.collect_items(&self.rules, self.now).await.unwrap();
                assert_eq!(real, self.model.collect(&self.rules, self.now), "collect");
                if real.0 > 0 {
                    self.count("expired");
                }
            }
            980..=995 => self.forget().await,
            _ => self.travel(folder).await,
        }
    }

    async fn compare(&mut self) {
        let filter = ItemFilter::default();
        let page = self.store.items(&filter, (None, 1000), self.now).await.unwrap();
        let visible = self.model.visible(self.now);
        let real: Vec<_> = page.items.iter().map(|item| &item.id).collect();
        let plain: Vec<_> = visible.iter().map(|item| &item.id).collect();
        assert_eq!(real, plain);
        for (real, plain) in page.items.iter().zip(&visible) {
            assert!(same(real, plain), "{real:?}\n{plain:?}");
        }
    }
}

async fn play(seed: u64, steps: u32) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("home"));
    let mut store = Store::open(&home, Access::Write, Redactor::new([7; 32])).await.unwrap();
    sqlx::raw_sql("PRAGMA synchronous = OFF").execute(&mut store.conn).await.unwrap();
    let mut world = World {
        store,
        model: Model::default(),
        dice: Dice(seed),
        rules: rules(),
        now: 1_700_000_000_000,
        pack: None,
        counts: BTreeMap::new(),
    };
    for step in 0..steps {
        world.step(folder.path()).await;
        if step % 50 == 0 {
            world.compare().await;
        }
    }
    world.compare().await;
    let (now, filter) = (world.now, ItemFilter::default());
    let before = world.store.items(&filter, (None, 1000), now).await.unwrap();
    world.store.rebuild_items().await.unwrap();
    assert_eq!(world.store.items(&filter, (None, 1000), now).await.unwrap(), before, "rebuilt");
    for what in ["evicted", "promoted", "forgotten", "came back", "expired"] {
        assert!(
            world.counts.get(what).is_some_and(|count| *count > 0),
            "{what}: {:?}",
            world.counts
        );
    }
}

fn play_all(seeds: u64, steps: u32) {
    let worlds: Vec<_> = (1..=seeds)
        .map(|seed| {
            std::thread::spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap()
                    .block_on(play(seed, steps));
            })
        })
        .collect();
    for world in worlds {
        world.join().unwrap();
    }
}

#[test]
fn items_behave_as_the_plain_model_says() {
    play_all(4, 1_500);
}

/// 104,000 steps. On demand: `cargo test -p memory --lib -- --ignored model`.
#[test]
#[ignore = "takes minutes"]
fn items_behave_as_the_plain_model_says_for_long() {
    play_all(4, 26_000);
}
