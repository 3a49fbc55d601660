//! Tests: where a reader begins, what it is told, and whose an event is.

use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

use super::*;
use crate::broker::topology::Queue;
use crate::broker::{BrokerFuture, Deliveries, Outgoing, QueueStats};
use crate::domain::time::Timestamp;
use crate::wire::v1::feed::tests::heard;

/// Nobody is asked.
struct Silent;

impl Broker for Silent {
    fn declare(&self) -> BrokerFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    fn publish(&self, _: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
        Box::pin(std::future::pending())
    }

    fn consume(&self, _: Queue, _: u16) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(std::future::pending())
    }

    fn replies(&self, _: String) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(std::future::pending())
    }

    fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(std::future::pending())
    }

    fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>> {
        Box::pin(std::future::pending())
    }
}

/// A second later each time it is asked.
#[derive(Default)]
struct Seconds(AtomicU64);

impl Clock for Seconds {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic::from_micros(self.0.fetch_add(1, Ordering::Relaxed) * 1_000_000)
    }

    fn uuid(&self) -> Uuid {
        Uuid::nil()
    }
}

fn feed(overlap_s: u64) -> Arc<Feed> {
    let overlap = Duration::from_secs(overlap_s);
    let set = FeedSettings { feeds_max: 2, kept_max: 5, overlap };
    Arc::new(Feed::new(Arc::new(Silent), Arc::new(Seconds::default()), set))
}

/// Events with these keys, numbered from 0, a second apart.
fn hear(feed: &Feed, keys: &[&str]) {
    for (number, key) in (0..).zip(keys) {
        let event = Heard { key: (*key).to_owned(), ..heard(number, "card.issued", "") };
        feed.keep(event);
    }
}

/// A reader of the program, who waits for nothing.
fn open(feed: &Arc<Feed>, after: Option<EventId>) -> Result<Reader, Closed> {
    Ok(Reader::new(Arc::clone(feed), feed.seat(None)?, after))
}

/// What the reader is told: numbers, and reasons of gaps.
fn told(reader: &mut Reader) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let parts = reader.take();
        if parts.is_empty() {
            return told;
        }
        told.extend(parts.iter().map(|part| match part {
            Part::Event(event) => event.id.to_string().chars().last().into_iter().collect(),
            Part::Gap(gap) => gap.as_str().to_owned(),
        }));
    }
}

#[test]
fn who_comes_back_hears_what_came_after() {
    let feed = feed(0);
    hear(&feed, &["a", "b", "a", "b", "a"]);
    let mut reader = open(&feed, Some(heard(3, "", "").id)).unwrap();
    assert_eq!(told(&mut reader), ["4"]);
    assert!(told(&mut open(&feed, None).unwrap()).is_empty());
}

#[test]
fn who_asks_for_nothing_that_comes_can_come_back_to_where_it_was() {
    let feed = feed(2);
    let mut early = open(&feed, None).unwrap();
    assert_eq!(early.newest(), None, "nothing has been heard");
    hear(&feed, &["a", "b", "a", "b", "a"]);
    assert_eq!(open(&feed, None).unwrap().newest(), Some(heard(4, "", "").id));
    told(&mut early);
    assert_eq!(early.newest(), Some(heard(4, "", "").id));
    let mut again = open(&feed, Some(heard(3, "", "").id)).unwrap();
    assert_eq!(again.newest(), Some(heard(3, "", "").id));
    told(&mut again);
    assert_eq!(again.newest(), Some(heard(4, "", "").id));
}

#[test]
fn who_comes_from_another_process_hears_other_keys_again() {
    let feed = feed(2);
    hear(&feed, &["a", "b", "a", "b", "a"]);
    let mut reader = open(&feed, Some(heard(3, "", "").id)).unwrap();
    assert_eq!(told(&mut reader), ["2", "4"], "1 and 3 have the key of 3, whose order is known");
}

#[test]
fn who_comes_back_to_the_oldest_that_is_kept_is_told_that_others_may_be_gone() {
    let feed = feed(2);
    hear(&feed, &["b", "a", "b", "a", "b", "a"]);
    let mut among = open(&feed, Some(heard(3, "", "").id)).unwrap();
    assert_eq!(told(&mut among), ["not_kept", "2", "4", "5"], "0 is gone, and had another key");
    let mut behind = open(&feed, Some(heard(4, "", "").id)).unwrap();
    assert_eq!(told(&mut behind), ["3", "5"], "all of the two seconds before it are kept");
}

#[test]
fn what_may_be_missing_is_told_when_it_begins_and_when_it_is_over() {
    let feed = feed(0);
    let mut reader = open(&feed, None).unwrap();
    feed.turn(true);
    feed.turn(false);
    assert_eq!(told(&mut reader), ["not_heard"], "as soon as it is known");
    let mut meanwhile = open(&feed, None).unwrap();
    feed.turn(true);
    hear(&feed, &["a"]);
    assert_eq!(told(&mut meanwhile), ["not_heard", "0"]);
    assert_eq!(told(&mut reader), ["not_heard", "0"]);
    drop(meanwhile);
    hear(&feed, &["a"; 7]);
    assert_eq!(told(&mut reader), ["too_slow", "2", "3", "4", "5", "6"]);
    let mut unknown = open(&feed, Some(heard(9, "", "").id)).unwrap();
    assert_eq!(told(&mut unknown), ["not_kept", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn seats_are_given_back_and_a_stop_is_the_end_for_all() {
    let feed = feed(0);
    let mut first = open(&feed, None).unwrap();
    let second = open(&feed, None).unwrap();
    assert_eq!(open(&feed, None).err(), Some(Closed::Full));
    drop(second);
    let _third = open(&feed, None).unwrap();
    feed.stop();
    first.more().await;
    assert!(first.is_stopped());
    assert_eq!(open(&feed, None).err(), Some(Closed::Stopping));
    let set = FeedSettings { feeds_max: 0, kept_max: 5, overlap: Duration::ZERO };
    let none = Arc::new(Feed::new(Arc::new(Silent), Arc::new(Seconds::default()), set));
    assert_eq!(open(&none, None).err(), Some(Closed::Absent));
}

#[tokio::test]
async fn who_is_the_first_to_read_begins_when_events_are_heard_and_is_told_of_no_gap() {
    let feed = feed(0);
    let first = tokio::spawn({
        let feed = Arc::clone(&feed);
        async move { feed.open(None, None).await }
    });
    let mut readers = feed.seats.readers();
    readers.wait_for(|readers| *readers == 1).await.unwrap();
    assert!(!first.is_finished(), "nothing is heard yet");
    feed.turn(true);
    let mut first = first.await.unwrap().unwrap();
    hear(&feed, &["a"]);
    assert_eq!(told(&mut first), ["0"]);
    drop(first);
    // Nobody has read for long: the next one is as the first.
    feed.turn(false);
    let (again, ()) = tokio::join!(feed.open(None, None), async { feed.turn(true) });
    assert!(told(&mut again.unwrap()).is_empty());
}

#[tokio::test]
async fn whoever_comes_back_does_not_wait_and_nobody_waits_for_long() {
    let feed = feed(0);
    let again = feed.open(None, Some(heard(9, "", "").id));
    let again = tokio::time::timeout(HEARD_WITHIN / 2, again).await;
    let mut again = again.expect("nothing is waited for").unwrap();
    let late = tokio::time::timeout(10 * HEARD_WITHIN, feed.open(None, None)).await;
    let mut late = late.expect("it begins").unwrap();
    feed.turn(true);
    hear(&feed, &["a"]);
    assert_eq!(told(&mut again), ["not_kept", "0"]);
    assert_eq!(told(&mut late), ["not_heard", "0"]);
    drop((again, late));
    feed.turn(false);
    let (waiting, ()) = tokio::join!(feed.open(None, None), async { feed.stop() });
    assert_eq!(waiting.err(), Some(Closed::Stopping));
}

#[tokio::test]
async fn events_are_heard_while_somebody_reads_and_for_a_while_after() {
    let (feed, long) = (feed(0), Duration::from_millis(20));
    let reader = open(&feed, None).unwrap();
    let reading = tokio::time::timeout(10 * long, feed.unread(long));
    assert!(reading.await.is_err(), "somebody reads");
    drop(reader);
    let at_once = tokio::time::timeout(long / 2, feed.unread(long));
    assert!(at_once.await.is_err(), "whoever was cut off comes back");
    feed.unread(long).await;
}

#[test]
fn events_of_a_company_are_those_of_its_account_and_those_that_name_it() {
    let company = "cmp_01901234567878ab8def0123456789ab".parse().unwrap();
    let id = "acc_b01901234567878ab8def0123456789ab".parse().unwrap();
    let (owner, account) = (Owner { company, account: id }, Some(id));
    let event = |kind| heard(1, kind, "");
    assert!(owner.has(&Heard { account, ..event("authorization.approved") }));
    assert!(owner.has(&Heard { company: Some(company), ..event("user.created") }));
    assert!(!owner.has(&event("authorization.declined")), "of a card that nobody knows");
    let another = "acc_p01901234567878ab8def0123456789ab".parse().ok();
    assert!(!owner.has(&Heard { account: another, ..event("authorization.approved") }));
    assert!(!owner.has(&Heard { account, ..event("alert.balance_range") }));
    assert!(!owner.has(&Heard { company: Some(company), ..event("transaction.error") }));
}
