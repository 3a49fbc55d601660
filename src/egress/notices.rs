//! This process's own alerts and errors as events. Straight to the broker, past every store: they may be
//! about one. What nobody takes soon is dropped, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use uuid::Uuid;

use super::message;
use crate::broker::Broker;
use crate::domain::clock::Clock;
use crate::domain::event::Event;
use crate::domain::id::EventId;
use crate::telemetry::card_testing::ending;
use crate::telemetry::metrics;
use crate::telemetry::notices::{Notice, Sink};
use crate::wire::card_data::number;

/// Notices that wait for the broker. They are rate-limited where they are raised.
const WAITING_MAX: usize = 64;

/// How often one is published, and the pause before it is published again.
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);

/// The way in.
#[derive(Debug)]
pub struct Notices {
    queue: mpsc::Sender<Notice>,
    dropped: Arc<AtomicU64>,
}

impl Sink for Notices {
    fn tell(&self, notice: Notice) {
        if self.queue.try_send(fit_to_tell(notice)).is_err() {
            drop_one(&self.dropped);
        }
    }
}

/// The way out.
pub struct Publisher {
    queue: mpsc::Receiver<Notice>,
    dropped: Arc<AtomicU64>,
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    /// Which process tells.
    process: Uuid,
}

/// Both ends.
pub fn notices(broker: Arc<dyn Broker>, clock: Arc<dyn Clock>) -> (Arc<Notices>, Publisher) {
    let (sender, queue) = mpsc::channel(WAITING_MAX);
    let dropped = Arc::new(AtomicU64::new(0));
    let process = clock.uuid();
    let way_in = Notices { queue: sender, dropped: Arc::clone(&dropped) };
    (Arc::new(way_in), Publisher { queue, dropped, broker, clock, process })
}

impl Publisher {
    /// Publishes what comes, until nobody can tell any more.
    pub async fn run(mut self) {
        while let Some(notice) = self.queue.recv().await {
            if !self.publish(notice).await {
                drop_one(&self.dropped);
            }
        }
    }

    async fn publish(&self, notice: Notice) -> bool {
        let id = EventId::new(self.clock.uuid());
        let key = format!("process_{}", self.process.simple());
        let event = Event::new(id, notice.event(), key, self.clock.now(), &notice);
        for _ in 0..TRIES_MAX {
            let published = self.broker.publish(vec![message::of(&event, None)]).await;
            if published.is_ok_and(|results| results.iter().all(Result::is_ok)) {
                return true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }
}

/// A merchant's id is what somebody sent for one: where it has the form of a card number, no more than its
/// end goes out.
fn fit_to_tell(mut notice: Notice) -> Notice {
    if let Notice::CardTesting { merchant, .. } | Notice::CardTestingEnded { merchant, .. } =
        &mut notice
        && number::is_in(merchant)
    {
        *merchant = format!("…{}", ending(merchant)).into();
    }
    notice
}

fn drop_one(dropped: &AtomicU64) {
    let total = dropped.fetch_add(1, Ordering::Relaxed) + 1;
    metrics::count(metrics::NOTICES_DROPPED, &[], total);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_card_number_goes_out_as_a_merchant() {
        for (merchant, told) in
            [("m-1", "m-1"), ("445500001111222", "445500001111222"), ("4111111111111111", "…1111")]
        {
            let (kind, level) = ("card_testing", "critical");
            let ended = Notice::CardTestingEnded { kind, level, merchant: merchant.into() };
            let expected = Notice::CardTestingEnded { kind, level, merchant: told.into() };
            assert_eq!(fit_to_tell(ended), expected);
            let (merchant, declines, window_s) = (merchant.into(), 50, 600);
            let raised = Notice::CardTesting { kind, level, merchant, declines, window_s };
            let Notice::CardTesting { merchant, .. } = fit_to_tell(raised) else { panic!() };
            assert_eq!(&*merchant, told);
        }
    }
}
