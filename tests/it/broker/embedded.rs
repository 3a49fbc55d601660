//! What only an embedded broker has to keep: its file.

use std::sync::Arc;
use std::time::Duration;

use tollgate::app::clock::SystemClock;
use tollgate::broker::embedded::EmbeddedBroker;
use tollgate::broker::headers::REASON;
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Broker, BrokerError, Outgoing, Settlement, Target};

use super::world::{Shared, consume, failed, message, next, nothing, put, to};

async fn open(folder: &tempfile::TempDir) -> Result<Arc<EmbeddedBroker>, BrokerError> {
    let clock = Arc::new(SystemClock::new());
    EmbeddedBroker::open(&folder.path().join("broker.db"), clock).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_is_there_after_a_restart_and_what_was_out_comes_again() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(&folder).await.unwrap();
    let shared: Shared = broker.clone();
    let ids: Vec<String> = (0..4).map(|n| format!("m-{n}")).collect();
    put(&shared, Queue::Webhooks, &ids).await;
    let mut deliveries = consume(&shared, Queue::Webhooks, 3).await;
    next(&mut deliveries).await.settle(Settlement::Done).await.unwrap();
    next(&mut deliveries).await.settle(failed("later")).await.unwrap();
    let out = next(&mut deliveries).await;
    // As if the process had died here: nothing is given back.
    broker.close().await;
    std::mem::forget(out);
    std::mem::forget(deliveries);
    drop((broker, shared));

    let shared: Shared = open(&folder).await.unwrap();
    let mut deliveries = consume(&shared, Queue::Webhooks, 10).await;
    let mut came = Vec::new();
    for _ in 0..3 {
        let delivery = next(&mut deliveries).await;
        let message = delivery.message().id.clone();
        came.push((message, delivery.redelivered(), delivery.failures()));
        delivery.settle(Settlement::Done).await.unwrap();
    }
    came.sort();
    let expected = [("m-1", false, 1), ("m-2", true, 0), ("m-3", false, 0)];
    let expected =
        expected.map(|(id, redelivered, failures)| (id.to_owned(), redelivered, failures));
    assert_eq!(came, expected);
    nothing(&mut deliveries).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_its_process_dies_with_each_time_is_dead_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let ids = ["out", "waiting"].map(str::to_owned);
    for life in 0..=20 {
        let broker = open(&folder).await.unwrap();
        let shared: Shared = broker.clone();
        if life == 0 {
            put(&shared, Queue::Webhooks, &ids).await;
        }
        let mut deliveries = consume(&shared, Queue::Webhooks, 1).await;
        let out = next(&mut deliveries).await;
        assert_eq!(out.message().id, "out", "life {life}");
        broker.close().await;
        std::mem::forget(out);
        std::mem::forget(deliveries);
    }
    let shared: Shared = open(&folder).await.unwrap();
    let dead = next(&mut consume(&shared, Queue::DeadLetters, 1).await).await;
    assert_eq!(dead.message().id, "out");
    assert_eq!(dead.message().headers[REASON], "delivery_limit");
    let waiting = next(&mut consume(&shared, Queue::Webhooks, 1).await).await;
    assert_eq!((waiting.message().id.as_str(), waiting.redelivered()), ("waiting", false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_has_seen_does_not_count_however_often_its_consumer_goes() {
    let folder = tempfile::tempdir().unwrap();
    let shared: Shared = open(&folder).await.unwrap();
    put(&shared, Queue::Webhooks, &["first", "prefetched"].map(str::to_owned)).await;
    for _ in 0..25 {
        let mut deliveries = consume(&shared, Queue::Webhooks, 10).await;
        next(&mut deliveries).await.settle(Settlement::Return).await.unwrap();
    }
    let mut deliveries = consume(&shared, Queue::Webhooks, 10).await;
    for _ in 0..2 {
        next(&mut deliveries).await.settle(Settlement::Done).await.unwrap();
    }
    nothing(&mut consume(&shared, Queue::DeadLetters, 1).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_has_one_broker_and_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(&folder).await.unwrap();
    assert!(matches!(open(&folder).await, Err(BrokerError::Unavailable(_))));
    let mode = std::fs::metadata(folder.path().join("broker.db")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
    broker.close().await;
    let closed = broker.publish(vec![to(Queue::Webhooks, message("m"))]).await.unwrap();
    assert!(matches!(closed[0], Err(BrokerError::Unavailable(_))), "{closed:?}");
    assert!(broker.stats().await.is_err());
    open(&folder).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_consumers_are_woken_without_polling() {
    let folder = tempfile::tempdir().unwrap();
    let shared: Shared = open(&folder).await.unwrap();
    let mut deliveries = consume(&shared, Queue::Webhooks, 10).await;
    let mut took = Vec::new();
    for n in 0..10 {
        nothing_for_a_moment(&mut deliveries).await;
        let started = tokio::time::Instant::now();
        put(&shared, Queue::Webhooks, &[format!("m-{n}")]).await;
        next(&mut deliveries).await.settle(Settlement::Done).await.unwrap();
        took.push(started.elapsed());
    }
    took.sort();
    assert!(took[5] < Duration::from_millis(200), "{took:?}");
}

async fn nothing_for_a_moment(deliveries: &mut Box<dyn tollgate::broker::Deliveries>) {
    let next = tokio::time::timeout(Duration::from_millis(30), deliveries.next()).await;
    assert!(next.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_events_too_slowly_is_told_and_holds_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let shared: Shared = open(&folder).await.unwrap();
    let mut slow = shared.events().await.unwrap();
    let mut fast = shared.events().await.unwrap();
    let event = |number: usize| {
        let target = Target::Topic(Exchange::Events, "card.issued".to_owned());
        Outgoing { target, message: message(&format!("e-{number}")) }
    };
    for round in 0..17 {
        let numbers = round * 1_000..(round + 1) * 1_000;
        for published in shared.publish(numbers.clone().map(event).collect()).await.unwrap() {
            published.unwrap();
        }
        for number in numbers {
            assert_eq!(next(&mut fast).await.message().id, format!("e-{number}"));
        }
    }
    let mut heard = 0;
    let error = loop {
        match slow.next().await {
            Ok(delivery) => assert_eq!(delivery.message().id, format!("e-{heard}")),
            Err(error) => break error,
        }
        heard += 1;
    };
    assert!(matches!(error, BrokerError::Unavailable(_)) && heard < 17_000, "{heard}: {error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hears_events_of_a_broker_that_closes_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(&folder).await.unwrap();
    let mut events = broker.events().await.unwrap();
    broker.close().await;
    let (ended, refused) = (events.next().await.err(), broker.events().await.err());
    for error in [ended, refused] {
        match error {
            Some(BrokerError::Unavailable(source)) => {
                assert_eq!(source.to_string(), "the embedded broker is closed");
            }
            other => panic!("{other:?}"),
        }
    }
}
