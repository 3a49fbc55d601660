//! What every broker must keep.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use tollgate::broker::headers::{ATTEMPTS, FIRST_ERROR, LAST_ERROR, ORIGIN, REASON};
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{BrokerError, Message, Outgoing, Settlement, Target};

use super::world::{PATIENCE, Shared, consume, failed, message, next, nothing, publish, put, to};

pub async fn a_message_arrives_whole_and_once(broker: Shared) {
    broker.declare().await.unwrap(); // again
    let mut sent = message("m-1");
    sent.reply_to = Some("somewhere".into());
    sent.correlation_id = Some("c-1".into());
    sent.headers.insert("x-own".into(), "é \"1\"".into());
    sent.published_ms = Some(1_700_000_000_123);
    sent.body = (0..100_000).map(|n| n as u8).collect::<Vec<_>>().into();
    publish(&broker, to(Queue::JitFunding, sent.clone())).await.unwrap();

    let mut deliveries = consume(&broker, Queue::JitFunding, 10).await;
    let delivery = next(&mut deliveries).await;
    assert_eq!(*delivery.message(), sent);
    assert_eq!((delivery.failures(), delivery.redelivered()), (0, false));
    delivery.settle(Settlement::Done).await.unwrap();
    nothing(&mut deliveries).await;
    drop(deliveries);
    nothing(&mut consume(&broker, Queue::JitFunding, 10).await).await;
}

pub async fn messages_keep_their_order(broker: Shared) {
    let ids: Vec<String> = (0..300).map(|n| format!("m-{n}")).collect();
    for some in ids.chunks(100) {
        put(&broker, Queue::Webhooks, some).await;
    }
    let mut deliveries = consume(&broker, Queue::Webhooks, 7).await;
    for id in &ids {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.message().id, *id);
        delivery.settle(Settlement::Done).await.unwrap();
    }
}

pub async fn a_failing_message_is_tried_four_times_and_dies(broker: Shared) {
    put(&broker, Queue::Webhooks, &["poison".to_owned(), "good".to_owned()]).await;
    let mut deliveries = consume(&broker, Queue::Webhooks, 10).await;
    let mut attempts = Vec::new();
    while attempts.len() < 4 {
        let delivery = next(&mut deliveries).await;
        if delivery.message().id == "good" {
            assert_eq!(attempts.len(), 1, "neighbours do not wait");
            delivery.settle(Settlement::Done).await.unwrap();
            continue;
        }
        assert_eq!(delivery.failures() as usize, attempts.len());
        assert!(!delivery.redelivered(), "it was settled each time");
        let error = format!("error {}", attempts.len());
        attempts.push(Instant::now());
        delivery.settle(failed(&error)).await.unwrap();
    }
    for (pair, pause_ms) in attempts.windows(2).zip([100, 1_000, 5_000]) {
        let pause = pair[1] - pair[0];
        // RabbitMQ's clock is not ours: 4,958 ms of it were seen for 5,000.
        let least = Duration::from_millis(pause_ms) * 99 / 100;
        assert!(pause >= least, "{pause:?} for {pause_ms} ms");
        assert!(pause < Duration::from_millis(pause_ms + 3_000), "{pause:?} for {pause_ms} ms");
    }
    let dead = next(&mut consume(&broker, Queue::DeadLetters, 10).await).await;
    let header = |name: &str| dead.message().headers[name].clone();
    assert_eq!(dead.message().id, "poison");
    assert_eq!(header(ATTEMPTS), "4");
    assert_eq!(header(REASON), "attempts_exhausted");
    assert_eq!((header(FIRST_ERROR), header(LAST_ERROR)), ("error 0".into(), "error 3".into()));
    assert_eq!(header(ORIGIN), "webhook-queue");
    assert!(dead.message().published_ms.is_some());
    nothing(&mut deliveries).await;
}

pub async fn what_can_never_work_dies_at_once(broker: Shared) {
    let work = [Queue::JitFunding, Queue::Transactions, Queue::Webhooks];
    for queue in work {
        put(&broker, queue, &[queue.name().to_owned()]).await;
        let delivery = next(&mut consume(&broker, queue, 1).await).await;
        let (reason, error) = ("malformed_json".into(), "not JSON".into());
        delivery.settle(Settlement::Dead { reason, error }).await.unwrap();
    }
    let mut dead = consume(&broker, Queue::DeadLetters, 1).await;
    let mut again = BTreeSet::new();
    while again.len() < work.len() {
        let letter = next(&mut dead).await;
        let header = |name: &str| letter.message().headers[name].as_str();
        assert_eq!((header(ORIGIN), header(REASON)), (&*letter.message().id, "malformed_json"));
        assert_eq!((header(ATTEMPTS), header(LAST_ERROR)), ("1", "not JSON"));
        if letter.redelivered() {
            again.insert(letter.message().id.clone());
            letter.settle(Settlement::Done).await.unwrap();
        } else {
            // A dead letter does not die again.
            letter.settle(failed("no")).await.unwrap();
        }
    }
    nothing(&mut dead).await;
}

pub async fn no_more_than_a_prefetch_is_unsettled(broker: Shared) {
    let ids: Vec<String> = (0..5).map(|n| format!("m-{n}")).collect();
    put(&broker, Queue::Webhooks, &ids).await;
    let mut deliveries = consume(&broker, Queue::Webhooks, 2).await;
    let first = next(&mut deliveries).await;
    let second = next(&mut deliveries).await;
    nothing(&mut deliveries).await;
    second.settle(Settlement::Done).await.unwrap();
    let third = next(&mut deliveries).await;
    assert_eq!(third.message().id, "m-2");
    nothing(&mut deliveries).await;
    // Whoever else consumes gets what is left.
    let mut others = consume(&broker, Queue::Webhooks, 10).await;
    assert_eq!(next(&mut others).await.message().id, "m-3");
    first.settle(Settlement::Done).await.unwrap();
    third.settle(Settlement::Done).await.unwrap();
}

pub async fn what_is_dropped_unsettled_comes_again(broker: Shared) {
    put(&broker, Queue::Webhooks, &["a".to_owned(), "b".to_owned()]).await;
    let mut deliveries = consume(&broker, Queue::Webhooks, 1).await;
    drop(next(&mut deliveries).await);
    let again = next(&mut deliveries).await;
    assert_eq!((again.message().id.as_str(), again.redelivered()), ("a", true));
    again.settle(Settlement::Done).await.unwrap();
    // A consumer that goes leaves what it has not settled.
    let held = next(&mut deliveries).await;
    assert_eq!((held.message().id.as_str(), held.redelivered()), ("b", false));
    drop(deliveries);
    drop(held);
    let mut others = consume(&broker, Queue::Webhooks, 1).await;
    let again = next(&mut others).await;
    assert_eq!((again.message().id.as_str(), again.redelivered()), ("b", true));
    assert_eq!(again.failures(), 0);
    again.settle(Settlement::Done).await.unwrap();
    nothing(&mut others).await;
}

pub async fn what_comes_back_again_and_again_without_a_word_dies(broker: Shared) {
    put(&broker, Queue::Webhooks, &["lost".to_owned()]).await;
    let mut deliveries = consume(&broker, Queue::Webhooks, 1).await;
    for _ in 0..=20 {
        let delivery = next(&mut deliveries).await;
        assert_eq!((delivery.message().id.as_str(), delivery.failures()), ("lost", 0));
        drop(delivery);
    }
    let dead = next(&mut consume(&broker, Queue::DeadLetters, 1).await).await;
    let told = [REASON, ORIGIN, ATTEMPTS, FIRST_ERROR, LAST_ERROR]
        .map(|name| dead.message().headers[name].as_str());
    let error = "it came back too often without a word";
    assert_eq!(dead.message().id, "lost");
    assert_eq!(told, ["delivery_limit", "webhook-queue", "1", error, error]);
    nothing(&mut deliveries).await;
}

pub async fn work_that_has_expired_is_dead_and_says_so(broker: Shared) {
    let short = Message { expires_after: Some(Duration::from_millis(50)), ..message("short") };
    publish(&broker, to(Queue::Webhooks, short)).await.unwrap();
    let dead = next(&mut consume(&broker, Queue::DeadLetters, 1).await).await;
    let told = [REASON, ORIGIN, ATTEMPTS, FIRST_ERROR, LAST_ERROR]
        .map(|name| dead.message().headers[name].as_str());
    let error = "its time had passed before its turn came";
    assert_eq!(told, ["expired", "webhook-queue", "1", error, error]);
}

pub async fn a_dead_letter_comes_back_however_often(broker: Shared) {
    let dead = Outgoing {
        target: Target::Topic(Exchange::Transactions, "webhook.failed".to_owned()),
        message: message("dead"),
    };
    publish(&broker, dead).await.unwrap();
    let mut letters = consume(&broker, Queue::DeadLetters, 1).await;
    for _ in 0..25 {
        drop(next(&mut letters).await);
    }
    next(&mut letters).await.settle(Settlement::Done).await.unwrap();
    nothing(&mut letters).await;
}

pub async fn what_is_returned_is_not_counted(broker: Shared) {
    put(&broker, Queue::Webhooks, &["patient".to_owned()]).await;
    let mut deliveries = consume(&broker, Queue::Webhooks, 1).await;
    // More often than any limit of deliveries.
    for _ in 0..45 {
        let delivery = next(&mut deliveries).await;
        assert_eq!(delivery.failures(), 0);
        delivery.settle(Settlement::Return).await.unwrap();
    }
    let mut delivery = next(&mut deliveries).await;
    delivery.recount(3);
    delivery.settle(failed("counted elsewhere")).await.unwrap();
    let dead = next(&mut consume(&broker, Queue::DeadLetters, 1).await).await;
    assert_eq!(dead.message().headers[ATTEMPTS], "4");
}

pub async fn what_nobody_takes_is_told_to_its_publisher(broker: Shared) {
    let topic = |exchange, key: &str, id: &str| Outgoing {
        target: Target::Topic(exchange, key.to_owned()),
        message: message(id),
    };
    let messages = vec![
        topic(Exchange::Transactions, "jit-funding.decision", "a"),
        topic(Exchange::Transactions, "jit-funding.nonsense", "b"),
        topic(Exchange::Events, "authorization.approved", "c"),
        Outgoing { target: Target::Reply("nobody-0042".to_owned()), message: message("d") },
        topic(Exchange::Transactions, "webhook.failed", "e"),
    ];
    let results = broker.publish(messages).await.unwrap();
    let unroutable = |n: usize| matches!(results[n], Err(BrokerError::Unroutable(_)));
    let told: Vec<bool> = (0..5).map(unroutable).collect();
    assert_eq!(told, [false, true, false, true, false], "{results:?}");
    for n in [0, 2, 4] {
        assert!(results[n].is_ok(), "{results:?}");
    }
}

pub async fn each_of_many_publishers_is_told_of_its_own(broker: Shared) {
    let name = format!("answers-{}", crate::support::servers::unique());
    let _answers = broker.replies(name.clone()).await.unwrap();
    let target = |n: usize| match n % 4 {
        0 => Target::Topic(Exchange::Transactions, "jit-funding.decision".to_owned()),
        1 => Target::Topic(Exchange::Transactions, "jit-funding.nonsense".to_owned()),
        2 => Target::Reply(name.clone()),
        _ => Target::Reply(format!("nobody-{n}")),
    };
    let publishing = (0..200).map(|n| {
        let outgoing = Outgoing { target: target(n), message: message(&format!("m-{n}")) };
        let broker = broker.clone();
        tokio::spawn(async move { publish(&broker, outgoing).await })
    });
    for (n, published) in publishing.collect::<Vec<_>>().into_iter().enumerate() {
        match published.await.unwrap() {
            Ok(()) => assert_eq!(n % 2, 0, "{n} went nowhere"),
            Err(BrokerError::Unroutable(_)) => assert_eq!(n % 2, 1, "{n} has arrived"),
            Err(error) => panic!("{n}: {error:?}"),
        }
    }
    let mut deliveries = consume(&broker, Queue::JitResponses, 100).await;
    let mut arrived = BTreeSet::new();
    for _ in 0..50 {
        let delivery = next(&mut deliveries).await;
        arrived.insert(delivery.message().id.clone());
        delivery.settle(Settlement::Done).await.unwrap();
    }
    assert_eq!(arrived, (0..200).step_by(4).map(|n| format!("m-{n}")).collect());
}

pub async fn whatever_order_they_are_settled_in_each_is_settled_once(broker: Shared) {
    let ids: Vec<String> = (0..100).map(|n| format!("m-{n}")).collect();
    put(&broker, Queue::Webhooks, &ids).await;
    let mut deliveries = consume(&broker, Queue::Webhooks, 200).await;
    let mut taken = Vec::new();
    for _ in &ids {
        taken.push(next(&mut deliveries).await);
    }
    // The first stays at work, one goes back, and the others are settled from both ends.
    let first = taken.remove(0);
    drop(taken.remove(39));
    let mut settling = Vec::new();
    while let Some(last) = taken.pop() {
        settling.push(tokio::spawn(last.settle(Settlement::Done)));
        if !taken.is_empty() {
            settling.push(tokio::spawn(taken.remove(0).settle(Settlement::Done)));
        }
    }
    for settled in settling {
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        settled.expect("nobody waits for the first").unwrap().unwrap();
    }
    let back = next(&mut deliveries).await;
    assert_eq!((back.message().id.as_str(), back.redelivered()), ("m-40", true));
    back.settle(Settlement::Done).await.unwrap();
    drop(deliveries);
    drop(first);
    let mut others = consume(&broker, Queue::Webhooks, 200).await;
    let again = next(&mut others).await;
    assert_eq!((again.message().id.as_str(), again.redelivered()), ("m-0", true));
    again.settle(Settlement::Done).await.unwrap();
    nothing(&mut others).await;
}

pub async fn answers_go_to_whoever_asked(broker: Shared) {
    let name = format!("answers-{}", crate::support::servers::unique());
    let answer = |id: &str| Outgoing {
        target: Target::Reply(name.clone()),
        message: Message { correlation_id: Some(id.to_owned()), ..message(id) },
    };
    let mut answers = broker.replies(name.clone()).await.unwrap();
    publish(&broker, answer("a")).await.unwrap();
    let delivery = next(&mut answers).await;
    assert_eq!(delivery.message().correlation_id.as_deref(), Some("a"));
    delivery.settle(Settlement::Done).await.unwrap();
    drop(answers);
    let gone = async {
        while publish(&broker, answer("b")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the queue goes with its reader");
    // A queue of ours may be answered to by its name, too.
    let target = Target::Reply(Queue::JitResponses.name().to_owned());
    publish(&broker, Outgoing { target, message: message("c") }).await.unwrap();
    next(&mut consume(&broker, Queue::JitResponses, 1).await).await;
}

pub async fn what_is_worth_nothing_any_more_is_gone(broker: Shared) {
    let short = Message { expires_after: Some(Duration::from_millis(150)), ..message("short") };
    let long = Message { expires_after: Some(Duration::from_secs(600)), ..message("long") };
    for message in [short, long] {
        publish(&broker, to(Queue::JitResponses, message)).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut deliveries = consume(&broker, Queue::JitResponses, 10).await;
    assert_eq!(next(&mut deliveries).await.message().id, "long");
}

pub async fn publishers_and_consumers_side_by_side_lose_nothing(broker: Shared) {
    let publishers: Vec<_> = (0..8)
        .map(|publisher| {
            let broker = broker.clone();
            tokio::spawn(async move {
                for n in 0..50 {
                    put(&broker, Queue::Transactions, &[format!("{publisher}-{n}")]).await;
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..3)
        .map(|_| {
            let broker = broker.clone();
            tokio::spawn(async move {
                let mut deliveries = consume(&broker, Queue::Transactions, 5).await;
                let mut seen = Vec::new();
                let quiet = Duration::from_secs(2);
                while let Ok(delivery) = tokio::time::timeout(quiet, deliveries.next()).await {
                    let delivery = delivery.unwrap();
                    seen.push(delivery.message().id.clone());
                    delivery.settle(Settlement::Done).await.unwrap();
                }
                seen
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    let mut seen = Vec::new();
    for consumer in consumers {
        seen.extend(consumer.await.unwrap());
    }
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (400, 400));
}

pub async fn the_queues_are_counted(broker: Shared) {
    let ids: Vec<String> = (0..3).map(|n| format!("m-{n}")).collect();
    put(&broker, Queue::Webhooks, &ids).await;
    let count = async |queue: Queue| {
        let stats = broker.stats().await.unwrap();
        let stats = stats.into_iter().find(|stats| stats.queue == queue.name()).unwrap();
        (stats.messages, stats.consumers)
    };
    assert_eq!(count(Queue::Webhooks).await, (3, 0));
    let mut deliveries = consume(&broker, Queue::Webhooks, 1).await;
    let _held = next(&mut deliveries).await;
    // What a broker tells may be a moment old.
    let known = async {
        while count(Queue::Webhooks).await != (2, 1) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, known).await.expect("one is held, by one consumer");
    assert_eq!(count(Queue::DeadLetters).await, (0, 0));
}

pub async fn events_are_heard_by_everyone_from_when_they_listen(broker: Shared) {
    let event = |id: &str| {
        let target = Target::Topic(Exchange::Events, "card.issued".to_owned());
        Outgoing { target, message: message(id) }
    };
    publish(&broker, event("before")).await.unwrap();
    let mut early = broker.events().await.unwrap();
    let ids: Vec<String> = (0..300).map(|n| format!("e-{n}")).collect();
    for published in broker.publish(ids.iter().map(|id| event(id)).collect()).await.unwrap() {
        published.unwrap();
    }
    let mut late = broker.events().await.unwrap();
    publish(&broker, event("last")).await.unwrap();
    for id in ids.iter().map(String::as_str).chain(["last"]) {
        let heard = next(&mut early).await;
        assert_eq!((heard.message().id.as_str(), heard.redelivered()), (id, false));
        assert_eq!(heard.message().body, message(id).body);
        heard.settle(Settlement::Done).await.unwrap();
    }
    assert_eq!(next(&mut late).await.message().id, "last");
    nothing(&mut early).await;
    nothing(&mut late).await;
    put(&broker, Queue::Webhooks, &["work".to_owned()]).await;
    nothing(&mut late).await;
    drop(early);
    publish(&broker, event("after")).await.unwrap();
    assert_eq!(next(&mut late).await.message().id, "after");
}
