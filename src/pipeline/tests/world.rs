//! A pipeline before a home in memory, which fails as it is told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::domain::clock::Clock;
use crate::domain::facts::{CardFacts, LimitFacts, UserFacts};
use crate::domain::request::{AuthRequest, Operation};
use crate::domain::standing::Rules;
use crate::domain::time::{Monotonic, Timestamp};
use crate::domain::token::Token;
use crate::ledger::books::Books;
use crate::ledger::intent::Intent;
use crate::ledger::testing::{Ledger, NOON, account, account_id, card, request, token};
use crate::ledger::wanted::Wanted;
use crate::pipeline::{AuthorizeError, Homes, LaneSettings, Parts, Pipeline};
use crate::store::{FactsStore, MoneyHome, MoneyTxn, Refreshed, StoreError, StoreFuture};
use crate::telemetry::profile::Profiler;

pub(super) struct TestClock {
    started: Instant,
    drawn: AtomicU32,
}

impl TestClock {
    #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
    fn start() -> Self {
        Self { started: Instant::now(), drawn: AtomicU32::new(0) }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        NOON
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_micros(u64::try_from(self.started.elapsed().as_micros()).unwrap())
    }

    fn uuid(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.drawn.fetch_add(1, Ordering::Relaxed)) << 8)
    }
}

/// `nobody` is no card, a token that ends in a digit is the card of that number, any other card 1.
struct OneCard;

impl FactsStore for OneCard {
    fn user<'a>(&'a self, _reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(async { Ok(None) })
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        let known = reference.as_str() != "nobody";
        let number = reference.as_str().chars().last().and_then(|last| last.to_digit(10));
        let found = card(u128::from(number.unwrap_or(1)));
        Box::pin(async move { Ok(known.then(|| Arc::new(found))) })
    }

    fn limits<'a>(&'a self, _card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        Box::pin(async { Ok(Arc::new(LimitFacts::default())) })
    }
}

/// What goes wrong.
#[derive(Default)]
pub(super) struct Faults {
    /// A batch that names one of these can not be written.
    pub(super) poison: Mutex<BTreeSet<Token>>,
    /// A batch that names one of these panics.
    pub(super) bomb: Mutex<BTreeSet<Token>>,
    /// So many commits take effect and are not acknowledged.
    pub(super) lost_acks: AtomicU32,
    /// So many batches clash with somebody.
    pub(super) conflicts: AtomicU32,
    /// So many batches of several purchases clash with somebody.
    pub(super) crowded: AtomicU32,
    /// So many batches find no store.
    pub(super) outages: AtomicU32,
}

struct Home {
    ledger: Arc<Mutex<Ledger>>,
    faults: Arc<Faults>,
    /// Every begin takes a permit: none, and the home stands still.
    open: Arc<Semaphore>,
}

struct Txn {
    books: Books,
    named: BTreeSet<Token>,
    ledger: Arc<Mutex<Ledger>>,
    faults: Arc<Faults>,
}

fn one_of(counter: &AtomicU32) -> bool {
    counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

impl MoneyHome for Home {
    fn begin<'a>(&'a self, wanted: &'a Wanted) -> StoreFuture<'a, Box<dyn MoneyTxn>> {
        Box::pin(async move {
            self.open.acquire().await.unwrap().forget();
            self.open.add_permits(1);
            if one_of(&self.faults.outages) {
                return Err(StoreError::Unavailable("no store".into()));
            }
            let books = self.ledger.lock().unwrap().books(wanted, NOON);
            let (ledger, faults) = (Arc::clone(&self.ledger), Arc::clone(&self.faults));
            let txn: Box<dyn MoneyTxn> =
                Box::new(Txn { books, named: wanted.tokens.clone(), ledger, faults });
            Ok(txn)
        })
    }
}

impl MoneyTxn for Txn {
    fn refresh_stale_facts<'a>(&'a mut self, _: &'a mut [Intent]) -> StoreFuture<'a, Refreshed> {
        assert!(self.faults.bomb.lock().unwrap().is_disjoint(&self.named), "a bomb");
        Box::pin(async { Ok(Refreshed::Current) })
    }

    fn books(&mut self) -> &mut Books {
        &mut self.books
    }

    fn commit(self: Box<Self>) -> StoreFuture<'static, ()> {
        Box::pin(async move {
            if !self.faults.poison.lock().unwrap().is_disjoint(&self.named) {
                return Err(StoreError::Failed("poison".into()));
            }
            let crowded = self.named.len() > 1 && one_of(&self.faults.crowded);
            if crowded || one_of(&self.faults.conflicts) {
                return Err(StoreError::Conflict("clash".into()));
            }
            self.ledger.lock().unwrap().absorb(&self.books);
            if one_of(&self.faults.lost_acks) {
                return Err(StoreError::OutcomeUnknown("cut".into()));
            }
            Ok(())
        })
    }
}

pub(super) struct World {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) clock: Arc<TestClock>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) faults: Arc<Faults>,
    open: Arc<Semaphore>,
}

pub(super) fn world(settings: LaneSettings) -> World {
    world_of(settings, Homes::Shared)
}

pub(super) fn world_of(
    settings: LaneSettings,
    homes: impl FnOnce(Arc<dyn MoneyHome>) -> Homes,
) -> World {
    let mut ledger = Ledger::default();
    for number in 1..=4 {
        ledger.accounts.insert(account_id(number), account(number, 1_000_000));
    }
    let ledger = Arc::new(Mutex::new(ledger));
    let faults = Arc::new(Faults::default());
    let open = Arc::new(Semaphore::new(1));
    let clock = Arc::new(TestClock::start());
    let home =
        Home { ledger: Arc::clone(&ledger), faults: Arc::clone(&faults), open: Arc::clone(&open) };
    let pipeline = Pipeline::new(Parts {
        facts: Arc::new(OneCard),
        homes: homes(Arc::new(home)),
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        profiler: Arc::new(Profiler::default()),
        settings,
        rules: Rules::default(),
        hold_days: "7011=30".parse().unwrap(),
    });
    World { pipeline: Arc::new(pipeline), clock, ledger, faults, open }
}

impl World {
    /// Lets nothing through until the guard is told to.
    pub(super) async fn stop(&self) {
        self.open.acquire().await.unwrap().forget();
    }

    pub(super) fn go_on(&self) {
        self.open.add_permits(1);
    }

    pub(super) fn ask(&self, name: &str) -> tokio::task::JoinHandle<Result<bool, AuthorizeError>> {
        self.ask_with(name, "card")
    }

    pub(super) fn ask_with(
        &self,
        name: &str,
        card: &str,
    ) -> tokio::task::JoinHandle<Result<bool, AuthorizeError>> {
        let (pipeline, received) = (Arc::clone(&self.pipeline), self.clock.monotonic());
        let mut request: AuthRequest = request(name, Operation::Authorize, 100);
        request.card = token(card);
        tokio::spawn(async move {
            pipeline.authorize(request, received).await.map(|decision| decision.approved())
        })
    }

    pub(super) fn held(&self) -> i64 {
        self.ledger.lock().unwrap().accounts[&account_id(1)].held
    }

    /// Waits until everything queued before has been settled.
    pub(super) async fn settled(&self) {
        self.pipeline.drain().await;
    }
}
