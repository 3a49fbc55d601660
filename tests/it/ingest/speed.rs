//! How many reports a second are accepted and processed. A debug build does a fraction of what the
//! release does: the bar here only catches what has become slow by an order of magnitude.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollgate::domain::transaction::Record;
use tollgate::service::ingest::{Ingest, IngestParts, IngestSettings};
use tollgate::store::{FactsStore, Prepare};

use super::record;
use crate::store::mongodb::Corner;
use crate::store::postgres_database::{Database, prepared};
use crate::store::subject::token;

const RECORDS: usize = 8_000;
const CALLERS: usize = 512;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn thousands_a_second_are_accepted_and_soon_processed() {
    let (corner, database) = (Corner::new(), Database::migrated().await);
    let raw = crate::store::mongodb::store(&corner, |_| {}).await;
    let tables = prepared(database.options()).await;
    tables.prepare().await.unwrap();
    let clock = Arc::new(tollgate::app::clock::SystemClock::new());
    let cards = Arc::new(super::workers::Cards::default());
    let test_clock = crate::store::clock::TestClock::default();
    for number in 0..100 {
        cards.issue(&test_clock, &format!("card-{number}"));
    }
    assert!(cards.card(&token("card-7")).await.unwrap().is_some());
    let ingest = Ingest::new(IngestParts {
        raw,
        processed: tables.clone(),
        facts: cards,
        history: tables,
        faults: Arc::default(),
        clock,
        settings: IngestSettings {
            queue_max: 8_192,
            accept_max: Duration::from_secs(10),
            batch_max: 500,
            lease: Duration::from_secs(30),
            attempts_max: 4,
            retry: Duration::from_secs(1),
            poll: Duration::from_millis(200),
        },
    });
    tokio::spawn(ingest.clone().keep_for_ever());
    let workers: Vec<_> =
        (0..2).map(|_| tokio::spawn(ingest.clone().work_until_stopped())).collect();
    let records: Arc<Vec<Record>> = Arc::new(
        (0..RECORDS)
            .map(|n| record(&format!("t-{n}"), &format!("card-{}", n % 100), 1 + n as i64))
            .collect(),
    );
    let began = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (ingest, records) = (ingest.clone(), records.clone());
            tokio::spawn(async move {
                for record in records.iter().skip(caller).step_by(CALLERS) {
                    ingest.accept(record.clone()).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let accepted = began.elapsed();
    while ingest.stats().processed < RECORDS as u64 {
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", ingest.stats());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let processed = began.elapsed();
    ingest.stop();
    for worker in workers {
        worker.await.unwrap();
    }
    let stats = ingest.stats();
    let rate = |took: Duration| RECORDS as f64 / took.as_secs_f64();
    println!(
        "accepted {:.0}/s in {} writes, processed {:.0}/s, the last {:.0} ms after it was accepted",
        rate(accepted),
        stats.writes,
        rate(processed),
        (processed - accepted).as_secs_f64() * 1e3,
    );
    assert_eq!((stats.accepted, stats.parked, stats.retried), (RECORDS as u64, 0, 0));
    // On an idle machine it is ten times as much; with three builds beside it, not always.
    assert!(rate(accepted) > 300.0 && processed - accepted < Duration::from_secs(10));
}
