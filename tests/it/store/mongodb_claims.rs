//! Batches on MongoDB that claim their wallets first, and those that only write them last.

use std::time::Duration;

use tollgate::domain::policy::{LimitMode, Scope};
use tollgate::domain::standing::Rules;
use tollgate::domain::time::Window;
use tollgate::ledger;
use tollgate::ledger::intent::Intent;
use tollgate::ledger::wanted::Wanted;
use tollgate::store::{MoneyTxn, StoreError};

use super::mongodb::{Corner, claiming_for};
use super::subject::{Subject, purchase};

/// For how long after a conflict wallets are claimed here.
const CLAIMS: Duration = Duration::from_millis(500);

/// A batch that has decided about this, and is not committed.
async fn judged(subject: &Subject, intent: &Intent) -> Result<Box<dyn MoneyTxn>, StoreError> {
    let mut intents = [intent.clone()];
    let mut txn = subject.home.begin(&Wanted::by(&intents)).await?;
    txn.refresh_stale_facts(&mut intents).await?;
    ledger::apply(txn.books(), intent, &Rules::default());
    Ok(txn)
}

fn is_conflict<T>(done: &Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::Conflict(_)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn of_two_batches_with_one_wallet_the_second_is_a_conflict_though_neither_changes_it() {
    let corner = Corner::new();
    let subject = claiming_for(&corner, Duration::ZERO).await;
    subject.program("acme", 0).await;
    let declined = [
        subject.request(purchase("t1", "acme-card", 1_00)).await,
        subject.request(purchase("t2", "acme-card", 1_00)).await,
    ];
    let first = judged(&subject, &declined[0]).await.unwrap();
    let second = judged(&subject, &declined[1]).await.unwrap();
    first.commit().await.unwrap();
    let second = second.commit().await;
    assert!(is_conflict(&second), "{second:?}");
    judged(&subject, &declined[1]).await.unwrap().commit().await.unwrap();
    subject.assert_adds_up().await;
}

/// What the batch has not counted is not lost to the pool.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_batch_that_a_new_pool_has_overtaken_is_a_conflict() {
    let corner = Corner::new();
    let subject = claiming_for(&corner, Duration::ZERO).await;
    let program = subject.program("acme", 1_000_00).await;
    let request = subject.request(purchase("t1", "acme-card", 6_00)).await;
    let overtaken = judged(&subject, &request).await.unwrap();
    let mut pool = subject.limit(Scope::User(program.user.id), Window::Day, 10_00);
    pool.mode = LimitMode::Pool;
    subject.resources.insert_limit(pool).await.unwrap();
    let overtaken = overtaken.commit().await;
    assert!(is_conflict(&overtaken), "{overtaken:?}");
    subject.approve(purchase("t2", "acme-card", 6_00)).await;
    let over = subject.request(purchase("t3", "acme-card", 6_00)).await;
    subject.settle(&mut [over]).await.unwrap();
    assert_eq!(subject.balance(program.account).await, [1_000_00, 0, 6_00, 0]);
    subject.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn for_a_while_after_a_conflict_wallets_are_claimed_first() {
    let corner = Corner::new();
    let subject = claiming_for(&corner, CLAIMS).await;
    let program = subject.program("acme", 1_000_00).await;
    let mut requests = Vec::new();
    for number in 0..4 {
        requests.push(subject.request(purchase(&format!("t{number}"), "acme-card", 1_00)).await);
    }
    tokio::time::sleep(CLAIMS).await; // it has begun claiming
    let first = judged(&subject, &requests[0]).await.unwrap();
    let second = judged(&subject, &requests[1]).await.expect("nobody has claimed");
    first.commit().await.unwrap();
    assert!(is_conflict(&second.commit().await));
    let claimed = judged(&subject, &requests[2]).await.unwrap();
    assert!(is_conflict(&judged(&subject, &requests[3]).await), "before any work");
    claimed.commit().await.unwrap();
    assert_eq!(subject.balance(program.account).await, [1_000_00, 0, 2_00, 0]);
    subject.assert_adds_up().await;
}
