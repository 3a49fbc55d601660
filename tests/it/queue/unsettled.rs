//! Settlements that a broker does not take: what was counted before them still counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tollgate::broker::headers::{ATTEMPTS, REASON};
use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{
    Broker, BrokerError, BrokerFuture, Deliveries, Delivery, Message, Outgoing, QueueStats,
    Settlement, Target,
};
use tollgate::domain::time::Timestamp;
use tollgate::store::Inbox;

use super::supervisor::{MemoryInbox, Script, lose, open, start, start_on};
use super::world::{take, until};
use crate::broker::world as brokers;

/// A broker that does not take the first death.
struct Reluctant {
    broker: Arc<dyn Broker>,
    has_failed: Arc<AtomicBool>,
}

impl Broker for Reluctant {
    fn declare(&self) -> BrokerFuture<'_, ()> {
        self.broker.declare()
    }

    fn publish(&self, messages: Vec<Outgoing>) -> BrokerFuture<'_, Vec<Result<(), BrokerError>>> {
        self.broker.publish(messages)
    }

    fn consume(&self, queue: Queue, prefetch: u16) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        Box::pin(async move {
            let deliveries = self.broker.consume(queue, prefetch).await?;
            let has_failed = Arc::clone(&self.has_failed);
            let deliveries = ReluctantDeliveries { deliveries, has_failed };
            Ok(Box::new(deliveries) as Box<dyn Deliveries>)
        })
    }

    fn replies(&self, name: String) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        self.broker.replies(name)
    }

    fn events(&self) -> BrokerFuture<'_, Box<dyn Deliveries>> {
        self.broker.events()
    }

    fn stats(&self) -> BrokerFuture<'_, Vec<QueueStats>> {
        self.broker.stats()
    }
}

struct ReluctantDeliveries {
    deliveries: Box<dyn Deliveries>,
    has_failed: Arc<AtomicBool>,
}

impl Deliveries for ReluctantDeliveries {
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>> {
        Box::pin(async move {
            let delivery = self.deliveries.next().await?;
            let has_failed = Arc::clone(&self.has_failed);
            Ok(Box::new(ReluctantDelivery { delivery, has_failed }) as Box<dyn Delivery>)
        })
    }
}

struct ReluctantDelivery {
    delivery: Box<dyn Delivery>,
    has_failed: Arc<AtomicBool>,
}

impl Delivery for ReluctantDelivery {
    fn message(&self) -> &Message {
        self.delivery.message()
    }

    fn replace(&mut self, message: Message) {
        self.delivery.replace(message);
    }

    fn failures(&self) -> u32 {
        self.delivery.failures()
    }

    fn recount(&mut self, failures: u32) {
        self.delivery.recount(failures);
    }

    fn redelivered(&self) -> bool {
        self.delivery.redelivered()
    }

    fn settle(self: Box<Self>, settlement: Settlement) -> BrokerFuture<'static, ()> {
        let is_death = matches!(settlement, Settlement::Dead { .. });
        if is_death && !self.has_failed.swap(true, Ordering::SeqCst) {
            let silent = BrokerError::Unavailable("not confirmed".into());
            return Box::pin(std::future::ready(Err(silent))); // dropped, it comes again
        }
        self.delivery.settle(settlement)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_had_all_attempts_has_none_more_though_its_death_is_not_taken() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        brokers::put(&broker, Queue::Webhooks, &["killer".to_owned()]).await;
        let now = Timestamp::from_micros(1);
        assert_eq!(inbox.begin("webhook-queue", "killer".to_owned(), 3, now).await.unwrap(), 4);
        lose(&broker, Queue::Webhooks, 1).await;
        let has_failed = Arc::<AtomicBool>::default();
        let reluctant: Arc<dyn Broker> =
            Arc::new(Reluctant { broker: broker.clone(), has_failed: has_failed.clone() });
        let consumers = start(&reluctant, &inbox, &script, &open());
        let letter = take(&mut broker.consume(Queue::DeadLetters, 1).await.unwrap()).await;
        let headers = [ATTEMPTS, REASON].map(|name| letter.headers[name].as_str());
        assert_eq!(headers, ["4", "attempts_exhausted"]);
        assert!(has_failed.load(Ordering::SeqCst), "it was not taken at first");
        assert_eq!(*script.seen.lock().unwrap(), Vec::<String>::new(), "nobody has died of it");
        consumers.stop(Duration::from_secs(5)).await;
        assert_eq!(inbox.len(), 0, "what is settled leaves no row");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_that_comes_again_is_handled_whatever_it_has_died_of() {
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let letters = ["4", "1"].map(|attempts| {
            let mut message = brokers::message("");
            message.headers.insert(ATTEMPTS.to_owned(), attempts.to_owned());
            let key = Queue::Webhooks.dead_letter_key().unwrap().to_owned();
            Outgoing { target: Target::Topic(Exchange::Transactions, key), message }
        });
        for result in broker.publish(letters.into()).await.unwrap() {
            result.unwrap();
        }
        lose(&broker, Queue::DeadLetters, 2).await;
        let consumers = start_on(Queue::DeadLetters, &broker, &inbox, &script, &open());
        until("both are kept", async || script.done.lock().unwrap().len() == 2).await;
        consumers.stop(Duration::from_secs(5)).await;
        assert_eq!(inbox.len(), 0, "nothing is counted");
    })
    .await;
}
