//! An event that can not be read: its neighbours go on at once, and after a while the relay keeps it as a
//! dead letter.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tollgate::domain::dead_letter::LetterFilter;
use tollgate::domain::id::Home;
use tollgate::egress::relay::RelayOptions;
use tollgate::store::dead_letters::DeadLetters;
use tollgate::store::outbox::{OutboxShards, Place, Sifted, Waiting};
use tollgate::store::shards::{SHARDS, Shards};
use tollgate::store::{StoreError, StoreFuture};
use uuid::Uuid;

use super::broker::Subscriber;
use super::relay::{OPTIONS, first_seen, letters, until_empty, with_letters};
use crate::store::sqlite::open_in;
use crate::store::subject::{Subject, purchase};
use crate::store::unreadable::spoil;

/// A store with three purchases in its outbox, of which the second can not be read.
async fn spoilt() -> (Subject, Waiting) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let (subject, _store) = open_in(folder, &Home::ALL).await;
    subject.program("acme", 1_000_000_00).await;
    subject.empty_the_outbox().await;
    for name in ["before", "spoilt", "behind"] {
        subject.approve(purchase(name, "acme-card", 1_00)).await;
    }
    let row = subject.waiting().await.remove(1);
    spoil(&path, &row).await;
    (subject, row)
}

/// Keeps what it can not read for so long.
fn keeping(unreadable: Duration) -> RelayOptions {
    RelayOptions { unreadable, ..OPTIONS }
}

async fn is_kept(letters: &dyn DeadLetters) -> bool {
    !letters.letters(LetterFilter::default(), None, 10).await.unwrap().is_empty()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_holds_nobody_up_for_long_and_is_kept_as_it_is_stored() {
    let (subject, row) = spoilt().await;
    let (_folder, letters) = letters().await;
    let broker = Arc::new(Subscriber::default());
    let options = keeping(Duration::from_secs(6));
    let (task, stop) = with_letters(&subject, &broker, Arc::clone(&letters), options);

    // A relay of the next release may read it: it is not given up at once, though others are published.
    for name in ["wren", "crow", "rook"] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        subject.program(name, 1_000_000_00).await; // events of other shards
    }
    assert!(!is_kept(&*letters).await, "a while has not passed");
    until_empty(&*subject.outbox).await;

    let published = first_seen(&broker.seen());
    let acme = ["before", "behind"].map(str::to_owned);
    assert!(published.values().any(|order| *order == acme), "in order: {published:?}");
    let kept = letters.letters(LetterFilter::default(), None, 10).await.unwrap();
    let [letter] = &kept[..] else { panic!("one letter: {kept:?}") };
    let envelope = &letter.envelope;
    assert_eq!((&*envelope.queue, &*envelope.reason), ("outbox", "unreadable_event"));
    assert_eq!(envelope.message_id, row.event.id.to_string());
    assert!(envelope.attempts >= 5, "{}", envelope.attempts);
    let whole = letters.letter(letter.id).await.unwrap().unwrap();
    let body = String::from_utf8(whole.body).unwrap();
    assert!(body.contains("authorization.approved"), "{body}");
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_else_is_published_it_is_kept_in_the_end() {
    let (subject, _) = spoilt().await;
    let (_folder, letters) = letters().await;
    let broker = Arc::new(Subscriber::default());
    let options = keeping(Duration::from_millis(500));
    let (task, stop) = with_letters(&subject, &broker, Arc::clone(&letters), options);
    until_empty(&*subject.outbox).await;
    assert!(is_kept(&*letters).await);
    stop.cancel();
    task.await.unwrap();
}

/// An outbox of which some shards can not be read at all.
struct Broken {
    shards: Arc<dyn OutboxShards>,
    broken: RangeInclusive<u8>,
    /// How often it was asked for events.
    asked: AtomicU32,
}

impl Broken {
    fn new(subject: &Subject, broken: RangeInclusive<u8>) -> Arc<Self> {
        let (shards, asked) = (Arc::clone(&subject.shards), AtomicU32::new(0));
        Arc::new(Self { shards, broken, asked })
    }

    fn has_any(&self, shards: &RangeInclusive<u8>) -> bool {
        shards.clone().any(|shard| self.broken.contains(&shard))
    }
}

fn failed<'a, T: Send + 'a>() -> StoreFuture<'a, T> {
    Box::pin(std::future::ready(Err(StoreError::Failed("not to be read".into()))))
}

impl OutboxShards for Broken {
    fn lease(&self, relay: Uuid, lasting: Duration) -> StoreFuture<'_, Shards> {
        self.shards.lease(relay, lasting)
    }

    fn release(&self, relay: Uuid) -> StoreFuture<'_, ()> {
        self.shards.release(relay)
    }

    fn oldest(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Vec<Waiting>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.has_any(&shards) {
            return failed();
        }
        self.shards.oldest(shards, rows_max)
    }

    fn sift(&self, shards: RangeInclusive<u8>, rows_max: u32) -> StoreFuture<'_, Sifted> {
        if self.has_any(&shards) {
            return failed();
        }
        self.shards.sift(shards, rows_max)
    }

    fn discard(&self, places: Vec<Place>) -> StoreFuture<'_, ()> {
        self.shards.discard(places)
    }

    fn remove(&self, published: Vec<Waiting>) -> StoreFuture<'_, ()> {
        self.shards.remove(published)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_can_not_be_read_at_all_holds_up_no_other() {
    let (mut subject, row) = spoilt().await;
    let shard = row.place.shard;
    subject.shards = Broken::new(&subject, shard..=shard);
    let (_folder, letters) = letters().await;
    let broker = Arc::new(Subscriber::default());
    let (task, stop) = with_letters(&subject, &broker, letters, OPTIONS);
    for name in ["wren", "crow", "rook"] {
        subject.program(name, 1_000_000_00).await;
    }
    let published = async {
        while broker.count() == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), published).await.expect("others are published");
    stop.cancel();
    task.await.unwrap();
    assert!(subject.outbox.depth().await.unwrap() >= 3, "what can not be read is still there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_of_which_nothing_can_be_read_is_left_alone_for_longer_and_longer() {
    let (mut subject, _) = spoilt().await;
    let broken = Broken::new(&subject, 0..=SHARDS - 1);
    subject.shards = broken.clone();
    let (_folder, letters) = letters().await;
    let broker = Arc::new(Subscriber::default());
    let (task, stop) = with_letters(&subject, &broker, letters, OPTIONS);
    tokio::time::sleep(Duration::from_secs(3)).await;
    stop.cancel();
    task.await.unwrap();
    // Pauses of 50, 100, 200, 400, 800 and 1,600 ms, and once more at the end.
    let asked = broken.asked.load(Ordering::SeqCst);
    assert!((2..=8).contains(&asked), "{asked} times");
}
