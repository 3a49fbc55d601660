//! Notifications: kept once, handed out to one worker at a time, forgotten when they are done and old.

use std::sync::Arc;

use tollgate::domain::clock::Clock;
use tollgate::domain::decision::Fingerprint;
use tollgate::domain::id::EventId;
use tollgate::domain::time::Timestamp;
use tollgate::domain::webhook::{Kept, NewWebhook, Sealed, WebhookEnd, WebhookStatus};
use tollgate::store::webhooks::{Claim, WebhookEvents, Which};

use super::clock::TestClock;

/// A store, and the clock that it goes by.
struct Subject {
    events: Arc<dyn WebhookEvents>,
    clock: Arc<TestClock>,
    _cleanup: Box<dyn std::any::Any>,
}

impl Subject {
    fn event(&self, key: &str) -> NewWebhook {
        let now = self.clock.now();
        NewWebhook {
            id: EventId::new(self.clock.uuid()),
            key: key.to_owned(),
            fingerprint: Fingerprint::of(&[key]),
            family: "transactions",
            token: "a".parse().ok(),
            kind: Some("authorization".to_owned()),
            subject: None,
            event_at: None,
            received_at: now,
            status: WebhookStatus::Received,
            reason: None,
            due_at: Some(now.plus_micros(-1)),
            body: Sealed { key_id: "k1".to_owned(), bytes: vec![0, 1, 2, 0xff] },
        }
    }

    async fn claim(&self, which: Which, lease_us: i64) -> Vec<EventId> {
        let key_ids = vec!["k1".to_owned(), "k0".to_owned()];
        let claim = Claim { which, key_ids, now: self.clock.now(), lease_us };
        let claimed = self.events.claim(claim).await.unwrap();
        claimed.into_iter().map(|it| it.id).collect()
    }

    async fn settle(&self, id: EventId, status: WebhookStatus, retry_at: Option<Timestamp>) {
        let reason = Some("why".to_owned());
        let end = WebhookEnd { status, reason, retry_at, counted: true };
        self.events.settle(id, end).await.unwrap();
    }
}

const DUE: Which = Which::Due { rows_max: 10 };
const MINUTE_US: i64 = 60_000_000;

async fn each_is_kept_once(subject: &Subject) {
    let (one, two) = (subject.event("a"), subject.event("b"));
    let twice = NewWebhook { id: EventId::new(subject.clock.uuid()), ..one.clone() };
    let fresh = || EventId::new(subject.clock.uuid());
    let kept = subject.events.keep(vec![one.clone(), two.clone(), twice]).await.unwrap();
    assert_eq!(kept, [Kept::New, Kept::New, Kept::Duplicate]);
    let other = NewWebhook { id: fresh(), fingerprint: Fingerprint::of(&["x"]), ..one.clone() };
    let again = NewWebhook { id: fresh(), ..two };
    let kept = subject.events.keep(vec![other, again, subject.event("c")]).await.unwrap();
    assert_eq!(kept, [Kept::Conflict, Kept::Duplicate, Kept::New]);
    assert_eq!(subject.events.counts().await.unwrap(), [(WebhookStatus::Received, 3)]);
}

async fn one_worker_has_it_until_its_lease_ends(subject: &Subject) {
    let one = subject.event("a");
    let id = one.id;
    subject.events.keep(vec![one]).await.unwrap();
    let claims = (0..8).map(|_| subject.claim(DUE, MINUTE_US));
    let claimed = futures_util::future::join_all(claims).await.concat();
    assert_eq!(claimed, [id], "one of eight");
    assert!(subject.claim(Which::One(id), MINUTE_US).await.is_empty());
    subject.settle(id, WebhookStatus::Parked, Some(subject.clock.now().plus_micros(-1))).await;
    let key_ids = vec!["k2".to_owned()];
    let claim = Claim { which: DUE, key_ids, now: subject.clock.now(), lease_us: 1 };
    assert!(subject.events.claim(claim).await.unwrap().is_empty(), "sealed with another key");
    assert_eq!(subject.claim(Which::One(id), 1).await, [id], "to be tried again");
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    subject.clock.pass(10_000);
    assert_eq!(subject.claim(DUE, MINUTE_US).await, [id], "its lease was short");
    subject.settle(id, WebhookStatus::Applied, None).await;
    assert!(subject.claim(Which::One(id), MINUTE_US).await.is_empty(), "done");
    subject.settle(id, WebhookStatus::Parked, Some(subject.clock.now())).await;
    assert_eq!(subject.events.counts().await.unwrap(), [(WebhookStatus::Applied, 1)], "for good");
}

async fn what_is_not_due_is_left_to_the_queue(subject: &Subject) {
    let due_at = Some(subject.clock.now().plus_micros(10 * MINUTE_US));
    let later = NewWebhook { due_at, ..subject.event("a") };
    let id = later.id;
    let ignored = NewWebhook { due_at: None, status: WebhookStatus::Ignored, ..subject.event("b") };
    subject.events.keep(vec![later, ignored]).await.unwrap();
    assert!(subject.claim(DUE, MINUTE_US).await.is_empty());
    assert_eq!(subject.claim(Which::One(id), MINUTE_US).await, [id]);
}

async fn of_several_transitions_the_newest_counts(subject: &Subject) {
    let at = |micros| Some(Timestamp::from_micros(micros));
    let of = |key: &str, event_at| NewWebhook {
        subject: Some("card:x".to_owned()),
        event_at,
        ..subject.event(key)
    };
    let newest = of("b", at(20));
    let id = newest.id;
    subject.events.keep(vec![of("a", at(10)), newest]).await.unwrap();
    let superseded = |micros| subject.events.superseded("card:x", Timestamp::from_micros(micros));
    assert!(superseded(10).await.unwrap() && superseded(19).await.unwrap());
    assert!(!superseded(20).await.unwrap());
    assert!(!subject.events.superseded("card:y", Timestamp::from_micros(0)).await.unwrap());
    subject.settle(id, WebhookStatus::Parked, None).await;
    assert!(!superseded(10).await.unwrap(), "one that will never be applied does not count");
}

async fn what_is_done_is_forgotten_after_its_time(subject: &Subject) {
    let keys = ["a", "b", "c", "d"];
    let events: Vec<_> = keys.iter().map(|key| subject.event(key)).collect();
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    subject.events.keep(events).await.unwrap();
    for (id, status) in ids.iter().zip(WebhookStatus::ALL) {
        if status != WebhookStatus::Received {
            subject.settle(*id, status, None).await;
        }
    }
    let soon = subject.clock.now().plus_micros(MINUTE_US);
    let before = subject.clock.now().plus_micros(-MINUTE_US);
    assert_eq!(subject.events.forget_before(before, 10).await.unwrap(), 0, "too young");
    assert_eq!(subject.events.forget_before(soon, 1).await.unwrap(), 1, "no more than asked");
    assert_eq!(subject.events.forget_before(soon, 10).await.unwrap(), 1);
    let mut counts = subject.events.counts().await.unwrap();
    counts.sort_by_key(|(status, _)| status.as_str());
    assert_eq!(counts, [(WebhookStatus::Parked, 1), (WebhookStatus::Received, 1)]);
}

/// The platform repeats what was not acknowledged for some 16 days. 17 are the least that may be set.
async fn a_repeat_is_known_as_one_after_seventeen_days(subject: &Subject) {
    const DAYS_US: i64 = 17 * 24 * 60 * MINUTE_US;
    let one = subject.event("a");
    let again = NewWebhook { id: EventId::new(subject.clock.uuid()), ..one.clone() };
    let id = one.id;
    subject.events.keep(vec![one]).await.unwrap();
    subject.settle(id, WebhookStatus::Applied, None).await;
    let forget = async || {
        let before = subject.clock.now().plus_micros(-DAYS_US);
        subject.events.forget_before(before, 10).await.unwrap()
    };
    subject.clock.pass(DAYS_US - MINUTE_US);
    assert_eq!(forget().await, 0, "still known");
    assert_eq!(subject.events.keep(vec![again]).await.unwrap(), [Kept::Duplicate]);
    assert!(subject.claim(DUE, MINUTE_US).await.is_empty(), "and not applied again");
    subject.clock.pass(2 * MINUTE_US);
    assert_eq!(forget().await, 1);
}

async fn what_is_parked_is_looked_through_and_put_back(subject: &Subject) {
    let keys = ["a", "b", "c", "d"];
    let events: Vec<_> = keys.iter().map(|key| subject.event(key)).collect();
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    subject.events.keep(events).await.unwrap();
    let later = subject.clock.now().plus_micros(10 * MINUTE_US);
    subject.settle(ids[0], WebhookStatus::Parked, None).await;
    subject.settle(ids[1], WebhookStatus::Applied, None).await;
    subject.settle(ids[2], WebhookStatus::Parked, Some(later)).await;
    let list = async |status, before, rows_max| -> Vec<EventId> {
        let found = subject.events.list(status, before, rows_max).await.unwrap();
        found.into_iter().map(|record| record.id).collect()
    };
    let parked = Some(WebhookStatus::Parked);
    let mut expected = vec![ids[0], ids[2]];
    expected.sort();
    expected.reverse();
    assert_eq!(list(parked, None, 10).await, expected, "the latest first");
    assert_eq!(list(parked, Some(expected[0]), 10).await, expected[1..]);
    assert_eq!(list(Some(WebhookStatus::Received), None, 10).await, [ids[3]]);
    let (first, second) = (ids[0], ids[2]);
    let applied = ids[1];
    ids.sort();
    ids.reverse();
    assert_eq!(list(None, None, 3).await, ids[..3]);

    let record = subject.events.one(first).await.unwrap().unwrap();
    assert_eq!((record.status, record.reason.as_deref()), (WebhookStatus::Parked, Some("why")));
    assert_eq!((record.token.as_deref(), record.next_at), (Some("a"), None));
    assert_eq!(subject.events.one(EventId::new(subject.clock.uuid())).await.unwrap(), None);
    assert!(subject.claim(Which::One(first), MINUTE_US).await.is_empty(), "given up");
    assert!(subject.claim(DUE, MINUTE_US).await.iter().all(|id| *id != second), "not due yet");
    for id in [first, second] {
        assert!(subject.events.retry(id, subject.clock.now()).await.unwrap());
        assert_eq!(subject.claim(Which::One(id), MINUTE_US).await, [id], "now it is");
    }
    for id in [applied, EventId::new(subject.clock.uuid())] {
        assert!(!subject.events.retry(id, subject.clock.now()).await.unwrap());
    }
    subject.settle(first, WebhookStatus::Applied, None).await;
    assert_eq!(list(parked, None, 10).await, [second]);
}

macro_rules! suite {
    ($(#[$ignore:meta])? $open:path; $($name:ident)+) => {
        suite!(@each [$(#[$ignore])?] $open; $($name)+);
    };
    (@each [#[$ignore:meta]] $open:path; $($name:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        #[$ignore]
        async fn $name() {
            super::$name(&$open().await).await;
        }
    )+};
    (@each [] $open:path; $($name:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::$name(&$open().await).await;
        }
    )+};
}

mod sqlite {
    use tollgate::store::sqlite::{SqliteOptions, SqliteStore};

    use super::*;

    async fn open() -> Subject {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock::default());
        let path = folder.path().join("tollgate.db");
        let events = SqliteStore::open(&path, clock.clone(), SqliteOptions::default()).await;
        Subject { events: events.unwrap(), clock, _cleanup: Box::new(folder) }
    }

    suite!(open;
        each_is_kept_once
        one_worker_has_it_until_its_lease_ends
        what_is_not_due_is_left_to_the_queue
        of_several_transitions_the_newest_counts
        what_is_done_is_forgotten_after_its_time
        a_repeat_is_known_as_one_after_seventeen_days
        what_is_parked_is_looked_through_and_put_back
    );
}

mod postgres {
    use super::super::postgres_database::{Database, prepared};
    use super::*;

    async fn open() -> Subject {
        let database = Database::migrated().await;
        let clock = Arc::new(TestClock::beside_a_server());
        let mut options = database.options();
        options.clock_offset_us = clock.offset();
        let events = prepared(options).await;
        Subject { events, clock, _cleanup: Box::new(database) }
    }

    suite!(#[ignore = "needs servers: scripts/test"] open;
        each_is_kept_once
        one_worker_has_it_until_its_lease_ends
        what_is_not_due_is_left_to_the_queue
        of_several_transitions_the_newest_counts
        what_is_done_is_forgotten_after_its_time
        a_repeat_is_known_as_one_after_seventeen_days
        what_is_parked_is_looked_through_and_put_back
    );
}
