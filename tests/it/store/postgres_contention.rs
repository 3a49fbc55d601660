//! Two instances on one PostgreSQL database, and a holder that has stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::clock::TestClock;
use super::contended;
use super::postgres::subject;
use super::postgres_database::{Database, run};
use super::subject::{Subject, purchase};
use tollgate::ledger::wanted::Wanted;
use tollgate::store::StoreError;

async fn two() -> (Arc<Subject>, Arc<Subject>, Database) {
    let database = Database::migrated().await;
    let clock = Arc::new(TestClock::beside_a_server());
    let mut options = database.options();
    options.lanes = 8;
    let one = subject(options.clone(), Arc::clone(&clock)).await;
    let two = subject(options, clock).await;
    (Arc::new(one), Arc::new(two), database)
}

contended!(#[ignore = "needs servers: scripts/test"] two; racers_spend_what_is_there_and_no_more);

/// Someone has locked an account and goes no further. Who wants it is told soon; others go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_stopped_holder_delays_only_its_own_account() {
    let (one, _, database) = two().await;
    let program = one.program("acme", 100_00).await;
    one.program("other", 100_00).await;
    let mut holder = database.connect().await;
    let lock =
        format!("select id from accounts where id = '{}' for update", program.account.uuid());
    run(&mut holder, format!("begin; {lock}")).await;
    let wanted = Wanted::by(&[one.request(purchase("t1", "acme-card", 1_00)).await]);
    let started = Instant::now();
    let stuck = one.home.begin(&wanted).await.err();
    let waited = started.elapsed();
    assert!(matches!(stuck, Some(StoreError::Conflict(_))), "{stuck:?}");
    assert!(waited < Duration::from_millis(600), "{waited:?}");
    one.approve(purchase("t2", "other-card", 1_00)).await;
    run(&mut holder, "rollback").await;
    one.approve(purchase("t3", "acme-card", 1_00)).await;
    one.assert_adds_up().await;
}
