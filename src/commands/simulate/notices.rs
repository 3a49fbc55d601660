//! Notifications: sent until they are acknowledged, in batches, and if asked for with duplicates, late
//! and in any order. Only 200 acknowledges.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::super::client::Ask;
use super::caller::Caller;
use super::seed::Seed;
use super::target::Target;

/// How long a receiver may take.
const RECEIVER_LIMIT: Duration = Duration::from_secs(10);

/// The pause after the first attempt at a delivery; each further one is twice as long.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Deliveries that are under way at a time, where order does not matter.
const AT_ONCE: usize = 16;

/// How long a batch or a window waits for more.
const GATHER: Duration = Duration::from_millis(20);

/// How notifications travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Travel {
    /// Notifications of one type that one delivery carries at most.
    pub(super) batch: usize,
    /// In how many of a hundred cases a delivery is sent again although it was acknowledged.
    pub(super) duplicates: u64,
    /// How late a delivery may be.
    pub(super) delay: Duration,
    /// Among how many notifications the order is lost; 1: it is kept.
    pub(super) shuffle: usize,
    /// How often a delivery is tried.
    pub(super) attempts: u32,
}

impl Travel {
    /// Whether one delivery follows the other.
    const fn in_order(&self) -> bool {
        self.shuffle <= 1 && self.delay.is_zero()
    }
}

/// What has been sent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Notifications.
    pub(super) notices: AtomicU64,
    /// Deliveries that were acknowledged, duplicates included.
    pub(super) acknowledged: AtomicU64,
    /// Deliveries that were sent again although they were acknowledged.
    pub(super) duplicates: AtomicU64,
    /// Deliveries that had to be sent again.
    pub(super) repeated: AtomicU64,
    /// Deliveries that nobody has acknowledged.
    pub(super) lost: AtomicU64,
    /// What the last of those was answered.
    pub(super) last: std::sync::Mutex<String>,
}

/// Families: the key under which a delivery carries its notifications.
pub(super) const TRANSACTIONS: &str = "transactions";
pub(super) const CARD_TRANSITIONS: &str = "cardtransitions";

/// A notification, with its family.
type Notice = (&'static str, Value);

/// The sender of notifications.
pub(super) struct Notices {
    queue: mpsc::UnboundedSender<Notice>,
    waiting: Mutex<mpsc::UnboundedReceiver<Notice>>,
    pending: AtomicU64,
    door: RwLock<Arc<(Target, Caller)>>,
    travel: Travel,
    seed: Arc<Seed>,
    tally: Tally,
}

impl Notices {
    pub(super) fn new(target: Target, travel: Travel, seed: Arc<Seed>) -> Arc<Self> {
        let (queue, waiting) = mpsc::unbounded_channel();
        Arc::new(Self {
            queue,
            waiting: Mutex::new(waiting),
            pending: AtomicU64::new(0),
            door: RwLock::new(at(target)),
            travel,
            seed,
            tally: Tally::default(),
        })
    }

    /// From now on another door is used.
    pub(super) fn retarget(&self, change: impl FnOnce(&Target) -> Option<Target>) {
        let mut door = self.door.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(target) = change(&door.0) {
            *door = at(target);
        }
    }

    /// What has been sent.
    pub(super) const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// To be delivered.
    pub(super) fn notify(&self, family: &'static str, notice: Value) {
        self.tally.notices.fetch_add(1, Ordering::Relaxed);
        self.pending.fetch_add(1, Ordering::SeqCst);
        let _ = self.queue.send((family, notice)); // the other end lives as long as this
    }

    /// Waits until nothing is to be delivered any more.
    pub(super) async fn delivered(&self) {
        while self.pending.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Delivers, for ever.
    pub(super) async fn deliver_for_ever(self: Arc<Self>) {
        let mut queue = self.waiting.lock().await;
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut under_way = JoinSet::new();
        loop {
            let mut window = self.gather(&mut queue).await;
            if window.is_empty() {
                return;
            }
            if self.travel.shuffle > 1 {
                self.seed.shuffle(&mut window);
            }
            for batch in batches(window, self.travel.batch.max(1)) {
                let own = Arc::clone(&self);
                if self.travel.in_order() {
                    own.deliver(batch).await;
                    continue;
                }
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                under_way.spawn(async move {
                    own.deliver(batch).await;
                    drop(place);
                });
                while under_way.try_join_next().is_some() {}
            }
        }
    }

    /// As many as may lose their order, or share a delivery, if they come soon.
    async fn gather(&self, queue: &mut mpsc::UnboundedReceiver<Notice>) -> Vec<Notice> {
        let most = self.travel.shuffle.max(self.travel.batch).max(1);
        let mut window = Vec::new();
        window.extend(queue.recv().await);
        while !window.is_empty() && window.len() < most {
            match tokio::time::timeout(GATHER, queue.recv()).await {
                Ok(Some(notice)) => window.push(notice),
                Ok(None) | Err(_) => break,
            }
        }
        window
    }

    async fn deliver(&self, batch: Vec<Notice>) {
        let count = batch.len() as u64;
        let family = batch.first().map_or(TRANSACTIONS, |(family, _)| *family);
        let notices: Vec<Value> = batch.into_iter().map(|(_, notice)| notice).collect();
        let body = json!({ family: notices }).to_string();
        let longest = u64::try_from(self.travel.delay.as_millis()).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(self.seed.below(longest + 1))).await;
        if self.acknowledged(&body).await && self.seed.happens(self.travel.duplicates) {
            self.tally.duplicates.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(self.seed.below(longest + 1))).await;
            self.acknowledged(&body).await;
        }
        self.pending.fetch_sub(count, Ordering::SeqCst);
    }

    async fn acknowledged(&self, body: &str) -> bool {
        let mut pause = AGAIN_AFTER;
        for attempt in 1..=self.travel.attempts {
            let door = Arc::clone(&self.door.read().unwrap_or_else(PoisonError::into_inner));
            let (target, caller) = &*door;
            let ask = target.dress(Ask::post(target.path.clone(), body.to_owned()));
            let said = match caller.call(&ask, RECEIVER_LIMIT).await {
                Ok(answer) if answer.status == 200 => {
                    self.tally.acknowledged.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
                Ok(answer) => format!("status {}", answer.status),
                Err(error) => error.to_string(),
            };
            *self.tally.last.lock().unwrap_or_else(PoisonError::into_inner) = said;
            if attempt < self.travel.attempts {
                self.tally.repeated.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(4));
            }
        }
        self.tally.lost.fetch_add(1, Ordering::Relaxed);
        false
    }
}

fn at(target: Target) -> Arc<(Target, Caller)> {
    let caller = Caller::new(target.addr);
    Arc::new((target, caller))
}

/// Neighbours of one family and type together, at most so many.
fn batches(window: Vec<Notice>, most: usize) -> Vec<Vec<Notice>> {
    let kind = |(family, notice): &Notice| (*family, notice["type"].clone());
    let mut batches: Vec<Vec<Notice>> = Vec::new();
    for notice in window {
        match batches.last_mut() {
            Some(last) if last.len() < most && kind(&last[0]) == kind(&notice) => {
                last.push(notice);
            }
            _ => batches.push(vec![notice]),
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_of_one_type_and_not_too_long() {
        let notices = ["a", "a", "a", "b", "a"].map(|kind| (TRANSACTIONS, json!({"type": kind})));
        let mut notices = notices.to_vec();
        notices.push((CARD_TRANSITIONS, json!({"type": "a"})));
        let sizes: Vec<_> = batches(notices, 2).iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1, 1, 1]);
    }
}
