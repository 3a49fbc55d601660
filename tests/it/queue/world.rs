//! A service with a broker, and its queues as an asker sees them.

use std::sync::Arc;
use std::time::Duration;

use tollgate::broker::topology::{Exchange, Queue};
use tollgate::broker::{Broker, Deliveries, Message, Outgoing, Settlement, Target};

use crate::broker::world::{PATIENCE, clear};
use crate::support::{TestApp, servers};

/// Runs a test on a service whose broker is embedded.
pub async fn embedded<F: Future<Output = ()>>(test: impl FnOnce(Arc<TestApp>) -> F) {
    // Dead letters stay in their queue: the test looks at them there.
    let app = TestApp::start_with(|settings| settings.broker.consumers.dead_letters.count = 0);
    let app = Arc::new(app.await);
    test(Arc::clone(&app)).await;
    stop(app).await;
}

/// Runs a test on a service with a corner of the server.
pub async fn rabbitmq<F: Future<Output = ()>>(test: impl FnOnce(Arc<TestApp>) -> F) {
    let (url, prefix) = (servers::url("RABBITMQ_URL"), format!("{}.", servers::unique()));
    let app = TestApp::start_with(|settings| {
        settings.broker.rabbitmq.url = Some(url.as_str().into());
        settings.broker.rabbitmq.prefix.clone_from(&prefix);
        settings.broker.consumers.dead_letters.count = 0;
    });
    let app = Arc::new(app.await);
    test(Arc::clone(&app)).await;
    stop(app).await;
    clear(&url, &prefix).await;
}

async fn stop(app: Arc<TestApp>) {
    Arc::into_inner(app).expect("the test has let go of it").stop_and_verify().await;
}

/// A request of the platform, to be answered to `reply_to`.
pub fn request(id: &str, body: String, reply_to: Option<&str>) -> Message {
    Message {
        id: id.to_owned(),
        content_type: "application/json".to_owned(),
        reply_to: reply_to.map(str::to_owned),
        correlation_id: Some(format!("c-{id}")),
        body: body.into(),
        ..Message::default()
    }
}

/// Publishes to the queue of requests.
pub async fn ask(broker: &Arc<dyn Broker>, message: Message) {
    let key = Queue::JitFunding.binding().to_owned();
    let target = Target::Topic(Exchange::Transactions, key);
    let outgoing = Outgoing { target, message };
    broker.publish(vec![outgoing]).await.unwrap().pop().unwrap().unwrap();
}

/// The next message, settled.
pub async fn take(deliveries: &mut Box<dyn Deliveries>) -> Message {
    let next = tokio::time::timeout(PATIENCE, deliveries.next()).await;
    let delivery = next.expect("a message comes").unwrap();
    let message = delivery.message().clone();
    delivery.settle(Settlement::Done).await.unwrap();
    message
}

/// Waits until this is so.
pub async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{what}");
}
