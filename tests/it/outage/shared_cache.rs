//! Redis is killed, paused, emptied and filled with rubbish under fire, and a card is suspended each time:
//! no decision is wrong, and the cache is of use again at once.

use std::collections::HashMap;
use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::Program;
use crate::support::pair::Pair;

use super::volley::{Shot, Volley};

/// A few, most of which the memory has no room for: nearly every lookup is the shared cache's.
const CARDS: usize = 8;
const MEMORY: &str = "2";

/// On each of the two instances.
const CALLERS: usize = 4;

/// How long Redis is away, or silent.
const SICK: Duration = Duration::from_millis(1_000);

/// Purchases before the harm, and after the cache is of use again.
const BESIDE: Duration = Duration::from_millis(500);

/// How often the suspended card is asked for after that, at least.
const ASKED_MIN: usize = 5;

/// From the end of the harm to the first hit, on both instances; the rest is for a busy machine.
const HITS_WITHIN: Duration = Duration::from_millis(1_000 + 500);

/// Two instances, a company's cards, and which of them are suspended since when.
struct Scene {
    pair: Pair,
    program: Program,
    suspended: HashMap<String, Instant>,
}

impl Scene {
    async fn start() -> Self {
        let settings = [("CACHE__ENTRIES_MAX", MEMORY)];
        let pair = Pair::start(&["postgres", "redis"], &settings).await;
        let program = Program::set_up(&mut pair.clients()[0], 100_000_000, CARDS).await;
        Self { pair, program, suspended: HashMap::new() }
    }

    /// The test's own way to Redis.
    async fn redis(&self) -> MultiplexedConnection {
        let client = redis::Client::open(self.pair.servers.url("REDIS_URL")).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// What is told of the shared cache by each instance: the metrics are made of the same.
    async fn told(&self) -> [Value; 2] {
        let mut told = [Value::Null, Value::Null];
        for (told, mut client) in told.iter_mut().zip(self.pair.clients()) {
            let health = client.get("/health").await.json();
            *told = health["details"]["cache"]["business"]["shared"].clone();
        }
        told
    }

    /// How often each instance has found there what it asked for.
    async fn hits(&self) -> [u64; 2] {
        self.told().await.map(|told| {
            let of = |kind: &str| told[kind]["hits"].as_u64().expect("a count");
            of("cards") + of("limits")
        })
    }

    /// Waits until both instances have had hits from now on; how long that took.
    async fn hits_again(&self, name: &str) -> Duration {
        let (since, before) = (Instant::now(), self.hits().await);
        loop {
            let now = self.hits().await;
            if before.iter().zip(now).all(|(before, now)| *before < now) {
                return since.elapsed();
            }
            assert!(since.elapsed() < HITS_WITHIN, "{name}: no hits, {before:?} and still {now:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Suspends the next card, on the one instance or the other.
    async fn suspend_one(&mut self) {
        let number = self.suspended.len();
        let card = self.program.cards[number].clone();
        let mut client = self.pair.instances[number % 2].client();
        let path = format!("/api/v1/cards/{card}");
        let answer = client.patch(&path, 1, json!({"status": "SUSPENDED"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.suspended.insert(card, Instant::now());
    }

    /// Harms Redis under fire, suspends a card, and puts it right again.
    async fn harmed(
        &mut self,
        name: &str,
        harm: impl AsyncFnOnce(&Self),
        heal: impl AsyncFnOnce(&Self),
    ) {
        let volley = Volley::at(&self.pair.clients(), CALLERS, &self.program.cards, name);
        tokio::time::sleep(BESIDE).await;
        self.hits_again("before").await;
        harm(&*self).await;
        self.suspend_one().await;
        heal(&*self).await;
        let back = self.hits_again(name).await;
        tokio::time::sleep(BESIDE).await;
        let (card, since) = self.newest();
        volley.has(ASKED_MIN, |shot| shot.card == *card && shot.sent > *since).await;
        self.none_is_wrong(name, &volley.end().await, back);
    }

    fn newest(&self) -> (&String, &Instant) {
        self.suspended.iter().max_by_key(|(_, since)| **since).expect("one is suspended")
    }

    fn none_is_wrong(&self, name: &str, shots: &[Shot], back: Duration) {
        let is_declined = |shot: &Shot| shot.is_declined_for("CARD_NOT_ACTIVE");
        let is_right = |shot: &Shot| match self.suspended.get(&shot.card) {
            None => shot.is_approved(),
            Some(since) if shot.sent > *since => is_declined(shot),
            Some(_) => shot.is_approved() || is_declined(shot),
        };
        let wrong = shots.iter().find(|shot| !is_right(shot));
        assert!(wrong.is_none(), "{name}: {wrong:?}");
        let declined = shots.iter().filter(|shot| is_declined(shot)).count();
        println!(
            "{name}: {} decided, {declined} of them declined, 0 wrong; hits again after {back:?}",
            shots.len()
        );
    }
}

/// Every key, with its value if that is a text.
async fn entries(redis: &mut MultiplexedConnection) -> Vec<(String, Option<String>)> {
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    let mut entries = Vec::new();
    for key in keys {
        let value = redis.get(&key).await.ok(); // others are of another type
        entries.push((key, value));
    }
    entries
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn whatever_becomes_of_redis_no_decision_is_wrong() {
    let mut scene = Scene::start().await;
    let kill = async |scene: &Scene| scene.pair.servers.kill("redis");
    let restart = async |scene: &Scene| {
        tokio::time::sleep(SICK).await;
        tokio::task::block_in_place(|| scene.pair.servers.up("redis"));
    };
    scene.harmed("killed", kill, restart).await;

    let pause = async |scene: &Scene| {
        let mut pause = redis::cmd("CLIENT");
        let time = SICK.as_millis().to_string();
        let pause = pause.arg("PAUSE").arg(time).arg("ALL");
        pause.query_async::<()>(&mut scene.redis().await).await.unwrap();
    };
    let wait = async |_: &Scene| tokio::time::sleep(SICK).await;
    scene.harmed("paused", pause, wait).await;

    let empty = async |scene: &Scene| {
        redis::cmd("FLUSHALL").query_async::<()>(&mut scene.redis().await).await.unwrap();
    };
    scene.harmed("emptied", empty, async |_: &Scene| {}).await;

    // What is under way may put some keys right meanwhile.
    let retype = async |scene: &Scene| {
        let mut redis = scene.redis().await;
        for (key, _) in entries(&mut redis).await {
            let mut both = redis::pipe();
            both.atomic().del(&key).ignore().lpush(&key, "x").ignore();
            both.query_async::<()>(&mut redis).await.unwrap();
        }
    };
    scene.harmed("retyped", retype, async |_: &Scene| {}).await;

    let cut = async |scene: &Scene| {
        let mut redis = scene.redis().await;
        let texts = entries(&mut redis).await;
        let texts: Vec<_> =
            texts.into_iter().filter_map(|(key, text)| Some((key, text?))).collect();
        assert!(!texts.is_empty(), "there is something to cut");
        for (key, text) in texts {
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            let () = redis.set(key, half).await.unwrap();
        }
    };
    scene.harmed("cut", cut, async |_: &Scene| {}).await;
    let unreadable = |told: &Value| told["unreadable"].as_u64().expect("a count");
    let seen = scene.told().await.iter().any(|told| unreadable(told) > 0);
    assert!(seen, "what was cut has been read");
    scene.pair.instances[0].verify();
}
