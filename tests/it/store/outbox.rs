//! The outbox as relays use it: leased by shard, read in order, emptied row by row.

use std::collections::BTreeSet;
use std::time::Duration;

use tollgate::domain::clock::Clock;
use tollgate::store::outbox::Waiting;
use tollgate::store::shards::Shards;

use super::subject::{Subject, purchase};

const LEASE: Duration = Duration::from_secs(10);

impl Subject {
    /// Everything that waits.
    pub async fn waiting(&self) -> Vec<Waiting> {
        self.shards.oldest(0..=15, 1_000).await.unwrap()
    }

    /// Takes away what the set-up has told.
    pub async fn empty_the_outbox(&self) {
        self.shards.remove(self.waiting().await).await.unwrap();
    }
}

fn tokens(rows: &[Waiting]) -> Vec<String> {
    let token = |row: &Waiting| {
        let payload: serde_json::Value = serde_json::from_str(row.event.payload.get()).unwrap();
        payload["token"].as_str().unwrap_or_default().to_owned()
    };
    rows.iter().map(token).collect()
}

pub async fn events_are_read_in_order_and_removed_one_by_one(subject: &Subject) {
    subject.program("acme", 1000_00).await;
    subject.empty_the_outbox().await;
    for name in ["t1", "t2", "t3", "t4"] {
        subject.approve(purchase(name, "acme-card", 1_00)).await;
    }
    let rows = subject.waiting().await;
    assert_eq!(tokens(&rows), ["t1", "t2", "t3", "t4"]);
    assert_eq!(rows.iter().map(|row| row.place.shard).collect::<BTreeSet<_>>().len(), 1);
    let places: Vec<_> = rows.iter().map(|row| row.place).collect();
    assert!(places.is_sorted_by(|one, other| one < other), "{places:?}");
    let first = subject.shards.oldest(0..=15, 2).await.unwrap();
    assert_eq!(tokens(&first), ["t1", "t2"]);
    // What was not confirmed stays, whatever is removed around it.
    subject.shards.remove(vec![rows[0].clone(), rows[2].clone()]).await.unwrap();
    assert_eq!(tokens(&subject.waiting().await), ["t2", "t4"]);
    assert_eq!(subject.outbox.depth().await.unwrap(), 2);
    assert_eq!(subject.outbox.oldest_at().await.unwrap(), Some(rows[1].event.at));
    subject.shards.remove(rows).await.unwrap();
    assert_eq!((subject.outbox.depth().await.unwrap(), subject.waiting().await.len()), (0, 0));
    assert_eq!(subject.outbox.oldest_at().await.unwrap(), None);
}

pub async fn an_event_is_read_as_it_was_told(subject: &Subject) {
    subject.program("acme", 1000_00).await;
    subject.empty_the_outbox().await;
    let made = subject.approve(purchase("t1", "acme-card", 1_00)).await;
    let rows = subject.waiting().await;
    let event = &rows[0].event;
    assert_eq!(
        (event.kind.as_str(), event.version, event.at),
        ("authorization.approved", 1, made.at)
    );
    assert_eq!(event.key, made.account.unwrap().to_string());
    let payload: serde_json::Value = serde_json::from_str(event.payload.get()).unwrap();
    assert_eq!(payload["authorization"], made.id.to_string());
    assert_eq!(payload["amount"], serde_json::json!({"amount": 1_00, "currency": "USD"}));
}

/// Ids are drawn before anything is locked.
pub async fn events_of_a_key_stand_in_the_order_of_their_commits(subject: &Subject) {
    subject.program("acme", 1000_00).await;
    subject.empty_the_outbox().await;
    let early = subject.request(purchase("drawn-first", "acme-card", 1_00)).await;
    let late = subject.request(purchase("drawn-last", "acme-card", 1_00)).await;
    assert!(early.uuid < late.uuid);
    subject.settle_one(late).await;
    subject.settle_one(early).await;
    assert_eq!(tokens(&subject.waiting().await), ["drawn-last", "drawn-first"]);
}

pub async fn relays_share_the_shards_and_inherit_them(subject: &Subject) {
    let [one, other] = [subject.clock.uuid(), subject.clock.uuid()];
    let shards = &subject.shards;
    assert_eq!(shards.lease(one, LEASE).await.unwrap(), Shards::ALL);
    assert_eq!(shards.lease(other, LEASE).await.unwrap(), Shards::NONE);
    let mine = shards.lease(one, LEASE).await.unwrap();
    let theirs = shards.lease(other, LEASE).await.unwrap();
    assert_eq!((mine.len(), theirs.len()), (8, 8));
    assert!((0..16).all(|shard| mine.contains(shard) != theirs.contains(shard)));
    shards.release(other).await.unwrap();
    assert_eq!(shards.lease(one, LEASE).await.unwrap(), Shards::ALL);
    // One that dies is believed alive until its time is over, by the store's clock.
    subject.clock.pass(8_000_000);
    assert_eq!(shards.lease(other, LEASE).await.unwrap(), Shards::NONE);
    subject.clock.pass(3_000_000);
    assert_eq!(shards.lease(other, LEASE).await.unwrap(), Shards::ALL);
}

pub async fn leases_asked_for_at_once_never_overlap(subject: &Subject) {
    let relays: Vec<_> = (0..6).map(|_| subject.clock.uuid()).collect();
    for _ in 0..4 {
        let asked = relays.iter().map(|relay| subject.shards.lease(*relay, LEASE));
        futures_util::future::join_all(asked).await.into_iter().for_each(|leased| {
            leased.unwrap();
        });
    }
    let asked = relays.iter().map(|relay| subject.shards.lease(*relay, LEASE));
    let leased: Vec<Shards> =
        futures_util::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
    for shard in 0..16 {
        let holders = leased.iter().filter(|shards| shards.contains(shard)).count();
        assert_eq!(holders, 1, "shard {shard} of {leased:?}");
    }
}
