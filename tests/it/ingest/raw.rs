//! Records as they were accepted: what every store of them must keep to.

use std::time::Duration;

use tollgate::domain::transaction::{Attempt, Ending, Obstacle, RawTransaction, Status};
use tollgate::store::ingest::{Backlog, Outcome, RawQuery, Settled, Within};

use super::{Pair, on_both_pairs, record, token};

on_both_pairs! {
    what_is_kept_is_read_back_and_a_known_id_keeps_its_first_record
    the_longest_waiting_are_claimed_first_and_by_one_worker_only
    a_lease_that_is_over_is_claimed_alone_and_its_first_worker_settles_nothing
    outcomes_move_records_on_and_each_attempt_is_logged_once
    records_after_different_attempts_are_claimed_together
    a_released_record_is_as_if_it_had_not_been_claimed
    what_is_not_processed_is_listed_newest_first_by_filters
    many_claim_at_once_and_no_record_is_claimed_twice
}

fn settled(raw: &RawTransaction, outcome: Outcome) -> Settled {
    Settled { transaction_id: raw.record.transaction_id.clone(), outcome }
}

async fn what_is_kept_is_read_back_and_a_known_id_keeps_its_first_record(pair: Pair) {
    let first = pair.raw(record("t-1", "card-1", 500));
    let kept = pair.raw.keep(vec![first.clone()]).await.unwrap();
    assert_eq!((kept[0].id, kept[0].known), (first.id, false));
    let again = pair.raw(record("t-1", "card-1", 700));
    let other = pair.raw(record("t-2", "card-1", 900));
    let kept = pair.raw.keep(vec![again, other.clone()]).await.unwrap();
    assert_eq!((kept[0].id, kept[0].known), (first.id, true));
    assert_eq!(kept[0].fingerprint, first.fingerprint);
    assert_eq!((kept[1].id, kept[1].known), (other.id, false));
    let found = pair.raw.progress(first.id).await.unwrap().unwrap();
    assert_eq!(found.raw, first);
    assert_eq!((found.status, found.attempts, found.obstacle), (Status::Accepted, 0, None));
    assert_eq!(pair.raw.progress(pair.raw(record("t-3", "c", 1)).id).await.unwrap(), None);
}

async fn the_longest_waiting_are_claimed_first_and_by_one_worker_only(pair: Pair) {
    for number in 0..3 {
        let raw = pair.raw(record(&format!("t-{number}"), "card-1", 500));
        pair.raw.keep(vec![raw]).await.unwrap();
        pair.clock.pass(2_000);
    }
    let names = |claimed: &[tollgate::store::ingest::Claimed]| {
        let names = claimed.iter().map(|one| one.raw.record.transaction_id.to_string());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    };
    let (_, first) = pair.claim(2).await;
    assert_eq!(names(&first), ["t-0", "t-1"]);
    assert!(first.iter().all(|one| one.attempt == 1 && !one.lost && one.forgiven == 0));
    let (_, second) = pair.claim(2).await;
    assert_eq!(names(&second), ["t-2"]);
    assert!(pair.claim(2).await.1.is_empty());
}

async fn a_lease_that_is_over_is_claimed_alone_and_its_first_worker_settles_nothing(pair: Pair) {
    let raws: Vec<_> = (0..3).map(|n| pair.raw(record(&format!("t-{n}"), "card-1", 500))).collect();
    pair.raw.keep(raws.clone()).await.unwrap();
    let (lost, claimed) = pair.claim(10).await;
    assert_eq!(claimed.len(), 3);
    pair.clock.pass(61_000_000);
    for _ in 0..3 {
        let (_, alone) = pair.claim(10).await;
        assert_eq!(alone.len(), 1);
        assert!(alone[0].lost && alone[0].attempt == 2);
    }
    let all = raws.iter().map(|raw| settled(raw, Outcome::Processed)).collect();
    pair.raw.settle(lost, all, Vec::new()).await.unwrap();
    for raw in raws {
        let found = pair.raw.progress(raw.id).await.unwrap().unwrap();
        assert_eq!(found.status, Status::Accepted);
    }
}

async fn outcomes_move_records_on_and_each_attempt_is_logged_once(pair: Pair) {
    let names = ["done", "later", "parked"];
    let raws = names.map(|name| pair.raw(record(name, "card-1", 500)));
    pair.raw.keep(raws.to_vec()).await.unwrap();
    let (lease, claimed) = pair.claim(10).await;
    assert_eq!(claimed.len(), 3);
    let [done, later, parked] = raws;
    let outcomes = [
        (&done, Outcome::Processed),
        (&later, Outcome::Retry(Obstacle::CardUnknown, Duration::from_secs(5))),
        (&parked, Outcome::Park(Obstacle::CurrencyMismatch)),
    ];
    let log = |raw: &RawTransaction, ending, obstacle| Attempt {
        transaction: raw.id,
        number: 1,
        ending,
        obstacle,
        worker: "w-1".into(),
        at: pair.clock.now(),
        took_us: 1_234,
    };
    use tollgate::domain::clock::Clock;
    let logs = vec![
        log(&done, Ending::Processed, None),
        log(&later, Ending::Retried, Some(Obstacle::CardUnknown)),
        log(&parked, Ending::Parked, Some(Obstacle::CurrencyMismatch)),
    ];
    for _ in 0..2 {
        let outcomes = outcomes.map(|(raw, outcome)| settled(raw, outcome)).to_vec();
        pair.raw.settle(lease, outcomes, logs.clone()).await.unwrap();
    }
    assert_eq!(pair.raw.attempts(later.id).await.unwrap(), vec![logs[1].clone()]);
    let status = async |raw: &RawTransaction| {
        let found = pair.raw.progress(raw.id).await.unwrap().unwrap();
        (found.status, found.attempts, found.obstacle)
    };
    assert_eq!(status(&done).await, (Status::Processed, 1, None));
    assert_eq!(status(&later).await, (Status::Accepted, 1, Some(Obstacle::CardUnknown)));
    let mismatch = Some(Obstacle::CurrencyMismatch);
    assert_eq!(status(&parked).await, (Status::Parked, 1, mismatch));
    assert_eq!(pair.raw.backlog().await.unwrap(), Backlog { accepted: 1, parked: 1 });
    assert!(pair.claim(10).await.1.is_empty(), "the pause is not over");
    pair.clock.pass(5_500_000);
    let (_, claimed) = pair.claim(10).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].raw.id, claimed[0].attempt, claimed[0].lost), (later.id, 2, false));
    assert!(pair.raw.unpark(parked.id).await.unwrap());
    assert!(!pair.raw.unpark(parked.id).await.unwrap());
    let (_, claimed) = pair.claim(10).await;
    assert_eq!((claimed[0].raw.id, claimed[0].attempt, claimed[0].forgiven), (parked.id, 2, 1));
    let repeated = pair.raw.keep(vec![pair.raw(record("done", "card-1", 500))]).await.unwrap();
    assert_eq!((repeated[0].status, repeated[0].known), (Status::Processed, true));
}

async fn records_after_different_attempts_are_claimed_together(pair: Pair) {
    let again = pair.raw(record("again", "card-1", 500));
    pair.raw.keep(vec![again.clone()]).await.unwrap();
    let (lease, _) = pair.claim(10).await;
    let later = Outcome::Retry(Obstacle::CardUnknown, Duration::from_secs(5));
    pair.raw.settle(lease, vec![settled(&again, later)], vec![]).await.unwrap();
    pair.clock.pass(5_500_000);
    let first = pair.raw(record("first", "card-1", 500));
    pair.raw.keep(vec![first.clone()]).await.unwrap();
    let (lease, claimed) = pair.claim(10).await;
    let mut claimed: Vec<_> =
        claimed.into_iter().map(|one| (one.raw.id, one.attempt, one.lost)).collect();
    claimed.sort();
    assert_eq!(claimed, [(again.id, 2, false), (first.id, 1, false)]);
    let both = [&again, &first].map(|raw| settled(raw, Outcome::Processed));
    pair.raw.settle(lease, both.to_vec(), vec![]).await.unwrap();
    assert_eq!(pair.raw.backlog().await.unwrap(), Backlog::default());
}

async fn a_released_record_is_as_if_it_had_not_been_claimed(pair: Pair) {
    let raw = pair.raw(record("t-1", "card-1", 500));
    pair.raw.keep(vec![raw.clone()]).await.unwrap();
    for _ in 0..3 {
        let (lease, claimed) = pair.claim(10).await;
        assert_eq!((claimed[0].attempt, claimed[0].lost), (1, false));
        pair.raw.settle(lease, vec![settled(&raw, Outcome::Release)], vec![]).await.unwrap();
        pair.clock.pass(2_000);
    }
    assert_eq!(pair.raw.progress(raw.id).await.unwrap().unwrap().attempts, 0);
}

async fn what_is_not_processed_is_listed_newest_first_by_filters(pair: Pair) {
    let raws: Vec<_> = (1..=5)
        .map(|n| {
            let card = if n % 2 == 0 { "even" } else { "odd" };
            pair.raw(record(&format!("t-{n}"), card, n * 100))
        })
        .collect();
    pair.raw.keep(raws.clone()).await.unwrap();
    let query = RawQuery {
        status: Status::Accepted,
        cards: Vec::new(),
        within: Within::default(),
        before: None,
        rows_max: 3,
    };
    let list = async |query: RawQuery| {
        let found = pair.raw.unprocessed(query).await.unwrap();
        let amounts = found.iter().map(|one| one.raw.record.amount.minor() / 100);
        amounts.collect::<Vec<_>>()
    };
    assert_eq!(list(query.clone()).await, [5, 4, 3]);
    let before = Some(raws[2].id);
    assert_eq!(list(RawQuery { before, ..query.clone() }).await, [2, 1]);
    let cards = vec![token("even"), token("another-name")];
    assert_eq!(list(RawQuery { cards, ..query.clone() }).await, [4, 2]);
    let within = Within { amount_min: Some(200), amount_max: Some(300), ..query.within };
    assert_eq!(list(RawQuery { within, ..query.clone() }).await, [3, 2]);
    let at = raws[0].record.occurred_at;
    let within = Within { from: Some(at), to: Some(at), ..Within::default() };
    assert_eq!(list(RawQuery { within, ..query.clone() }).await, [0; 0]);
    let within = Within { from: Some(at), to: Some(at.plus_micros(1)), ..Within::default() };
    assert_eq!(list(RawQuery { within, ..query.clone() }).await, [5, 4, 3]);
    assert_eq!(list(RawQuery { status: Status::Parked, ..query }).await, [0; 0]);
}

async fn many_claim_at_once_and_no_record_is_claimed_twice(pair: Pair) {
    let raws = (0..400).map(|n| pair.raw(record(&format!("t-{n}"), "card-1", 500)));
    pair.raw.keep(raws.collect()).await.unwrap();
    let worker = async || {
        let mut own = Vec::new();
        let mut empty = 0;
        while empty < 3 {
            let (_, claimed) = pair.claim(20).await;
            empty = if claimed.is_empty() { empty + 1 } else { 0 };
            own.extend(claimed.into_iter().map(|one| one.raw.id));
        }
        own
    };
    let all = futures_util::future::join_all((0..8).map(|_| worker())).await;
    let mut all: Vec<_> = all.into_iter().flatten().collect();
    let claims = all.len();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), claims), (400, 400));
}
