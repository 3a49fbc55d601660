//! The suite on MongoDB, as a home of wallets.

use std::sync::Arc;
use std::time::Duration;

use mongodb::Client;
use mongodb::bson::{Document, doc};
use tollgate::domain::id::Home;
use tollgate::domain::party::{Card, CardStatus};
use tollgate::store::mongodb::{MongoOptions, MongoStore};
use tollgate::store::{Prepare, StoreError};

use super::clock::TestClock;
use super::subject::{Subject, purchase};
use super::{conformance, contended};
use crate::support::servers;

conformance!(#[ignore = "needs servers: scripts/test"] open; personal);

// Racers go through lanes here, one to an account: see `mongodb_faults.rs`.
contended!(
    #[ignore = "needs servers: scripts/test"]
    two
);

async fn open() -> Subject {
    open_one(&Corner::new()).await
}

/// Two instances on one database, whose batches claim: whoever comes second meets the first at once.
async fn two() -> (Arc<Subject>, Arc<Subject>, Corner) {
    let (corner, clock) = (Corner::new(), Arc::new(TestClock::beside_a_server()));
    let open = async || Arc::new(claiming(&corner, Duration::MAX, Arc::clone(&clock)).await);
    let (one, two) = (open().await, open().await);
    (one, two, corner)
}

/// As after a failover to a server whose clock is behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_is_told_of_a_card_keeps_its_order_whatever_the_clock_does() {
    const AHEAD: i64 = 9_000_000_000_000_000;
    let corner = Corner::new();
    let subject = open_one(&corner).await;
    let mut card = subject.program("acme", 1_000_00).await.card;
    subject.empty_the_outbox().await;
    let cards = corner.database().await.collection::<Document>("personal_cards");
    let order = doc! { "$set": { "order": AHEAD } };
    assert_eq!(cards.update_many(doc! {}, order).await.unwrap().matched_count, 1);
    for status in [CardStatus::Suspended, CardStatus::Active] {
        card = Card { status, version: card.version + 1, ..card };
        subject.resources.update_card(card.clone()).await.unwrap();
    }
    let places: Vec<i64> = subject.waiting().await.iter().map(|row| row.place.order).collect();
    assert_eq!(places, [AHEAD + 1, AHEAD + 2]);
}

/// In collections that are kept by their key, by the server's own account of what it has looked at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_is_named_by_its_key_is_found_without_looking_at_the_rest() {
    const LOOKED_AT_MAX: i64 = 10;
    let corner = Corner::new();
    let subject = open_one(&corner).await;
    subject.program("acme", 1_000_00).await;
    let mut made = Vec::new();
    for number in 0..40 {
        made.push(subject.approve(purchase(&format!("t{number}"), "acme-card", 1_00)).await.id);
    }
    let mut rows = subject.waiting().await;
    rows.retain(|row| row.event.kind == "authorization.approved");
    assert_eq!(rows.len(), made.len());
    let database = corner.database().await;
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    assert_eq!(subject.history.known(&made[38..]).await.unwrap().len(), 2);
    subject.shards.remove(rows[38..].to_vec()).await.unwrap();
    database.run_command(doc! { "profile": 0 }).await.unwrap();
    let profile = database.collection::<Document>("system.profile");
    assert!(profile.count_documents(doc! {}).await.unwrap() >= 2);
    let at_more = doc! { "docsExamined": { "$gt": LOOKED_AT_MAX } };
    assert_eq!(profile.find_one(at_more).await.unwrap(), None);
}

/// Whoever starts puts up what is missing; relays and readers pass it by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn walls_stand_between_the_shards_of_the_outbox() {
    const WALLS: u64 = 16;
    let corner = Corner::new();
    let subject = open_one(&corner).await;
    let outbox = corner.database().await.collection::<Document>("outbox");
    let walls = async || outbox.count_documents(doc! { "wall": true }).await.unwrap();
    assert_eq!(walls().await, WALLS);
    outbox.delete_one(doc! { "wall": true }).await.unwrap();
    drop(open_one(&corner).await);
    assert_eq!(walls().await, WALLS);
    subject.program("acme", 1_000_00).await;
    let waiting = subject.waiting().await;
    assert!(!waiting.is_empty());
    assert_eq!(subject.outbox.depth().await.unwrap(), waiting.len() as u64);
    assert_eq!(subject.shards.sift(0..=15, 100).await.unwrap().unreadable.len(), 0);
    assert_eq!(subject.shards.oldest(0..=15, 1).await.unwrap().len(), 1, "walls do not count");
    subject.empty_the_outbox().await;
    assert_eq!(subject.outbox.oldest_at().await.unwrap(), None);
    assert_eq!(subject.outbox.depth().await.unwrap(), 0);
    assert_eq!(walls().await, WALLS);
    subject.assert_adds_up().await;
}

/// A database of a test's own. Dropped with it.
#[derive(Clone)]
pub struct Corner(Arc<Database>);

struct Database {
    url: String,
}

impl Corner {
    pub fn new() -> Self {
        let url = servers::url("MONGODB_URI");
        let (server, query) = url.split_once('?').unwrap_or((url.as_str(), ""));
        let server = server.rsplit_once('/').map_or(server, |(server, _)| server);
        Self::at(format!("{server}/{}?{query}", servers::unique()))
    }

    /// The database of this URL, whose user may drop it.
    pub fn at(url: String) -> Self {
        Self(Arc::new(Database { url }))
    }

    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// The test's own way in.
    pub async fn database(&self) -> mongodb::Database {
        let client = Client::with_uri_str(&self.0.url).await.unwrap();
        client.default_database().unwrap()
    }

    /// Runs a command on the server as a whole.
    pub async fn admin(&self, command: Document) -> Document {
        self.database().await.client().database("admin").run_command(command).await.unwrap()
    }
}

impl Drop for Database {
    /// On a thread of its own: whoever drops this may be in the middle of a runtime.
    fn drop(&mut self) {
        let url = self.url.clone();
        let dropping = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::with_uri_str(&url).await.unwrap();
                client.default_database().unwrap().drop().await.unwrap();
            });
        });
        let _ = dropping.join();
    }
}

/// A prepared store in this corner: one of several instances.
pub async fn store(corner: &Corner, change: impl FnOnce(&mut MongoOptions)) -> Arc<MongoStore> {
    let mut options = MongoOptions::new(corner.url());
    change(&mut options);
    let store = MongoStore::new(options).unwrap();
    prepared(&store).await.unwrap();
    Arc::new(store)
}

/// As the app does: a store that is unavailable is prepared again.
pub async fn prepared(store: &MongoStore) -> Result<(), StoreError> {
    for _ in 0..30 {
        match store.prepare().await {
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
            other => return other,
        }
    }
    store.prepare().await
}

pub async fn open_one(corner: &Corner) -> Subject {
    claiming_for(corner, Duration::ZERO).await
}

/// Whose batches claim their wallets first for so long after a conflict.
pub async fn claiming_for(corner: &Corner, claims: Duration) -> Subject {
    claiming(corner, claims, Arc::new(TestClock::beside_a_server())).await
}

async fn claiming(corner: &Corner, claims: Duration, clock: Arc<TestClock>) -> Subject {
    let change = |options: &mut MongoOptions| {
        options.time_offset_us = clock.offset();
        options.claims = claims;
    };
    let store = store(corner, change).await;
    subject(corner, store, clock)
}

pub fn subject(corner: &Corner, store: Arc<MongoStore>, clock: Arc<TestClock>) -> Subject {
    Subject {
        homes: &[Home::Personal],
        home: store.clone(),
        facts: store.clone(),
        resources: store.clone(),
        lists: store.clone(),
        history: store.clone(),
        outbox: store.clone(),
        shards: store.clone(),
        due: store.clone(),
        explanations: store.clone(),
        audit: store,
        clock,
        _cleanup: Box::new(corner.clone()),
    }
}
