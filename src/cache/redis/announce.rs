//! Tells other instances of changes. A change is acknowledged whether or not they could be told in
//! time: what could not be said is kept and said later.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::ConnectionManager;
use tokio::sync::{Notify, watch};

use crate::domain::policy::{PolicyStamp, Scope};

use super::link::Link;
use super::scripts::Scripts;

/// Subjects that are told of in one call.
const TOLD_AT_ONCE: usize = 256;

/// Subjects that wait at most. Beyond, others find out from their lanes.
const WAITING_MAX: usize = 32_768;

/// Between two attempts.
const RETRY: Duration = Duration::from_millis(100);

/// Changes on their way out.
pub(super) struct Announcer {
    link: Arc<Link>,
    scripts: Arc<Scripts>,
    waiting: Mutex<Waiting>,
    wake: Notify,
    /// The last ticket with which everything before it has been told.
    told: watch::Sender<u64>,
    announced: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    floors: HashMap<Scope, i64>,
    ticket: u64,
}

impl Announcer {
    pub(super) fn new(link: Arc<Link>, scripts: Arc<Scripts>) -> Self {
        Self {
            link,
            scripts,
            waiting: Mutex::default(),
            wake: Notify::new(),
            told: watch::Sender::new(0),
            announced: AtomicU64::new(0),
        }
    }

    /// Has everyone told, and waits for it within the budget.
    pub(super) async fn announce(&self, stamps: &[PolicyStamp]) {
        let Some(ticket) = self.queue(stamps) else { return };
        self.wake.notify_one();
        if !self.link.is_available() {
            return;
        }
        let mut told = self.told.subscribe();
        let told = told.wait_for(|told| *told >= ticket);
        // Too late is told later.
        let _in_time = tokio::time::timeout(self.link.budget(), told).await;
    }

    /// Tells what waits, whenever something does. For ever.
    pub(super) async fn keep_telling(&self) {
        loop {
            self.wake.notified().await;
            while let Some((floors, ticket)) = self.next() {
                if self.tell(&floors).await {
                    let count = u64::try_from(floors.len()).unwrap_or(u64::MAX);
                    self.announced.fetch_add(count, Ordering::Relaxed);
                    if let Some(ticket) = ticket {
                        self.told.send_replace(ticket);
                    }
                } else {
                    self.lock().put_back(&floors);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// How many were told since the start, and how many wait.
    pub(super) fn counts(&self) -> (u64, u64) {
        let waiting = u64::try_from(self.lock().floors.len()).unwrap_or(u64::MAX);
        (self.announced.load(Ordering::Relaxed), waiting)
    }

    fn queue(&self, stamps: &[PolicyStamp]) -> Option<u64> {
        let mut waiting = self.lock();
        let before = waiting.floors.len();
        let mut news = stamps.iter().filter(|stamp| is_news(stamp)).peekable();
        news.peek()?;
        for stamp in news {
            if before < WAITING_MAX || waiting.floors.contains_key(&stamp.subject) {
                waiting.put(*stamp);
            }
        }
        waiting.ticket += 1;
        Some(waiting.ticket)
    }

    /// What to tell next; with a ticket, if nothing waits after it.
    fn next(&self) -> Option<(Vec<PolicyStamp>, Option<u64>)> {
        let mut waiting = self.lock();
        let subjects: Vec<Scope> = waiting.floors.keys().copied().take(TOLD_AT_ONCE).collect();
        let floors: Vec<PolicyStamp> = subjects
            .into_iter()
            .filter_map(|subject| {
                let version = waiting.floors.remove(&subject)?;
                Some(PolicyStamp { subject, version })
            })
            .collect();
        let ticket = waiting.floors.is_empty().then_some(waiting.ticket);
        (!floors.is_empty()).then_some((floors, ticket))
    }

    async fn tell(&self, floors: &[PolicyStamp]) -> bool {
        let call = self.scripts.raise(floors);
        let query = |mut to: ConnectionManager| async move { call.invoke_async(&mut to).await };
        self.link.call::<u64, _>(query).await.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn put(&mut self, stamp: PolicyStamp) {
        let version = self.floors.entry(stamp.subject).or_insert(stamp.version);
        *version = stamp.version.max(*version);
    }

    fn put_back(&mut self, floors: &[PolicyStamp]) {
        floors.iter().for_each(|stamp| self.put(*stamp));
    }
}

/// Before the first version of a card, user or company there was nothing that could be old. The
/// program is older than its first version.
fn is_news(stamp: &PolicyStamp) -> bool {
    stamp.version > 1 || stamp.subject == Scope::Program
}
