//! Raw ingest: the ports that keep records and tables, the workers between them, and the door.

pub(crate) mod door;
mod outages;
mod raw;
mod speed;
mod statements;
mod tables;
mod workers;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use tollgate::domain::clock::Clock;
use tollgate::domain::id::TransactionId;
use tollgate::domain::merchant::Merchant;
use tollgate::domain::money::{Currency, Money};
use tollgate::domain::time::Timestamp;
use tollgate::domain::token::Token;
use tollgate::domain::transaction::{RawTransaction, Record};
use tollgate::store::ingest::{Claim, Claimed, RawTransactions, Transactions};
use tollgate::store::sqlite::SqliteStore;

use crate::store::clock::TestClock;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::{Database, prepared};

/// A pair of stores under test.
pub struct Pair {
    pub raw: Arc<dyn RawTransactions>,
    pub tables: Arc<dyn Transactions>,
    pub clock: Arc<TestClock>,
    _cleanup: Box<dyn Any + Send + Sync>,
}

/// The embedded store is both.
pub async fn embedded() -> Pair {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let path = folder.path().join("tollgate.db");
    let store = SqliteStore::open(&path, clock.clone(), Default::default()).await.unwrap();
    Pair { raw: store.clone(), tables: store, clock, _cleanup: Box::new(folder) }
}

/// MongoDB and PostgreSQL.
pub async fn servers() -> Pair {
    let (corner, database) = (Corner::new(), Database::migrated().await);
    let clock = Arc::new(TestClock::beside_a_server());
    let raw = crate::store::mongodb::store(&corner, |options| {
        options.time_offset_us = clock.offset();
    });
    let raw = raw.await;
    let tables = prepared(database.options()).await;
    Pair { raw, tables, clock, _cleanup: Box::new((corner, database)) }
}

/// Runs each sentence on both pairs.
macro_rules! on_both_pairs {
    ($($name:ident)+) => {
        mod on_the_embedded_store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::ingest::embedded().await).await;
                }
            )+
        }

        mod on_servers {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                #[ignore = "needs servers: scripts/test"]
                async fn $name() {
                    super::$name(crate::ingest::servers().await).await;
                }
            )+
        }
    };
}

pub(crate) use on_both_pairs;

pub fn token(text: &str) -> Token {
    text.parse().unwrap()
}

pub fn record(name: &str, card: &str, minor: i64) -> Record {
    Record {
        transaction_id: token(name),
        card: token(card),
        amount: Money::new(minor, Currency::parse("USD").unwrap()),
        kind: "purchase".into(),
        occurred_at: Timestamp::parse("2026-11-20T12:00:00Z").unwrap(),
        merchant: Merchant {
            mid: Some("42".into()),
            mcc: "5411".parse().ok(),
            name: Some("Épicerie \"Chez Léa\" \\".into()),
            ..Merchant::default()
        },
        authorization: None,
        metadata: Some(r#"{"note":"é \"quoted\"","n":1.50}"#.into()),
    }
}

impl Pair {
    pub fn raw(&self, record: Record) -> RawTransaction {
        RawTransaction {
            id: TransactionId::new(self.clock.uuid()),
            fingerprint: record.fingerprint(),
            record,
            received_at: self.clock.now(),
        }
    }

    pub fn claim_for(&self, rows_max: u32, lasts: Duration) -> Claim {
        Claim { lease: self.clock.uuid(), lasts, rows_max }
    }

    /// Claims for a minute.
    pub async fn claim(&self, rows_max: u32) -> (uuid::Uuid, Vec<Claimed>) {
        let claim = self.claim_for(rows_max, Duration::from_secs(60));
        (claim.lease, self.raw.claim(claim).await.unwrap())
    }
}
