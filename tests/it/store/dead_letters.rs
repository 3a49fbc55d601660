//! Dead letters, on every store that keeps them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tollgate::app::clock::SystemClock;
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, BrokerError, BrokerFuture, Deliveries, Outgoing, QueueStats};
use tollgate::domain::dead_letter::{Act, DeadLetter, Envelope, LetterFilter, LetterState};
use tollgate::domain::id::{DeadLetterId, Home};
use tollgate::domain::time::Timestamp;
use tollgate::service::dead_letters::DeadLetterDesk;
use tollgate::store::dead_letters::DeadLetters;
use uuid::Uuid;

use super::postgres_database::{Database, prepared};
use super::sqlite::open_store;

fn id(number: u128) -> DeadLetterId {
    DeadLetterId::new(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number))
}

/// The `number`th letter: of the message of that number, kept at that microsecond.
fn letter(number: u128, queue: &str, reason: &str) -> DeadLetter {
    DeadLetter {
        id: id(number),
        state: LetterState::Waiting,
        died_at: Timestamp::from_micros(i64::try_from(number).unwrap()),
        envelope: Envelope {
            queue: queue.to_owned(),
            reason: reason.to_owned(),
            first_error: "First Fault: Äpfel".to_owned(),
            last_error: "last fault".to_owned(),
            attempts: 4,
            redrives: 0,
            message_id: format!("M-{number}"),
            content_type: "application/json".to_owned(),
            reply_to: Some("answers".to_owned()),
            correlation_id: None,
            headers: BTreeMap::from([("trace".to_owned(), "a\"b".to_owned())]),
            published_at: Some(Timestamp::from_micros(7)),
            body_bytes: 4,
        },
    }
}

async fn found(store: &Arc<dyn DeadLetters>, filter: LetterFilter) -> Vec<DeadLetterId> {
    let count = store.count(filter.clone()).await.unwrap();
    let found = store.letters(filter, None, 100).await.unwrap();
    assert_eq!(count, found.len() as u64);
    found.into_iter().map(|letter| letter.id).collect()
}

fn act(state: LetterState, at: i64) -> Act {
    let reason = (state == LetterState::Discarded).then(|| "noise".to_owned());
    Act { state, actor: "somebody".to_owned(), reason, at: Timestamp::from_micros(at) }
}

/// Everything that the port promises.
async fn letters_are_kept_found_and_acted_on(store: Arc<dyn DeadLetters>) {
    let body = vec![0, b'B', 0xff, b'\n'];
    let first = letter(1, "jit-funding-queue", "malformed_json");
    store.keep(first.clone(), body.clone()).await.unwrap();
    let again = DeadLetter { id: id(9), ..first.clone() };
    store.keep(again, body.clone()).await.unwrap();
    assert_eq!(found(&store, LetterFilter::default()).await, [id(1)], "delivered twice, kept once");
    let whole = store.letter(id(1)).await.unwrap().unwrap();
    assert_eq!((&whole.letter, &whole.body, whole.acts.len()), (&first, &body, 0));
    assert_eq!(store.letter(id(9)).await.unwrap(), None);

    let mut next_life = letter(2, "jit-funding-queue", "malformed_json");
    next_life.envelope.message_id = "M-1".to_owned();
    next_life.envelope.redrives = 1;
    store.keep(next_life, body.clone()).await.unwrap();
    store.keep(letter(3, "webhook-queue", "attempts_exhausted"), b"other".to_vec()).await.unwrap();
    store.keep(letter(4, "webhook-queue", "malformed_json"), Vec::new()).await.unwrap();
    assert_eq!(found(&store, LetterFilter::default()).await, [id(1), id(2), id(3), id(4)]);
    let of = |queue: &str| LetterFilter { queue: Some(queue.to_owned()), ..Default::default() };
    assert_eq!(found(&store, of("webhook-queue")).await, [id(3), id(4)]);
    assert_eq!(found(&store, of("Webhook-queue' or 1=1")).await, []);
    let why = LetterFilter { reason: Some("malformed_json".to_owned()), ..of("webhook-queue") };
    assert_eq!(found(&store, why).await, [id(4)]);
    let before = LetterFilter { before: Some(Timestamp::from_micros(3)), ..Default::default() };
    assert_eq!(found(&store, before).await, [id(1), id(2)], "kept before, not at");
    for (text, expected) in [
        ("m-3", &[id(3)][..]),
        ("äpfel", &[id(1), id(2), id(3), id(4)]),
        ("OTHER", &[id(3)]),
        ("%", &[]),
        ("_", &[]),
    ] {
        let filter = LetterFilter { text: Some(text.to_owned()), ..Default::default() };
        assert_eq!(found(&store, filter).await, expected, "{text}");
    }
    let page = store.letters(LetterFilter::default(), Some(id(1)), 2).await.unwrap();
    assert_eq!(page.iter().map(|letter| letter.id).collect::<Vec<_>>(), [id(2), id(3)]);

    assert!(store.act(id(1), act(LetterState::Redriven, 20)).await.unwrap());
    assert!(store.act(id(1), act(LetterState::Redriven, 21)).await.unwrap(), "as often as needed");
    assert!(store.act(id(1), act(LetterState::Discarded, 22)).await.unwrap());
    for state in [LetterState::Redriven, LetterState::Discarded] {
        assert!(!store.act(id(1), act(state, 23)).await.unwrap(), "that was the end");
    }
    assert!(!store.act(id(77), act(LetterState::Redriven, 24)).await.unwrap(), "not there");
    let whole = store.letter(id(1)).await.unwrap().unwrap();
    assert_eq!(whole.letter.state, LetterState::Discarded);
    let expected = [
        act(LetterState::Redriven, 20),
        act(LetterState::Redriven, 21),
        act(LetterState::Discarded, 22),
    ];
    assert_eq!(whole.acts, expected, "every act, oldest first");
    let waiting = LetterFilter { state: Some(LetterState::Waiting), ..Default::default() };
    assert_eq!(found(&store, waiting).await, [id(2), id(3), id(4)]);
    // Of many that discard at once, one does.
    let discarding = (0..8).map(|at| store.act(id(3), act(LetterState::Discarded, 30 + at)));
    let done = futures_util::future::join_all(discarding).await;
    assert_eq!(done.into_iter().filter(|done| *done.as_ref().unwrap()).count(), 1);
    assert_eq!(store.letter(id(3)).await.unwrap().unwrap().acts.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let (_subject, store) = open_store(&Home::ALL).await;
    letters_are_kept_found_and_acted_on(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn on_postgres() {
    let database = Database::migrated().await;
    let store = prepared(database.options()).await;
    letters_are_kept_found_and_acted_on(store).await;
}

/// Every death is a letter that waits, whatever was done about letters before.
async fn no_death_is_swallowed(store: Arc<dyn DeadLetters>) {
    let of = |number: u128, message_id: &str| {
        let mut letter = letter(number, "webhook-queue", "malformed_json");
        letter.envelope.message_id = message_id.to_owned();
        letter
    };
    let waiting = LetterFilter { state: Some(LetterState::Waiting), ..Default::default() };
    for number in [1, 2] {
        store.keep(of(number, ""), b"{}".to_vec()).await.unwrap();
    }
    assert_eq!(found(&store, waiting.clone()).await, [id(1), id(2)], "no id: each for itself");

    store.keep(of(3, "m"), b"{}".to_vec()).await.unwrap();
    for (number, state) in [(3, LetterState::Redriven), (4, LetterState::Discarded)] {
        assert!(store.act(id(number), act(state, 20)).await.unwrap());
        for delivered in [number + 1, number + 11] {
            store.keep(of(delivered, "m"), b"{}".to_vec()).await.unwrap();
        }
        let expected = [id(1), id(2), id(number + 1)];
        assert_eq!(found(&store, waiting.clone()).await, expected, "after {state:?}");
    }
    assert_eq!(found(&store, LetterFilter::default()).await.len(), 5, "the others are kept");
    // One that is sent again waits meanwhile: beside the later one.
    assert!(store.act(id(3), act(LetterState::Waiting, 30)).await.unwrap());
    assert_eq!(found(&store, waiting).await, [id(1), id(2), id(3), id(5)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_death_is_swallowed_on_sqlite() {
    let (_subject, store) = open_store(&Home::ALL).await;
    no_death_is_swallowed(store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn no_death_is_swallowed_on_postgres() {
    let database = Database::migrated().await;
    no_death_is_swallowed(prepared(database.options()).await).await;
}

/// A broker that confirms nothing, and says when it was asked to.
#[derive(Default)]
struct Silent(Notify);

impl Broker for Silent {
    fn declare(&self) -> BrokerFuture<'_, ()> {
        Box::pin(std::future::pending())
    }

    fn publish(&self, _: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
        self.0.notify_one();
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_dies_while_a_letter_is_sent_again_leaves_a_trace_and_a_letter_that_waits() {
    let (_subject, letters) = open_store(&Home::ALL).await;
    letters.keep(letter(1, "webhook-queue", "attempts_exhausted"), Vec::new()).await.unwrap();
    assert!(letters.act(id(1), act(LetterState::Redriven, 20)).await.unwrap(), "sent before");
    let broker = Arc::new(Silent::default());
    let clock = Arc::new(SystemClock::new());
    let desk = DeadLetterDesk {
        letters: letters.clone(),
        broker: broker.clone(),
        faults: Arc::default(),
        clock,
    };
    let reason = Some("mended".to_owned());
    tokio::select! {
        sent = desk.redrive(id(1), "somebody", reason, &None) => panic!("{sent:?}"),
        () = broker.0.notified() => {} // and then it dies
    }
    let whole = letters.letter(id(1)).await.unwrap().unwrap();
    assert_eq!(whole.letter.state, LetterState::Waiting);
    let last = whole.acts.last().unwrap();
    assert_eq!((whole.acts.len(), last.state), (2, LetterState::Waiting));
    assert_eq!((last.actor.as_str(), last.reason.as_deref()), ("somebody", Some("mended")));
}
