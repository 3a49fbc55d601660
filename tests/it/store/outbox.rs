//! The outbox as relays use it: leased by shard, read in order, emptied row by row.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tollgate::domain::clock::Clock;
use tollgate::domain::party::{Card, CardStatus};
use tollgate::domain::policy::Scope;
use tollgate::domain::time::Window;
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

fn told(rows: &[Waiting]) -> Vec<(String, serde_json::Value)> {
    let payload = |row: &Waiting| serde_json::from_str(row.event.payload.get()).unwrap();
    rows.iter().map(|row| (row.event.kind.clone(), payload(row))).collect()
}

pub async fn cards_and_users_are_told_of(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let mut rows = subject.waiting().await;
    rows.sort_by(|one, other| other.event.kind.cmp(&one.event.kind));
    let both = told(&rows);
    let kinds: Vec<&str> = both.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["user.created", "card.issued"]);
    assert_eq!(both[0].1["user"], program.user.id.to_string());
    assert_eq!(both[1].1["account"], program.account.to_string());
    let all = format!("{both:?}");
    assert!(!all.contains("Zo") && !all.contains("Hara"), "{all}");
    subject.empty_the_outbox().await;

    let mut card = program.card.clone();
    let mut change = async |status: CardStatus| {
        card = Card { status, version: card.version + 1, ..card.clone() };
        subject.resources.update_card(card.clone()).await.unwrap();
    };
    change(CardStatus::Suspended).await;
    change(CardStatus::Suspended).await; // something else has changed
    change(CardStatus::Active).await;
    let changes = told(&subject.waiting().await);
    let states: Vec<_> = changes.iter().map(|(_, told)| (&told["from"], &told["to"])).collect();
    assert_eq!(
        states,
        [(&json!("ACTIVE"), &json!("SUSPENDED")), (&json!("SUSPENDED"), &json!("ACTIVE"))]
    );
    assert!(changes.iter().all(|(kind, _)| kind == "card.state_changed"));
    // What is not written is not told.
    let stale = Card { status: CardStatus::Terminated, ..program.card.clone() };
    subject.resources.update_card(stale).await.unwrap_err();
    subject.resources.insert_user(program.user.clone()).await.unwrap_err();
    assert_eq!(subject.outbox.depth().await.unwrap(), 2);
    let ids: BTreeSet<_> =
        subject.waiting().await.iter().map(|row| row.event.id.to_string()).collect();
    assert_eq!(ids.len(), 2);
}

pub async fn a_limit_that_is_used_up_is_told_of(subject: &Subject) {
    let program = subject.program("acme", 1000_00).await;
    let limit = subject.limit(Scope::Card(program.card.id), Window::Day, 20_00);
    subject.resources.insert_limit(limit.clone()).await.unwrap();
    subject.empty_the_outbox().await;
    for (name, minor) in [("some", 15_00), ("all", 5_00), ("more", 1_00)] {
        subject.decide(purchase(name, "acme-card", minor)).await;
    }
    let told = told(&subject.waiting().await);
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    let expected = [
        "authorization.approved",
        "authorization.approved",
        "limit.reached",
        "authorization.declined",
        "limit.reached",
    ];
    assert_eq!(kinds, expected);
    let [used_up, declined] = [&told[2].1, &told[4].1];
    assert_eq!((&used_up["declined"], &used_up["used"]), (&json!(false), &json!(15_00)));
    assert_eq!((&used_up["asked"], &used_up["max"]), (&json!(5_00), &json!(20_00)));
    assert_eq!(used_up["limit"], limit.id.to_string());
    assert_eq!((&declined["declined"], &declined["used"]), (&json!(true), &json!(20_00)));
    assert_eq!(declined["check"], "limit.day.amount");
}

pub async fn a_balance_at_the_end_of_its_range_is_told_of(subject: &Subject) {
    let program = subject.program("acme", i64::MAX).await;
    subject.empty_the_outbox().await;
    for (name, minor) in [("nearly-all", i64::MAX - 1_00), ("more", 1_01)] {
        subject.decide(purchase(name, "acme-card", minor)).await;
    }
    let told = told(&subject.waiting().await);
    let kinds: Vec<&str> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    let expected = ["authorization.approved", "authorization.declined", "alert.balance_range"];
    assert_eq!(kinds, expected);
    assert_eq!(told[1].1["refusal"]["code"], "funds.overflow");
    assert_eq!(told[1].1["refusal"]["reason"], "AMOUNT_LIMIT_EXCEEDED");
    assert_eq!(told[2].1["account"], program.account.to_string());
    assert_eq!(told[2].1["authorization"], told[1].1["authorization"]);
}
