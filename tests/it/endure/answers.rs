//! Answers from the queue of decisions, however often its broker is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tollgate::broker::topology::Queue;
use tollgate::broker::{Broker, Settlement};

/// What is no decision.
pub const UNAVAILABLE: &str = "unavailable";

/// What was answered to each message, by id: a decision is the same however often it is told.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<String, BTreeSet<String>>>);

impl Answers {
    /// Reads them for ever.
    pub fn read(broker: &Arc<dyn Broker>) -> (Arc<Self>, JoinHandle<()>) {
        let (answers, broker) = (Arc::<Self>::default(), Arc::clone(broker));
        let own = Arc::clone(&answers);
        let reading = tokio::spawn(async move {
            loop {
                if let Ok(mut deliveries) = broker.consume(Queue::JitResponses, 256).await {
                    while let Ok(delivery) = deliveries.next().await {
                        let message = delivery.message().clone();
                        let status = message.headers["x-tollgate-status"].clone();
                        let body = String::from_utf8_lossy(&message.body);
                        let late = body.contains(r#""memo":"unavailable""#);
                        let said = if late { UNAVAILABLE.to_owned() } else { status };
                        own.0.lock().unwrap().entry(message.id).or_default().insert(said);
                        // One that is not acknowledged comes again, and says the same.
                        let _ = delivery.settle(Settlement::Done).await;
                    }
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
        (answers, reading)
    }

    pub fn ids(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    /// The ids of those that were answered so.
    pub fn said(&self, what: &str) -> BTreeSet<String> {
        let answers = self.0.lock().unwrap();
        let said = answers.iter().filter(|(_, said)| said.contains(what));
        said.map(|(id, _)| id.clone()).collect()
    }

    /// The ids to which different things were said.
    pub fn contradictions(&self) -> Vec<String> {
        self.of_several(|said| said.len())
    }

    /// The ids on which different decisions were made. `unavailable` is none: what comes again, because its
    /// acknowledgement was lost, may then be decided.
    pub fn decided_twice(&self) -> Vec<String> {
        self.of_several(|said| said.iter().filter(|said| *said != UNAVAILABLE).count())
    }

    fn of_several(&self, count: impl Fn(&BTreeSet<String>) -> usize) -> Vec<String> {
        let answers = self.0.lock().unwrap();
        let several = answers.iter().filter(|(_, said)| count(said) > 1);
        several.map(|(id, said)| format!("{id}: {said:?}")).collect()
    }
}
