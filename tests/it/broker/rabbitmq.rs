//! What only a server can do to us, short of dying.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, BasicRejectOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use tollgate::broker::headers::{ATTEMPTS, FIRST_ERROR, LAST_ERROR, ORIGIN, REASON};
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Broker, BrokerError, Message, Outgoing, Settlement, Target};

use super::world::{
    PATIENCE, Shared, clear, connect, consume, message, next, open, publish, rabbitmq_named, to,
};
use crate::support::servers;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_queue_with_other_arguments_is_named_with_what_differs_and_may_be_mended() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let connection = connect(&url).await;
    let channel = connection.create_channel().await.unwrap();
    let name = format!("{prefix}webhook-queue");
    let classic = QueueDeclareOptions::durable();
    channel.queue_declare(name.as_str().into(), classic, FieldTable::default()).await.unwrap();

    let broker = open(&url, &prefix);
    let Err(BrokerError::Refused(source)) = broker.declare().await else { panic!("declared") };
    let said = source.to_string();
    assert!(said.contains(&name) && said.contains("inequivalent arg"), "{said}");
    let shared: Shared = broker.clone();
    let published = publish(&shared, to(Queue::Webhooks, message("m"))).await;
    assert!(matches!(published, Err(BrokerError::Refused(_))), "{published:?}");

    channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
    let mended = async {
        while broker.declare().await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), mended).await.expect("it looks again");
    publish(&shared, to(Queue::Webhooks, message("m"))).await.unwrap();
    broker.close().await;
    clear(&url, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_wrong_password_is_refused_and_a_wrong_port_is_waited_for() {
    let url = servers::url("RABBITMQ_URL");
    let wrong = url.replacen("tollgate-dev", "wrong", 1);
    assert_ne!(url, wrong);
    let broker = open(&wrong, "x.");
    let refused = broker.declare().await;
    assert!(matches!(refused, Err(BrokerError::Refused(_))), "{refused:?}");
    assert!(!format!("{refused:?}").contains("wrong"), "no password in errors");
    let nobody = open("amqp://a:b@127.0.0.1:9/%2f", "x.");
    let unavailable = nobody.declare().await;
    assert!(matches!(unavailable, Err(BrokerError::Unavailable(_))), "{unavailable:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_others_publish_is_read_as_far_as_it_can_be() {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let broker = open(&url, &prefix);
    broker.declare().await.unwrap();
    let shared: Shared = broker.clone();
    let connection = connect(&url).await;
    let channel = connection.create_channel().await.unwrap();
    let options = BasicPublishOptions::default();
    let properties = lapin::BasicProperties::default().with_timestamp(1_700_000_000);
    let name = format!("{prefix}jit-funding-queue");
    let bare = channel.basic_publish("".into(), name.into(), options, b"\xff", properties);
    bare.await.unwrap();
    let delivery = next(&mut consume(&shared, Queue::JitFunding, 1).await).await;
    let found = delivery.message();
    assert_eq!((found.id.as_str(), found.content_type.as_str()), ("", ""));
    assert_eq!(found.published_ms, Some(1_700_000_000_999), "whole seconds, in its favour");
    assert_eq!(&found.body[..], b"\xff");
    delivery.settle(Settlement::Done).await.unwrap();
    broker.close().await;
    clear(&url, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn what_the_broker_takes_for_dead_by_itself_tells_where_and_why() {
    rabbitmq_named(|broker, prefix| async move {
        let of_age = Message { expires_after: Some(Duration::from_millis(1)), ..message("old") };
        publish(&broker, to(Queue::Transactions, of_age)).await.unwrap();
        // One that has failed once and waited, and that somebody then refuses.
        let mut refused = message("refused");
        refused.headers.insert(ATTEMPTS.to_owned(), "1".to_owned());
        let target = Target::Reply(format!("{prefix}webhook-queue.retry.100ms"));
        publish(&broker, Outgoing { target, message: refused }).await.unwrap();
        let connection = connect(&servers::url("RABBITMQ_URL")).await;
        let channel = connection.create_channel().await.unwrap();
        let taken = async {
            loop {
                let queue = format!("{prefix}webhook-queue").into();
                let got = channel.basic_get(queue, BasicGetOptions::default()).await.unwrap();
                match got {
                    Some(got) => break got,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        let taken = tokio::time::timeout(PATIENCE, taken).await.expect("it comes again");
        taken.delivery.acker.reject(BasicRejectOptions { requeue: false }).await.unwrap();

        let mut dead = consume(&broker, Queue::DeadLetters, 2).await;
        let mut told = BTreeMap::new();
        for _ in 0..2 {
            let letter = next(&mut dead).await;
            let headers = &letter.message().headers;
            let text = |name: &str| headers.get(name).cloned().unwrap_or_default();
            let names = [ORIGIN, REASON, ATTEMPTS, FIRST_ERROR, LAST_ERROR];
            told.insert(letter.message().id.clone(), names.map(text));
            letter.settle(Settlement::Done).await.unwrap();
        }
        let late = "its time had passed before its turn came";
        let refusal = "a consumer that is not ours has refused it";
        let expected = [
            ("old", ["transaction-processing-queue", "expired", "1", late, late]),
            ("refused", ["webhook-queue", "rejected", "2", refusal, refusal]),
        ];
        let expected = expected.map(|(id, told)| (id.to_owned(), told.map(str::to_owned)));
        assert_eq!(told, BTreeMap::from(expected));
        connection.close(200, "done".into()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn a_full_queue_of_answers_is_told_from_a_broker_that_does_not_work() {
    rabbitmq_named(|broker, _| async move {
        let connection = connect(&servers::url("RABBITMQ_URL")).await;
        let channel = connection.create_channel().await.unwrap();
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        let options = QueueDeclareOptions::exclusive().auto_delete();
        let queue = channel.queue_declare("".into(), options, arguments).await.unwrap();
        let target = Target::Reply(queue.name().as_str().to_owned());
        let answer = |id: &str| Outgoing { target: target.clone(), message: message(id) };
        publish(&broker, answer("a")).await.unwrap();
        let second = publish(&broker, answer("b")).await;
        assert!(matches!(second, Err(BrokerError::NotTaken(_))), "{second:?}");
        publish(&broker, to(Queue::JitResponses, message("b"))).await.unwrap();
        connection.close(200, "done".into()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs servers: scripts/test"]
async fn events_reach_whoever_binds_a_queue_to_their_keys() {
    rabbitmq_named(|broker, prefix| async move {
        let connection = connect(&servers::url("RABBITMQ_URL")).await;
        let decisions = subscribe(&connection, &prefix, "authorization.*").await;
        let everything = subscribe(&connection, &prefix, "#").await;
        let keys = ["authorization.approved", "limit.changed", "authorization.declined", "a.b.c"];
        let event = |key: &str| Outgoing {
            target: Target::Topic(Exchange::Events, key.to_owned()),
            message: message(&format!("evt-{key}")),
        };
        let published = broker.publish(keys.map(event).into()).await.unwrap();
        assert!(published.iter().all(Result::is_ok), "{published:?}");
        // In their order, and each once: one more is the last that comes.
        publish(&broker, event("authorization.last")).await.unwrap();
        let all = [&keys[..], &["authorization.last"]].concat();
        assert_eq!(until_the_last(everything).await, all);
        let of_decisions = [keys[0], keys[2], "authorization.last"];
        assert_eq!(until_the_last(decisions).await, of_decisions);
        connection.close(200, "done".into()).await.unwrap();
    })
    .await;
}

/// A queue of a stranger's own, bound to the exchange of events.
async fn subscribe(
    connection: &lapin::Connection,
    prefix: &str,
    keys: &str,
) -> (lapin::Channel, lapin::Consumer) {
    let channel = connection.create_channel().await.unwrap();
    let options = QueueDeclareOptions::exclusive().auto_delete();
    let queue = channel.queue_declare("".into(), options, FieldTable::default()).await.unwrap();
    let (queue, exchange) = (queue.name().clone(), format!("{prefix}events"));
    let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
    let binding =
        channel.queue_bind(queue.clone(), exchange.into(), keys.into(), options, arguments);
    binding.await.unwrap();
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
    let consumer = consuming.await.unwrap();
    (channel, consumer)
}

/// The keys of what comes, each with its own message.
async fn until_the_last((_channel, mut events): (lapin::Channel, lapin::Consumer)) -> Vec<String> {
    let mut keys = Vec::new();
    while keys.last().is_none_or(|key: &String| !key.ends_with(".last")) {
        let event = tokio::time::timeout(PATIENCE, events.next()).await;
        let event = event.expect("an event comes").unwrap().unwrap();
        let (key, id) = (event.routing_key.as_str(), event.properties.message_id());
        assert_eq!(id.as_ref().map(|id| id.as_str()), Some(format!("evt-{key}").as_str()));
        keys.push(key.to_owned());
    }
    keys
}
