//! Workers between the ports: leases that run out, stores that are down, records that can not be
//! processed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tollgate::domain::clock::Clock;
use tollgate::domain::facts::{CardFacts, LimitFacts, UserFacts};
use tollgate::domain::id::{AccountId, CardId, Home, TransactionId, UserId};
use tollgate::domain::money::Currency;
use tollgate::domain::party::{CardStatus, UserStatus};
use tollgate::domain::time::Zone;
use tollgate::domain::token::Token;
use tollgate::domain::transaction::{Obstacle, Status, Transaction};
use tollgate::service::ingest::{Ingest, IngestParts, IngestSettings};
use tollgate::store::ingest::{TransactionQuery, Transactions};
use tollgate::store::sqlite::SqliteStore;
use tollgate::store::{FactsStore, StoreError, StoreFuture};

use super::{record, token};
use crate::store::clock::TestClock;

/// Knows the cards that it was told of.
#[derive(Default)]
pub struct Cards(Mutex<Vec<Arc<CardFacts>>>);

impl Cards {
    pub fn issue(&self, clock: &TestClock, name: &str) -> Arc<CardFacts> {
        let owner = UserFacts {
            id: UserId::new(clock.uuid()),
            marqeta_token: None,
            status: UserStatus::Active,
            company: None,
            policy_version: 1,
        };
        let card = Arc::new(CardFacts {
            id: CardId::new(clock.uuid()),
            marqeta_token: Some(token(name)),
            status: CardStatus::Active,
            expires: None,
            owner,
            account: AccountId::new(Home::Personal, clock.uuid()),
            currency: Currency::parse("USD").unwrap(),
            zone: Zone::utc(),
            policy_version: 1,
        });
        self.0.lock().unwrap().push(card.clone());
        card
    }
}

impl FactsStore for Cards {
    fn user<'a>(&'a self, _reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async { Ok(None) })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        let cards = self.0.lock().unwrap();
        let found = cards.iter().find(|card| card.marqeta_token.as_ref() == Some(reference));
        let found = found.cloned();
        Box::pin(async move { Ok(found) })
    }

    fn limits<'a>(&'a self, _card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async { Ok(Arc::default()) })
    }
}

/// Tables that can be down, and that refuse what costs 13.
struct Tables {
    store: Arc<SqliteStore>,
    down: AtomicBool,
}

impl Transactions for Tables {
    fn record(&self, rows: Vec<Transaction>) -> StoreFuture<'_, Vec<TransactionId>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::Unavailable("down".into())) });
        }
        if rows.iter().any(|row| row.record.amount.minor() == 13) {
            return Box::pin(async { Err(StoreError::Failed("thirteen".into())) });
        }
        self.store.record(rows)
    }

    fn transaction(&self, id: TransactionId) -> StoreFuture<'_, Option<Transaction>> {
        if self.down.load(Ordering::SeqCst) {
            return Box::pin(async { Err(StoreError::Unavailable("down".into())) });
        }
        self.store.transaction(id)
    }

    fn transactions(&self, query: TransactionQuery) -> StoreFuture<'_, Vec<Transaction>> {
        self.store.transactions(query)
    }
}

struct World {
    ingest: Arc<Ingest>,
    store: Arc<SqliteStore>,
    tables: Arc<Tables>,
    cards: Arc<Cards>,
    clock: Arc<TestClock>,
    worker: Arc<str>,
    _folder: tempfile::TempDir,
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join("tollgate.db");
    let store = SqliteStore::open(&path, clock.clone(), Default::default()).await.unwrap();
    let tables = Arc::new(Tables { store: store.clone(), down: AtomicBool::new(false) });
    let cards = Arc::new(Cards::default());
    let ingest = Ingest::new(IngestParts {
        raw: store.clone(),
        processed: tables.clone(),
        facts: cards.clone(),
        history: store.clone(),
        faults: Arc::default(),
        clock: clock.clone(),
        settings: IngestSettings {
            queue_max: 1_000,
            accept_max: Duration::from_secs(5),
            batch_max: 100,
            lease: Duration::from_secs(30),
            attempts_max: 4,
            retry: Duration::from_secs(1),
            poll: Duration::from_millis(20),
        },
    });
    tokio::spawn(ingest.clone().keep_for_ever());
    let worker = "the-worker".into();
    World { ingest, store, tables, cards, clock, worker, _folder: folder }
}

impl World {
    async fn accept(&self, name: &str, card: &str, minor: i64) -> TransactionId {
        self.ingest.accept(record(name, card, minor)).await.unwrap().id
    }

    async fn work(&self) -> usize {
        self.ingest.work_once(&self.worker).await.unwrap()
    }

    async fn state(&self, id: TransactionId) -> (Status, u32, Option<Obstacle>) {
        let found = self.raw().progress(id).await.unwrap().unwrap();
        (found.status, found.attempts, found.obstacle)
    }

    fn raw(&self) -> &dyn tollgate::store::ingest::RawTransactions {
        &*self.store
    }

    async fn log(&self, id: TransactionId) -> Vec<(u32, &'static str, Option<Obstacle>)> {
        let log = self.raw().attempts(id).await.unwrap();
        log.iter().map(|one| (one.number, one.ending.as_str(), one.obstacle)).collect()
    }
}

#[tokio::test]
async fn a_record_becomes_a_transaction_of_its_card() {
    let world = world().await;
    let card = world.cards.issue(&world.clock, "card-1");
    let id = world.accept("t-1", "card-1", 500).await;
    assert_eq!(world.work().await, 1);
    assert_eq!(world.state(id).await, (Status::Processed, 1, None));
    let row = world.tables.transaction(id).await.unwrap().unwrap();
    assert_eq!((row.card, row.user, row.account), (card.id, card.owner.id, card.account));
    assert_eq!(row.record, record("t-1", "card-1", 500));
    assert_eq!(world.log(id).await, [(1, "processed", None)]);
    assert_eq!(world.work().await, 0);
}

#[tokio::test]
async fn a_card_that_is_not_known_yet_is_waited_for_and_then_the_record_is_parked() {
    let world = world().await;
    let id = world.accept("t-1", "card-1", 500).await;
    for (attempt, pause) in [(1, 1_000_000), (2, 5_000_000), (3, 25_000_000)] {
        assert_eq!(world.work().await, 1);
        let unknown = Some(Obstacle::CardUnknown);
        assert_eq!(world.state(id).await, (Status::Accepted, attempt, unknown));
        world.clock.pass(pause - 1);
        assert_eq!(world.work().await, 0);
        world.clock.pass(1);
    }
    assert_eq!(world.work().await, 1);
    let unknown = Some(Obstacle::CardUnknown);
    assert_eq!(world.state(id).await, (Status::Parked, 4, unknown));
    world.clock.pass(1_000_000_000);
    assert_eq!(world.work().await, 0);

    world.cards.issue(&world.clock, "card-1");
    assert_eq!(world.ingest.retry(id).await.unwrap().status, Status::Accepted);
    assert_eq!(world.work().await, 1);
    assert_eq!(world.state(id).await, (Status::Processed, 5, None));
    let log = world.log(id).await;
    let endings: Vec<_> = log.iter().map(|(number, ending, _)| (*number, *ending)).collect();
    let retried = [(1, "retried"), (2, "retried"), (3, "retried")];
    assert_eq!(endings, [&retried[..], &[(4, "parked"), (5, "processed")]].concat());
}

#[tokio::test]
async fn what_can_never_work_is_parked_at_once_and_its_neighbours_go_on() {
    let world = world().await;
    world.cards.issue(&world.clock, "card-1");
    let good = world.accept("good", "card-1", 500).await;
    let mut foreign = record("foreign", "card-1", 500);
    foreign.amount = tollgate::domain::money::Money::new(7, Currency::parse("EUR").unwrap());
    let foreign = world.ingest.accept(foreign).await.unwrap().id;
    let refused = world.accept("refused", "card-1", 13).await;
    assert_eq!(world.work().await, 3);
    assert_eq!(world.state(good).await, (Status::Processed, 1, None));
    let mismatch = Some(Obstacle::CurrencyMismatch);
    assert_eq!(world.state(foreign).await, (Status::Parked, 1, mismatch));
    let refusal = Some(Obstacle::NotStorable);
    assert_eq!(world.state(refused).await, (Status::Accepted, 1, refusal));
}

#[tokio::test]
async fn an_outage_is_not_an_attempt_and_parks_nothing() {
    let world = world().await;
    world.cards.issue(&world.clock, "card-1");
    let id = world.accept("t-1", "card-1", 500).await;
    world.tables.down.store(true, Ordering::SeqCst);
    for _ in 0..20 {
        assert!(world.ingest.work_once(&world.worker).await.is_err());
        assert_eq!(world.state(id).await, (Status::Accepted, 0, None));
    }
    let working = tokio::spawn(world.ingest.clone().work_until_stopped());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(world.state(id).await, (Status::Accepted, 0, None));
    world.tables.down.store(false, Ordering::SeqCst);
    let processed = async {
        while world.state(id).await.0 != Status::Processed {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), processed).await.unwrap();
    world.ingest.stop();
    working.await.unwrap();
    assert_eq!(world.log(id).await, [(1, "processed", None)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_beside_each_other_process_each_record_once() {
    let world = world().await;
    world.cards.issue(&world.clock, "card-1");
    let names: Vec<_> = (0..500).map(|n| format!("t-{n}")).collect();
    let accepted = names.iter().map(|name| world.accept(name, "card-1", 500));
    let ids = futures_util::future::join_all(accepted).await;
    let workers: Vec<_> =
        (0..3).map(|_| tokio::spawn(world.ingest.clone().work_until_stopped())).collect();
    let processed = async {
        while world.ingest.stats().processed < 500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), processed).await.unwrap();
    world.ingest.stop();
    for worker in workers {
        worker.await.unwrap();
    }
    for id in ids {
        assert_eq!(world.state(id).await, (Status::Processed, 1, None));
        assert_eq!(world.log(id).await, [(1, "processed", None)]);
    }
}

#[tokio::test]
async fn what_a_killed_worker_had_is_taken_over_once_its_lease_is_over() {
    let world = world().await;
    world.cards.issue(&world.clock, "card-1");
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(world.accept(&format!("t-{number}"), "card-1", 500).await);
    }
    let claim = tollgate::store::ingest::Claim {
        lease: world.clock.uuid(),
        lasts: Duration::from_secs(30),
        rows_max: 3,
    };
    assert_eq!(world.raw().claim(claim).await.unwrap().len(), 3); // and never heard of again
    assert_eq!(world.work().await, 2);
    assert_eq!(world.work().await, 0);
    world.clock.pass(30_000_001);
    for _ in 0..3 {
        assert_eq!(world.work().await, 1, "each alone: the worker may have died of it");
    }
    for (number, id) in ids.into_iter().enumerate() {
        assert_eq!(world.state(id).await.0, Status::Processed);
        let lost = (1, "retried", Some(Obstacle::WorkerLost));
        let expected = if number < 3 {
            vec![lost, (2, "processed", None)]
        } else {
            vec![(1, "processed", None)]
        };
        assert_eq!(world.log(id).await, expected);
    }
}

#[tokio::test]
async fn a_record_that_kills_its_workers_is_parked_and_takes_no_neighbour_along() {
    let world = world().await;
    world.cards.issue(&world.clock, "card-1");
    let poison = world.accept("poison", "card-1", 500).await;
    for _ in 0..3 {
        let claim = tollgate::store::ingest::Claim {
            lease: world.clock.uuid(),
            lasts: Duration::from_secs(30),
            rows_max: 100,
        };
        assert_eq!(world.raw().claim(claim).await.unwrap().len(), 1);
        world.clock.pass(30_000_001);
    }
    let neighbour = world.accept("neighbour", "card-1", 500).await;
    assert_eq!(world.work().await, 1);
    let lost = Some(Obstacle::WorkerLost);
    assert_eq!(world.state(poison).await, (Status::Parked, 4, lost));
    assert_eq!(world.work().await, 1);
    assert_eq!(world.state(neighbour).await, (Status::Processed, 1, None));
}

#[tokio::test]
async fn many_callers_with_one_id_are_told_the_same_and_another_payload_is_refused() {
    let world = world().await;
    let asked = (0..32).map(|_| world.ingest.accept(record("t-1", "card-1", 500)));
    let answers = futures_util::future::join_all(asked).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| answer.id == answers[0].id));
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    let other = world.ingest.accept(record("t-1", "card-1", 501)).await;
    assert!(matches!(other, Err(tollgate::service::error::Error::TransactionReused)));
    let stats = world.ingest.stats();
    assert_eq!((stats.accepted, stats.repeated, stats.refused), (1, 31, 1));
}
