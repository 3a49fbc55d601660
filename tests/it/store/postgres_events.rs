//! What is not stored twice on PostgreSQL is read back as it was told.

use std::sync::Arc;

use tollgate::domain::event::Event;
use tollgate::domain::standing::Rules;
use tollgate::ledger;
use tollgate::ledger::intent::Intent;
use tollgate::ledger::wanted::Wanted;

use super::clock::TestClock;
use super::postgres::subject;
use super::postgres_database::{Database, run};
use super::subject::{Subject, purchase, token, void_of};

/// Settles a batch, and hands back what the judge told.
async fn told(subject: &Subject, intents: &[Intent]) -> Vec<Event> {
    let mut txn = subject.begin(&Wanted::by(intents)).await.unwrap();
    for intent in intents {
        ledger::apply(txn.books(), intent, &Rules::default());
    }
    let events = txn.books().changes().events.to_vec();
    txn.commit().await.unwrap();
    events
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn events_are_read_as_they_were_told() {
    let database = Database::migrated().await;
    let one = subject(database.options(), Arc::new(TestClock::beside_a_server())).await;
    one.program("acme", 100_00).await;
    one.empty_the_outbox().await;
    // Spellings of a UUID that are different tokens, one as long as a packed one, and the longest.
    let names = [
        "5f0e6a52-91c7-4d0b-8d55-0a1b2c3d4e01",
        "5F0E6A52-91C7-4D0B-8D55-0A1B2C3D4E01",
        "5f0e6a5291c74d0b8d550a1b2c3d4e01",
        "seventeen-letters",
        "a",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ];
    let mut batch = Vec::new();
    for name in names {
        batch.push(one.request(purchase(name, "acme-card", 1_00)).await);
    }
    batch.push(one.request(purchase("dear", "acme-card", 1_000_00)).await);
    batch.push(one.request(purchase("lost", "no-such-card", 1_00)).await);
    let mut events = told(&one, &batch).await;
    assert_eq!(events.len(), names.len() + 2, "each is a purchase of its own");
    // A void overturns the first one's authorization, and not what was told of it.
    let void = one.intent(batch[0].facts.clone(), void_of(names[0], batch[0].authorization_id()));
    events.extend(told(&one, &[void]).await);

    let mut read = one.shards.oldest(0..=15, 100).await.unwrap();
    read.sort_by_key(|row| row.place.order);
    assert_eq!(read.len(), events.len());
    for (told, read) in events.iter().zip(&read) {
        let read = &read.event;
        assert_eq!((told.id, &told.kind, told.version), (read.id, &read.kind, read.version));
        assert_eq!((&told.key, told.at), (&read.key, read.at));
        assert_eq!(told.payload.get(), read.payload.get(), "to the letter");
    }
    // Repeats are answered from their own rows.
    for name in &names[1..] {
        let decision = one.decide(purchase(name, "acme-card", 1_00)).await;
        assert!(decision.repeated && decision.token == token(name), "{decision:?}");
    }
    one.assert_adds_up().await;
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn an_event_whose_decision_was_deleted_by_hand_is_named() {
    let database = Database::migrated().await;
    let one = subject(database.options(), Arc::new(TestClock::beside_a_server())).await;
    one.program("acme", 100_00).await;
    one.empty_the_outbox().await;
    let batch = [one.request(purchase("a", "acme-card", 1_00)).await];
    let events = told(&one, &batch).await;
    run(&mut database.connect().await, "delete from authorizations").await;
    let error = one.shards.oldest(0..=15, 100).await.unwrap_err();
    let cause = error.cause().to_string();
    assert!(cause.contains(&events[0].id.to_string()), "{cause}");
}

/// As an old release sees the words of the next one.
#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn an_event_with_a_word_that_nobody_knows_is_kept_with_all_of_its_decision() {
    let database = Database::migrated().await;
    let one = subject(database.options(), Arc::new(TestClock::beside_a_server())).await;
    one.program("acme", 100_00).await;
    one.empty_the_outbox().await;
    let batch = [one.request(purchase("tomorrows", "acme-card", 1_23)).await];
    told(&one, &batch).await;
    run(&mut database.connect().await, "update authorizations set operation = 'foretell'").await;
    let sifted = one.shards.sift(0..=15, 100).await.unwrap();
    let [unreadable] = &sifted.unreadable[..] else { panic!("{sifted:?}") };
    let row: serde_json::Value = serde_json::from_str(&unreadable.row).unwrap();
    assert_eq!(row["token"], "tomorrows");
    assert_eq!(row["operation"], "foretell");
    assert_eq!(row["amount"], 1_23);
    assert_eq!(row["held"], 1_23);
    let (card, account) = (row["card_id"].as_str(), row["account_id"].as_str());
    assert!(card.is_some() && account.is_some(), "{row}");
}
