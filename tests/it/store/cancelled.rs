//! Callers go away in the middle of everything; nothing stays open, and nothing acknowledged is lost.

use std::sync::Arc;
use std::time::Duration;

use tollgate::domain::clock::Clock;
use tollgate::domain::id::UserId;
use tollgate::domain::standing::Rules;
use tollgate::ledger;
use tollgate::ledger::intent::Outcome;
use tollgate::ledger::wanted::Wanted;

use super::subject::{Subject, purchase};

/// How often each caller goes away, each time at another moment.
const TRIES: u64 = 150;

pub async fn a_dropped_begin_leaves_nothing_behind(subject: &Subject) {
    let program = subject.program("acme", 1_000_000_00).await;
    let mut finished = 0_u64;
    for number in 0..TRIES {
        let intents = [subject.request(purchase("never", "acme-card", 1_00)).await];
        let wanted = Wanted::by(&intents);
        let patience = Duration::from_micros(number * 7 % 1_000);
        finished +=
            u64::from(tokio::time::timeout(patience, subject.home.begin(&wanted)).await.is_ok());
        // The next write must be committed on its own, and be there for others to see.
        let user = subject.user(Some(program.company.id), &format!("u{number}"));
        let id = user.id;
        subject.resources.insert_user(user).await.unwrap();
        assert!(subject.resources.user_record(id).await.unwrap().is_some(), "try {number}");
    }
    assert!(finished < TRIES, "some were cut short");
    assert_eq!(subject.balance(program.company.account).await, [1_000_000_00, 0, 0, 0]);
    subject.approve(purchase("after", "acme-card", 1_00)).await;
    subject.assert_adds_up().await;
}

pub async fn a_dropped_transaction_is_rolled_back(subject: &Subject) {
    let program = subject.program("acme", 1_000_000_00).await;
    let mut acknowledged = 0;
    for number in 0..TRIES {
        let name = format!("t{number}");
        let intents = [subject.request(purchase(&name, "acme-card", 1_00)).await];
        let settle = async {
            let mut txn = subject.home.begin(&Wanted::by(&intents)).await.unwrap();
            let outcome = ledger::apply(txn.books(), &intents[0], &Rules::default());
            assert!(matches!(outcome, Outcome::Decided(_)));
            if number % 3 == 0 {
                return false; // dropped after it was judged
            }
            txn.commit().await.unwrap();
            true
        };
        let patience = Duration::from_micros(number * 13 % 2_000);
        let settled = tokio::time::timeout(patience, settle).await;
        acknowledged += i64::from(settled == Ok(true));
        let id = intents[0].authorization_id();
        let stored = subject.history.chain(id).await.unwrap().is_some();
        assert!(stored || settled != Ok(true), "try {number} was acknowledged");
        assert!(!(stored && settled == Ok(false)), "try {number} was dropped");
    }
    let [_, _, held, _] = subject.balance(program.company.account).await;
    assert!(held >= acknowledged * 1_00, "{held} for {acknowledged}");
    subject.approve(purchase("after", "acme-card", 1_00)).await;
    subject.assert_adds_up().await;
}

pub async fn writers_and_lanes_side_by_side_lose_nothing(subject: &Subject) {
    const EACH: usize = 60;
    let program = Arc::new(subject.program("acme", 1_000_000_00).await);
    let mut writers = Vec::new();
    for writer in 0..4 {
        let resources = Arc::clone(&subject.resources);
        let company = program.company.id;
        let users: Vec<_> = (0..EACH)
            .map(|number| subject.user(Some(company), &format!("w{writer}-{number}")))
            .collect();
        writers.push(tokio::spawn(async move {
            let mut written: Vec<UserId> = Vec::new();
            for mut user in users {
                written.push(user.id);
                resources.insert_user(user.clone()).await.unwrap();
                assert!(resources.insert_user(user.clone()).await.is_err(), "taken");
                user.version = 2;
                resources.update_user(user).await.unwrap();
            }
            written
        }));
    }
    for number in 0..EACH {
        subject.approve(purchase(&format!("t{number}"), "acme-card", 1_00)).await;
        subject.clock.uuid();
    }
    for writer in writers {
        for id in writer.await.unwrap() {
            let user = subject.resources.user_record(id).await.unwrap();
            assert_eq!(user.map(|user| user.version), Some(2));
        }
    }
    let held = i64::try_from(EACH).unwrap() * 1_00;
    assert_eq!(subject.balance(program.company.account).await, [1_000_000_00, 0, held, 0]);
    subject.assert_adds_up().await;
}
