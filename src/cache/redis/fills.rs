//! Writes to the server that nobody waits for: bounded, and dropped rather than queued.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis::aio::ConnectionManager;
use tokio::sync::Semaphore;

use super::link::Link;
use super::scripts::{Fill, Scripts};

/// Writes that may be under way at once, of one home.
const UNDER_WAY_MAX: usize = 128;

/// Writes of one home.
pub(super) struct Fills {
    link: Arc<Link>,
    scripts: Arc<Scripts>,
    seats: Arc<Semaphore>,
    pub(super) counts: Arc<FillCounts>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(super) struct FillCounts {
    pub(super) filled: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) dropped: AtomicU64,
}

impl Fills {
    pub(super) fn new(link: Arc<Link>, scripts: Arc<Scripts>) -> Self {
        let seats = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        Self { link, scripts, seats, counts: Arc::default() }
    }

    /// Keeps facts, unless they are old by the time they arrive.
    pub(super) fn fill(&self, fill: Fill) {
        let (scripts, counts) = (Arc::clone(&self.scripts), Arc::clone(&self.counts));
        self.write(|link| async move {
            let call = scripts.fill(&fill);
            let query = |mut to: ConnectionManager| async move { call.invoke_async(&mut to).await };
            let Some(kept) = link.call::<u64, _>(query).await else { return };
            let asked = u64::try_from(fill.entries.len()).unwrap_or(u64::MAX);
            counts.filled.fetch_add(kept, Ordering::Relaxed);
            counts.refused.fetch_add(asked.saturating_sub(kept), Ordering::Relaxed);
        });
    }

    /// Forgets what is not newer than these versions.
    pub(super) fn forget(&self, stale: Vec<(String, i64)>) {
        let scripts = Arc::clone(&self.scripts);
        self.write(|link| async move {
            let call = scripts.forget(&stale);
            let query = |mut to: ConnectionManager| async move { call.invoke_async(&mut to).await };
            // What is not forgotten now is found to be old again, and forgotten then.
            let _forgotten: Option<u64> = link.call(query).await;
        });
    }

    /// Runs a write in a task of its own, if there is room for one more.
    pub(super) fn write<F: Future<Output = ()> + Send + 'static>(
        &self,
        write: impl FnOnce(Arc<Link>) -> F,
    ) {
        if !self.link.is_available() {
            return;
        }
        let Ok(seat) = Arc::clone(&self.seats).try_acquire_owned() else {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let write = write(Arc::clone(&self.link));
        tokio::spawn(async move {
            write.await;
            drop(seat);
        });
    }
}
