//! Several instances on one server.

use std::sync::Arc;
use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::sync::Notify;
use tollgate::cache::{FactsCache, Routes, SharedStats, Wanted};
use tollgate::domain::facts::{Cardholder, Facts};
use tollgate::domain::id::Home;
use tollgate::domain::policy::{PolicyStamp, Scope};
use tollgate::store::FactsStore;

use crate::support::servers;

use super::world::{
    Instance, Scripted, card_id, card_token, company_id, eventually, lifetimes, memory, open,
    user_token,
};

/// A corner of the server, and a look behind the scenes.
pub struct Corner {
    pub url: String,
    pub prefix: String,
    pub raw: MultiplexedConnection,
    pub source: Arc<Scripted>,
}

impl Corner {
    pub async fn new() -> Self {
        let url = servers::url("REDIS_URL");
        let client = redis::Client::open(url.as_str()).unwrap();
        let raw = client.get_multiplexed_async_connection().await.expect("the server answers");
        let prefix = format!("{}:", servers::unique());
        Self { url, prefix, raw, source: Scripted::with_cards(100) }
    }

    pub async fn instance(&self) -> Instance {
        Instance::sharing(&self.source, &self.url, &self.prefix).await
    }

    pub fn key(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    pub async fn get(&self, rest: &str) -> Option<String> {
        self.raw.clone().get(self.key(rest)).await.unwrap()
    }

    pub async fn ttl_s(&self, rest: &str) -> i64 {
        self.raw.clone().ttl(self.key(rest)).await.unwrap()
    }

    pub async fn set(&self, rest: &str, value: &str) {
        let _: () = self.raw.clone().set(self.key(rest), value).await.unwrap();
    }

    pub async fn delete_all(&self) {
        let mut raw = self.raw.clone();
        let keys: Vec<String> = raw.keys(format!("{}*", self.prefix)).await.unwrap();
        assert!(!keys.is_empty());
        let _: () = raw.del(keys).await.unwrap();
    }
}

fn hits(shared: &SharedStats) -> u64 {
    shared.users.hits + shared.cards.hits + shared.limits.hits
}

/// A purchase, and what it leaves on the server.
pub async fn filled(instance: &Instance, n: u128) {
    // A fill that a busy machine does not get through in time is dropped: then once more, and what
    // did get through is found.
    for _ in 0..10 {
        let before = instance.shared();
        instance.purchase(n).await;
        for _ in 0..500 {
            let now = instance.shared();
            // The limits are kept under both names of their card.
            if now.filled >= before.filled + 4 || hits(&now) == hits(&before) + 3 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        instance.cache.clear();
    }
    panic!("card {n} does not get through to the server: {:?}", instance.shared());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_one_has_read_another_finds_in_one_round_trip() {
    let corner = Corner::new().await;
    filled(&corner.instance().await, 0).await;
    let (second, before) = (corner.instance().await, corner.source.reads());
    assert_eq!(second.purchase(0).await, Some((1, 1)));
    assert_eq!(corner.source.reads(), before, "the store was not asked");
    let (shared, stats) = (second.shared(), second.stats());
    assert_eq!((shared.users.hits, shared.cards.hits, shared.limits.hits), (1, 1, 1));
    assert_eq!((stats.users.hits, stats.cards.hits, stats.limits.hits), (1, 1, 1));
    for (key, ttl_s) in [("user:user-0", 3_600), ("card:card-0", 900), ("limits:card-0", 300)] {
        let left_s = corner.ttl_s(key).await;
        assert!((ttl_s * 9 / 10 - 5..=ttl_s * 11 / 10).contains(&left_s), "{key}: {left_s} s");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_miss_of_all_three_asks_the_server_once() {
    let corner = Corner::new().await;
    let instance = corner.instance().await;
    instance.purchase(0).await;
    let shared = instance.shared();
    let misses = [shared.users, shared.cards, shared.limits].map(|counts| counts.misses);
    assert_eq!(misses, [1, 1, 1], "not again by the single lookups");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_change_in_one_reaches_the_memory_of_the_other() {
    let corner = Corner::new().await;
    let (left, right) = (corner.instance().await, corner.instance().await);
    let mut slowest = Duration::ZERO;
    for round in 0..50 {
        let n = round % 10;
        left.purchase(n).await;
        right.purchase(n).await;
        if round % 5 == 0 {
            left.update_company().await;
        } else {
            left.update_card(&corner.source, n).await;
        }
        let took = eventually("refused by the other's memory", Duration::from_secs(1), || {
            right.cache.card(&card_token(n)).is_none()
        });
        slowest = slowest.max(took.await);
        let seen = right.purchase(n).await.unwrap().0;
        assert_eq!(seen, corner.source.version(Scope::Card(card_id(n))));
    }
    eprintln!("a change is known elsewhere after at most {slowest:?}");
}

/// S-03 across two instances: what the slow one has read is not kept by the server either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_slow_reader_elsewhere_never_puts_the_old_value_back() {
    let corner = Corner::new().await;
    let (slow, writer) = (corner.instance().await, corner.instance().await);
    let release = Arc::new(Notify::new());
    *corner.source.hold.lock().unwrap() = Some(Arc::clone(&release));
    let store = Arc::clone(&slow.store);
    let reading = tokio::spawn(async move { store.card(&card_token(0)).await.unwrap() });
    while corner.source.reads() == 0 {
        tokio::task::yield_now().await;
    }
    writer.update_card(&corner.source, 0).await;
    release.notify_one();
    assert_eq!(reading.await.unwrap().unwrap().policy_version, 1, "asked before the write");
    slow.until("the fill was refused", |shared| shared.refused == 1).await;
    assert_eq!(corner.get("card:card-0").await, None);
    for instance in [&slow, &writer, &corner.instance().await] {
        assert_eq!(instance.card_version(0).await, Some(2), "version 1 is never visible");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_change_leaves_tombstones_under_every_name() {
    let corner = Corner::new().await;
    let instance = corner.instance().await;
    filled(&instance, 0).await;
    filled(&instance, 1).await;
    instance.update_card(&corner.source, 0).await;
    let limits = format!("limits:{}", card_id(0));
    for key in ["card:card-0", "limits:card-0", &limits] {
        let value = corner.get(key).await.unwrap();
        assert!(value.ends_with(r#""home":"business","tombstone":true}"#), "{key}: {value}");
        assert!((1..=60).contains(&corner.ttl_s(key).await));
    }
    for key in ["user:user-0", "card:card-1"] {
        assert!(
            !corner.get(key).await.unwrap().contains("tombstone"),
            "{key} is as good as before"
        );
    }
    let before = instance.shared().filled;
    instance.purchase(0).await; // the user is still good
    instance.until("filled", |shared| shared.filled >= before + 3).await;
    let value = corner.get("card:card-0").await.unwrap();
    assert!(value.contains(&format!("\"{}\":2", card_id(0))), "{value}");
}

/// Compare and set, fill by fill, whoever fills.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_older_fill_never_replaces_a_newer_one() {
    let corner = Corner::new().await;
    let (one, other) = (corner.instance().await, corner.instance().await);
    let old = Arc::new(corner.source.card_facts(0));
    let mut new = corner.source.card_facts(0);
    new.policy_version = 5;
    one.cache.keep_card(&card_token(0), &Arc::new(new));
    one.until("filled", |shared| shared.filled == 1).await;
    other.cache.keep_card(&card_token(0), &old);
    other.until("refused", |shared| shared.refused == 1).await;
    let value = corner.get("card:card-0").await.unwrap();
    assert!(value.contains(&format!("\"{}\":5", card_id(0))), "{value}");
}

/// What was derived from a company stays on the server, but nobody takes it: not even an instance
/// that was not there when the change was announced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_late_instance_knows_of_changes_before_its_time() {
    let corner = Corner::new().await;
    let first = corner.instance().await;
    filled(&first, 0).await;
    first.update_company().await;
    assert!(!corner.get("card:card-0").await.unwrap().contains("tombstone"));
    let late = corner.instance().await;
    let card = late.store.card(&card_token(0)).await.unwrap().unwrap();
    assert_eq!(card.owner.company.as_ref().unwrap().policy_version, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn thousands_of_floors_are_known_soon_after_the_start() {
    let corner = Corner::new().await;
    let first = corner.instance().await;
    filled(&first, 0).await;
    let many: Vec<PolicyStamp> = (1_000..13_000)
        .map(|n| PolicyStamp { subject: Scope::Card(card_id(n)), version: 2 })
        .collect();
    first.cache.announce(&many).await;
    first.update_company().await;
    first.until("all are told", |shared| shared.announced == 12_001 && shared.waiting == 0).await;
    let started = tokio::time::Instant::now();
    let late = corner.instance().await;
    eprintln!("12001 floors are known after {:?}", started.elapsed());
    assert!(late.store_card(0).await.owner.company.as_ref().unwrap().policy_version == 2);
    assert!(!late.cache.admits(&corner.source.card_facts(12_999)), "the last of many");
}

/// A floor that was raised without a word: the announcement was lost on its way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_lost_announcement_is_noticed() {
    let corner = Corner::new().await;
    let instance = corner.instance().await;
    instance.purchase(0).await;
    instance.update_card(&corner.source, 1).await; // so that there is an epoch
    instance.until("heard of its own", |shared| shared.heard == 1).await;
    tokio::time::sleep(Duration::from_millis(400)).await; // a look later, the start is over
    instance.purchase(0).await; // a busy machine may have missed the server, and kept nothing
    assert!(instance.cache.card(&card_token(0)).is_some(), "the memory has it");
    let before = instance.shared().gaps;
    let (mut raw, floors) = (corner.raw.clone(), corner.key("floors:business"));
    let mut silent = redis::pipe();
    silent.atomic().hset(&floors, company_id().to_string(), 2).hincr(&floors, "number", 1);
    let () = silent.query_async(&mut raw).await.unwrap();
    let took = eventually("the memory refuses", Duration::from_secs(1), || {
        instance.cache.card(&card_token(0)).is_none()
    });
    eprintln!("a lost announcement is noticed after {:?}", took.await);
    instance.until("it is counted", |shared| shared.gaps == before + 1).await;
    // The next one is in step again.
    instance.update_card(&corner.source, 1).await;
    instance.until("heard of the next", |shared| shared.heard == 2).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(instance.shared().gaps, before + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn an_emptied_server_only_makes_it_slower() {
    let corner = Corner::new().await;
    let instance = corner.instance().await;
    for n in 0..10 {
        filled(&instance, n).await;
        instance.update_card(&corner.source, n).await;
    }
    let before = instance.shared().gaps;
    corner.delete_all().await;
    instance.until("noticed", |shared| shared.gaps > before).await;
    assert!(instance.cache.card(&card_token(0)).is_none(), "what it had may be old");
    for n in 0..10 {
        assert_eq!(instance.purchase(n).await, Some((2, 2)));
    }
    let (other, before) = (corner.instance().await, corner.source.reads());
    instance.update_card(&corner.source, 3).await;
    eventually("a new epoch is followed", Duration::from_secs(1), || {
        other.shared().heard == 1 && instance.shared().heard == 11
    })
    .await;
    assert_eq!(corner.source.reads(), before);
    assert_eq!(other.purchase(3).await, Some((3, 3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn facts_that_a_lane_found_old_are_forgotten_by_the_server_too() {
    let corner = Corner::new().await;
    let instance = corner.instance().await;
    filled(&instance, 0).await;
    let card = instance.store.card(&card_token(0)).await.unwrap();
    let limits = instance.store.limits(card.as_ref().unwrap()).await.unwrap();
    let stale = Facts { cardholder: Cardholder::Owner, card, limits };
    instance.store.outdated(&stale);
    for key in ["card:card-0", "limits:card-0", "user:user-0"] {
        let mut left = 500;
        while corner.get(key).await.is_some() {
            left -= 1;
            assert!(left > 0, "{key} is still there");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Versions of one home mean nothing in the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn homes_do_not_mix() {
    let corner = Corner::new().await;
    let business = corner.instance().await;
    let server = open(&corner.url, &corner.prefix);
    let personal = server.for_home(Home::Personal, lifetimes(), memory());
    eventually("in step", Duration::from_secs(5), || personal.shared_stats().unwrap().in_step)
        .await;
    filled(&business, 0).await;
    let (user, card) = (user_token(0), card_token(0));
    let wanted = Wanted { user: Some(&user), card: Some(&card), limits: Some(&card) };
    personal.recall(wanted).await;
    assert!(personal.card(&card).is_none() && personal.user(&user).is_none());
    assert_eq!(personal.shared_stats().unwrap().unreadable, 0, "it is another's, and plainly so");
    let program = PolicyStamp { subject: Scope::Program, version: 9 };
    personal.raise_floor(program);
    personal.announce(&[program]).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(business.cache.card(&card).is_some() && business.cache.limits(card_id(0)).is_some());
    assert_eq!(business.shared().heard, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_route_is_known_to_all_for_ever() {
    let corner = Corner::new().await;
    let (left, right) = (open(&corner.url, &corner.prefix), open(&corner.url, &corner.prefix));
    let (left, right) = (left.routes(100), right.routes(100));
    let card = card_token(0);
    assert_eq!(left.route(&card).await, None);
    left.keep_route(&card, Home::Personal);
    assert_eq!(left.route(&card).await, Some(Home::Personal));
    let mut found = None;
    for _ in 0..500 {
        found = right.route(&card).await;
        if found.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(found, Some(Home::Personal));
    assert_eq!(corner.ttl_s("route:card-0").await, -1, "it has no end");
    corner.set("route:card-1", &corner.get("route:card-0").await.unwrap()).await;
    assert_eq!(right.route(&card_token(1)).await, None, "it names its own card");
}

/// S-06. Each value names its key, and each lookup gets its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn ten_thousand_cancelled_calls_mix_nothing_up() {
    let corner = Corner::new().await;
    let filler = corner.instance().await;
    for n in 0..100 {
        filled(&filler, n).await;
    }
    let mut answered = 0;
    for round in 0..100_u64 {
        // A memory of its own each time, so that the server is asked.
        let instance = Arc::new(corner.instance().await);
        let lookups: Vec<_> = (0..100_u128)
            .map(|n| {
                let instance = Arc::clone(&instance);
                let lookup = tokio::spawn(async move {
                    let (user, card) = (user_token(n), card_token(n));
                    instance.store.expect(Some(&user), &card).await;
                    let found = instance.cache.card(&card);
                    let user = instance.cache.user(&user);
                    (found.map(|card| card.id), user.map(|user| user.id))
                });
                (n, lookup)
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(round * 97 % 10_000)).await;
        lookups.iter().for_each(|(_, lookup)| lookup.abort());
        for (n, lookup) in lookups {
            let Ok((card, user)) = lookup.await else { continue };
            answered += 1;
            assert_eq!(card.unwrap_or(card_id(n)), card_id(n));
            assert_eq!(user.unwrap_or(super::world::user_id(n)), super::world::user_id(n));
        }
        for n in 0..100 {
            let card = instance.store.card(&card_token(n)).await.unwrap().unwrap();
            assert_eq!(card.id, card_id(n), "after the cancelled ones");
        }
    }
    eprintln!("{answered} of 10000 were answered, the others cancelled");
    assert!((1..10_000).contains(&answered), "{answered}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_is_shown_of_a_card_is_as_new_as_what_was_heard_of() {
    let corner = Corner::new().await;
    let (first, second) = (corner.instance().await, corner.instance().await);
    assert_eq!(first.shown(0).await, Some(1));
    let before = corner.source.reads();
    assert_eq!(first.shown(0).await, Some(1));
    assert_eq!(corner.source.reads(), before, "the store was not asked");
    first.update_card(&corner.source, 0).await;
    assert_eq!(first.shown(0).await, Some(2), "its own change");
    assert_eq!(second.shown(0).await, Some(2));
    second.update_card(&corner.source, 0).await;
    for _ in 0..2_000 {
        if first.shown(0).await == Some(3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(first.shown(0).await, Some(3), "the other's");
    assert_eq!(first.shown(100).await, None, "there is no such card");
}

#[tokio::test]
async fn where_others_are_not_heard_of_a_card_is_shown_as_it_is_stored() {
    let source = Scripted::with_cards(1);
    let (first, second) = (Instance::alone(&source), Instance::alone(&source));
    assert_eq!(first.shown(0).await, Some(1));
    second.update_card(&source, 0).await;
    assert_eq!(first.shown(0).await, Some(2));
}
