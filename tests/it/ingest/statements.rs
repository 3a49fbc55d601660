//! What a batch of reported transactions costs: how many statements MongoDB is sent for it, as the
//! server's own profiler counts them.

use mongodb::Database;
use mongodb::bson::{Document, doc};
use tollgate::domain::clock::Clock;
use tollgate::domain::id::TransactionId;
use tollgate::domain::transaction::{Attempt, Ending, RawTransaction};
use tollgate::store::ingest::{Claim, Outcome, RawTransactions, Settled};

use super::record;
use crate::store::clock::TestClock;
use crate::store::mongodb::{Corner, store};

/// More than the server puts into the first reply by itself.
const RECORDS: u32 = 300;

/// Names the store's connections.
const APP: &str = "tollgate-counted";

/// What the store has sent: kinds of statements, in order.
async fn sent(database: &Database) -> Vec<String> {
    let profile = database.collection::<Document>("system.profile");
    let mut cursor =
        profile.find(doc! { "appName": APP }).sort(doc! { "$natural": 1 }).await.unwrap();
    let mut kinds = Vec::new();
    while cursor.advance().await.unwrap() {
        kinds.push(cursor.deserialize_current().unwrap().get_str("op").unwrap().to_owned());
    }
    kinds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_batch_is_kept_with_one_statement_claimed_with_two_and_settled_with_two() {
    let corner = Corner::new();
    let store = store(&corner, |options| options.app_name = APP.to_owned()).await;
    let (clock, database) = (TestClock::beside_a_server(), corner.database().await);
    database.run_command(doc! { "profile": 2 }).await.unwrap();
    let raw = |number: u32| {
        let record = record(&format!("t-{number}"), "card-1", 500);
        let fingerprint = record.fingerprint();
        let id = TransactionId::new(clock.uuid());
        RawTransaction { id, fingerprint, record, received_at: clock.now() }
    };
    let claim = || Claim {
        lease: clock.uuid(),
        lasts: std::time::Duration::from_secs(60),
        rows_max: RECORDS,
    };

    store.keep((0..RECORDS).map(raw).collect()).await.unwrap();
    let first = claim();
    let claimed = store.claim(first).await.unwrap();
    let settled = claimed.iter().map(|one| Settled {
        transaction_id: one.raw.record.transaction_id.clone(),
        outcome: Outcome::Processed,
    });
    let log = claimed.iter().map(|one| Attempt {
        transaction: one.raw.id,
        number: one.attempt,
        ending: Ending::Processed,
        obstacle: None,
        worker: "w-1".into(),
        at: clock.now(),
        took_us: 1,
    });
    store.settle(first.lease, settled.collect(), log.collect()).await.unwrap();
    for _ in 0..20 {
        assert!(store.claim(claim()).await.unwrap().is_empty());
    }
    database.run_command(doc! { "profile": 0 }).await.unwrap();

    assert_eq!(claimed.len(), 300);
    // Commands are questions for the time: not one for each call.
    let (times, sent): (Vec<_>, Vec<_>) =
        sent(&database).await.into_iter().partition(|kind| kind == "command");
    let expected = [&["insert", "query", "update", "insert", "update"][..], &["query"; 20]];
    assert_eq!(sent, expected.concat());
    assert!(times.len() < 20, "{times:?}");
}
