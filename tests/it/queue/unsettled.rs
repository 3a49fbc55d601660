//! Settlements that a broker does not take: what its process has died of still counts, and what was
//! handled does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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

/// A broker that does not take the first settlements of a kind.
struct Reluctant {
    broker: Arc<dyn Broker>,
    refusing: Refusing,
}

/// Which settlements, and how many more of them.
#[derive(Clone)]
struct Refusing {
    is_of_kind: fn(&Settlement) -> bool,
    left: Arc<AtomicU32>,
}

impl Refusing {
    fn new(times: u32, is_of_kind: fn(&Settlement) -> bool) -> Self {
        Self { is_of_kind, left: Arc::new(AtomicU32::new(times)) }
    }

    fn refuses(&self, settlement: &Settlement) -> bool {
        let one_less = |left: u32| left.checked_sub(1);
        (self.is_of_kind)(settlement)
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    fn is_over(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
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
            let refusing = self.refusing.clone();
            let deliveries = ReluctantDeliveries { deliveries, refusing };
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
    refusing: Refusing,
}

impl Deliveries for ReluctantDeliveries {
    fn next(&mut self) -> BrokerFuture<'_, Box<dyn Delivery>> {
        Box::pin(async move {
            let delivery = self.deliveries.next().await?;
            let refusing = self.refusing.clone();
            Ok(Box::new(ReluctantDelivery { delivery, refusing }) as Box<dyn Delivery>)
        })
    }
}

struct ReluctantDelivery {
    delivery: Box<dyn Delivery>,
    refusing: Refusing,
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
        if self.refusing.refuses(&settlement) {
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
        assert_eq!(inbox.begin("webhook-queue", "killer".to_owned(), 4, now).await.unwrap(), 4);
        lose(&broker, Queue::Webhooks, 1).await;
        let refusing = Refusing::new(1, |settlement| matches!(settlement, Settlement::Dead { .. }));
        let reluctant: Arc<dyn Broker> =
            Arc::new(Reluctant { broker: broker.clone(), refusing: refusing.clone() });
        let consumers = start(&reluctant, &inbox, &script, &open());
        let letter = take(&mut broker.consume(Queue::DeadLetters, 1).await.unwrap()).await;
        let headers = [ATTEMPTS, REASON].map(|name| letter.headers[name].as_str());
        assert_eq!(headers, ["4", "attempts_exhausted"]);
        assert!(refusing.is_over(), "it was not taken at first");
        assert_eq!(*script.seen.lock().unwrap(), Vec::<String>::new(), "nobody has died of it");
        consumers.stop(Duration::from_secs(5)).await;
        assert_eq!(inbox.len(), 0, "what is settled leaves no row");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_handled_is_not_dead_however_often_the_broker_does_not_take_that() {
    const LOST: u32 = 6;
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let refusing = Refusing::new(LOST, |settlement| *settlement == Settlement::Done);
        let reluctant: Arc<dyn Broker> =
            Arc::new(Reluctant { broker: broker.clone(), refusing: refusing.clone() });
        let consumers = start(&reluctant, &inbox, &script, &open());
        brokers::put(&broker, Queue::Webhooks, &["good".to_owned()]).await;
        let done = || script.done.lock().unwrap().len();
        until("it is taken at last", async || done() > LOST as usize).await;
        consumers.stop(Duration::from_secs(5)).await;
        assert!(refusing.is_over());
        brokers::nothing(&mut broker.consume(Queue::DeadLetters, 1).await.unwrap()).await;
        brokers::nothing(&mut broker.consume(Queue::Webhooks, 1).await.unwrap()).await;
        assert_eq!(inbox.len(), 0, "nothing is counted");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_that_a_stopping_process_does_not_wait_for_is_taken_back_once() {
    const QUEUE: &str = "webhook-queue";
    brokers::embedded(|broker| async move {
        let (inbox, script) = (Arc::<MemoryInbox>::default(), Arc::<Script>::default());
        let ids = ["hangs-1", "hangs-2"].map(str::to_owned);
        brokers::put(&broker, Queue::Webhooks, &ids).await;
        lose(&broker, Queue::Webhooks, 2).await;
        // The second one was at work when a process before this one was stopped.
        inbox.begin(QUEUE, ids[1].clone(), 2, Timestamp::from_micros(1)).await.unwrap();
        inbox.undo(QUEUE, ids[1].clone(), 2).await.unwrap();
        let consumers = start(&broker, &inbox, &script, &open());
        let tries = || script.seen.lock().unwrap().len();
        until("both are at work", async || tries() == 2).await;
        let written = async |id: &String| inbox.begun(QUEUE, id.clone()).await.unwrap();
        let both = async || (written(&ids[0]).await, written(&ids[1]).await);
        assert_eq!(both().await, (2, 2), "the one before, which nobody has counted, and this one");
        consumers.stop(Duration::from_millis(10)).await;
        assert_eq!(both().await, (1, 2), "or what makes its process stop would never be dead");
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
