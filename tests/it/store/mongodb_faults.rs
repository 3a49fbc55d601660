//! MongoDB fails in every step, is raced by two instances, and loses its callers.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Document, doc};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tollgate::domain::decision::Decision;
use tollgate::domain::id::AccountId;
use tollgate::domain::party::{Card, CardStatus};
use tollgate::domain::standing::Rules;
use tollgate::ledger;
use tollgate::ledger::intent::{Intent, Outcome};
use tollgate::ledger::wanted::Wanted;
use tollgate::store::StoreError;

use super::cancelled::cut_after;
use super::clock::TestClock;
use super::mongodb::{Corner, store, subject};
use super::subject::{Subject, purchase, token};
use crate::support::servers;

/// How many begins must have been cancelled, each after one of so many times, of how many at most.
const CANCELLED: u32 = 1_000;
const MOMENTS: u64 = 200;
const BEGINS_MAX: u64 = 20_000;

/// A store whose lanes only this test's faults meet.
async fn alone(corner: &Corner, batch: Duration) -> (Subject, String) {
    let clock = Arc::new(TestClock::beside_a_server());
    let app_name = servers::unique();
    let store = store(corner, |options| {
        options.time_offset_us = clock.offset();
        options.app_name = app_name.clone();
        options.batch = batch;
    });
    (subject(corner, store.await, clock), format!("{app_name}-lanes"))
}

/// Makes the server fail these commands of this client.
async fn fail(corner: &Corner, app_name: &str, times: i32, command: &str, how: Document) {
    let mut data = doc! { "failCommands": [command], "appName": app_name };
    data.extend(how);
    let mode = doc! { "times": times };
    corner.admin(doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data }).await;
}

async fn heal(corner: &Corner) {
    corner.admin(doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
}

/// Settles without a second attempt at anything.
async fn once(subject: &Subject, intent: &Intent) -> Result<(), StoreError> {
    let mut intents = [intent.clone()];
    let mut txn = subject.home.begin(&Wanted::by(&intents)).await?;
    txn.refresh_stale_facts(&mut intents).await?;
    ledger::apply(txn.books(), intent, &Rules::default());
    txn.commit().await
}

/// Settles as a lane does: again after a conflict, and once the server is found again.
async fn settle(subject: &Subject, intent: &Intent) -> Arc<Decision> {
    for _ in 0..1_000 {
        match subject.settle(&mut [intent.clone()]).await {
            Ok(mut outcomes) => {
                let Outcome::Decided(decision) = outcomes.remove(0) else { panic!("no decision") };
                return decision;
            }
            Err(error @ StoreError::Failed(_)) => panic!("{error:?}"),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("never settled");
}

/// One test: the server has one such fault at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn faults_are_told_as_what_they_are_and_leave_nothing_behind() {
    let corner = Corner::new();
    let (subject, lanes) = alone(&corner, Duration::from_secs(2)).await;
    let program = subject.program("wren", 1_000_000_00).await;
    let mut held = 0;
    // A step fails: nothing of the batch stays, and it can be run again.
    let labels = doc! { "errorLabels": ["TransientTransactionError"] };
    for command in ["update", "aggregate", "insert", "commitTransaction"] {
        for code in [112, 239, 251, 262] {
            let name = format!("{command}-{code}");
            let intent = subject.request(purchase(&name, "wren-card", 1_00)).await;
            let mut how = doc! { "errorCode": code };
            if code != 239 && code != 262 {
                how.extend(labels.clone());
            }
            fail(&corner, &lanes, 1, command, how).await;
            let failed = once(&subject, &intent).await;
            heal(&corner).await;
            // The driver itself repeats a commit that took too long.
            let repeated = command == "commitTransaction" && code == 262 && failed.is_ok();
            let told = matches!(failed, Err(StoreError::Conflict(_)));
            assert!(told || repeated, "{name}: {failed:?}");
            assert_eq!(settle(&subject, &intent).await.refusal, None);
            held += 1_00;
        }
    }
    let closed = doc! { "closeConnection": true };
    for command in ["update", "aggregate", "insert"] {
        let intent =
            subject.request(purchase(&format!("{command}-closed"), "wren-card", 1_00)).await;
        fail(&corner, &lanes, 1, command, closed.clone()).await;
        let failed = once(&subject, &intent).await;
        heal(&corner).await;
        assert!(matches!(failed, Err(StoreError::Unavailable(_))), "{command}: {failed:?}");
        settle(&subject, &intent).await;
        held += 1_00;
    }
    assert_eq!(subject.balance(program.account).await[2], held);
    held = lost_acknowledgements(&corner, &subject, &lanes, program.account, held).await;
    assert_eq!(subject.balance(program.account).await[2], held);
    silence(&corner, program.card).await;
    subject.assert_adds_up().await;
}

/// The commit takes effect, and says that it does not know: it is repeated, a few times.
async fn lost_acknowledgements(
    corner: &Corner,
    subject: &Subject,
    lanes: &str,
    account: AccountId,
    mut held: i64,
) -> i64 {
    let unsure = doc! { "writeConcernError": { "code": 64, "errmsg": "lost" } };
    for (name, times, known) in [("once", 1, true), ("often", 100, false)] {
        let intent = subject.request(purchase(name, "wren-card", 1_00)).await;
        fail(corner, lanes, times, "commitTransaction", unsure.clone()).await;
        let settled = once(subject, &intent).await;
        heal(corner).await;
        if known {
            assert!(settled.is_ok(), "{name}: {settled:?}");
        } else {
            assert!(matches!(settled, Err(StoreError::OutcomeUnknown(_))), "{name}: {settled:?}");
        }
        held += 1_00;
        let again = settle(subject, &intent).await;
        assert_eq!((again.refusal.clone(), again.authorization), (None, intent.authorization_id()));
        assert_eq!(subject.balance(account).await[2], held, "{name}: answered from its row");
    }
    held
}

/// A server that takes calls and does not answer is waited for no longer than a call may take.
async fn silence(corner: &Corner, card: Card) {
    const CALL: Duration = Duration::from_millis(500);
    let app_name = servers::unique();
    let store = store(corner, |options| {
        options.app_name = app_name.clone();
        options.call = CALL;
    });
    let subject = subject(corner, store.await, Arc::new(TestClock::beside_a_server()));
    let wren = token("wren-card");
    assert!(subject.facts.card(&wren).await.unwrap().is_some());
    // To heal waits until it is over.
    let silent = doc! { "blockConnection": true, "blockTimeMS": 2_500 };
    fail(corner, &app_name, 100, "aggregate", silent).await;
    let asked = Instant::now();
    let read = subject.facts.card(&wren).await;
    let changed = Card { status: CardStatus::Suspended, version: card.version + 1, ..card };
    let written = subject.resources.update_card(changed).await;
    let took = asked.elapsed();
    heal(corner).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(matches!(written, Err(StoreError::Unavailable(_))), "{written:?}");
    assert!((CALL * 2..CALL * 5).contains(&took), "two calls took {took:?}");
    assert!(subject.facts.card(&wren).await.unwrap().is_some(), "it answers again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_batch_that_hangs_is_killed_and_its_wallets_are_free() {
    let corner = Corner::new();
    let (subject, _) = alone(&corner, Duration::from_millis(700)).await;
    let program = subject.program("wren", 1_000_00).await;
    let intent = subject.request(purchase("t1", "wren-card", 1_00)).await;
    let wanted = Wanted::by(std::slice::from_ref(&intent));
    let mut txn = subject.home.begin(&wanted).await.unwrap();
    ledger::apply(txn.books(), &intent, &Rules::default());
    tokio::time::sleep(Duration::from_millis(750)).await; // past its time: as if a statement hung
    let started = Instant::now();
    let late = txn.commit().await;
    assert!(matches!(late, Err(StoreError::OutcomeUnknown(_))), "{late:?}");
    let decision = settle(&subject, &intent).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(decision.refusal, None);
    assert_eq!(subject.balance(program.account).await[2], 1_00);
    subject.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_thousand_cancelled_begins_leave_no_transaction_open_and_lose_nothing() {
    let corner = Corner::new();
    let (subject, lanes) = alone(&corner, Duration::from_secs(2)).await;
    let program = subject.program("wren", 1_000_00).await;
    let wanted = Wanted { accounts: [program.account].into(), ..Wanted::default() };
    let (mut gone, mut number, mut acknowledged) = (0, 0, Vec::new());
    while gone < CANCELLED {
        assert!(number < BEGINS_MAX, "only {gone} were cancelled");
        number += 1;
        let after = Duration::from_micros(20 + number % MOMENTS * 20);
        match cut_after(subject.home.begin(&wanted), after).await {
            None => gone += 1,
            // What went away before still has the wallet.
            Some(Ok(_) | Err(StoreError::Conflict(_))) => {}
            Some(Err(error)) => panic!("{error:?}"),
        }
        let user = subject.user(None, &format!("u{number}"));
        let id = user.id;
        if let Some(written) = cut_after(subject.resources.insert_user(user), after).await {
            written.unwrap();
            acknowledged.push(id);
        }
    }
    let database = corner.database().await;
    let admin = database.client().database("admin");
    let mut open = usize::MAX;
    for _ in 0..30 {
        let pipeline = [
            doc! { "$currentOp": { "allUsers": true, "idleSessions": true, "idleConnections": false } },
            doc! { "$match": { "appName": &lanes, "transaction": { "$exists": true } } },
        ];
        let mut cursor = admin.aggregate(pipeline).await.unwrap();
        open = 0;
        while cursor.advance().await.unwrap() {
            open += 1;
        }
        if open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(open, 0);
    for number in 0..50 {
        subject.approve(purchase(&format!("t{number}"), "wren-card", 1_00)).await;
        let user = subject.user(None, &format!("v{number}"));
        acknowledged.push(user.id);
        subject.resources.insert_user(user).await.unwrap();
    }
    for id in acknowledged {
        assert!(subject.resources.user_record(id).await.unwrap().is_some(), "{id}");
    }
    assert_eq!(subject.balance(program.account).await, [1_000_00, 0, 50_00, 0]);
    subject.assert_adds_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn two_instances_racing_on_one_wallet_neither_overdraw_nor_decline_falsely() {
    const CALLERS: usize = 64;
    let corner = Corner::new();
    let clock = Arc::new(TestClock::beside_a_server());
    let mut instances = Vec::new();
    for _ in 0..2 {
        let store = store(&corner, |options| options.time_offset_us = clock.offset()).await;
        // Within an instance a wallet has one lane.
        let lane = Arc::new(Mutex::new(()));
        instances.push((Arc::new(subject(&corner, store, clock.clone())), lane));
    }
    let granted = i64::try_from(CALLERS / 2).unwrap() * 1_00;
    let program = instances[0].0.program("wren", granted).await;
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let (subject, lane) = instances[number % instances.len()].clone();
        callers.push(tokio::spawn(async move {
            let intent = subject.request(purchase(&format!("t{number}"), "wren-card", 1_00)).await;
            let _turn = lane.lock().await;
            settle(&subject, &intent).await.approved()
        }));
    }
    let mut approved = 0;
    for caller in callers {
        approved += usize::from(caller.await.unwrap());
    }
    assert_eq!(approved, CALLERS / 2);
    assert_eq!(instances[0].0.balance(program.account).await, [granted, 0, granted, 0]);
    instances[0].0.assert_adds_up().await;
}
