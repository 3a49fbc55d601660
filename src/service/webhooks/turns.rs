//! Turns: how many notifications are applied at a time, whoever has come upon them: the queue, or the
//! worker that looks for what is left.

use tokio::sync::{Semaphore, SemaphorePermit};

/// A number of turns.
pub(super) struct Turns(Semaphore);

/// A turn, until it is dropped.
pub(super) struct Turn<'a>(#[expect(dead_code, reason = "it is held")] SemaphorePermit<'a>);

impl Turns {
    /// So many, but one at least.
    pub(super) fn new(count: usize) -> Self {
        Self(Semaphore::new(count.max(1)))
    }

    /// Waits for a turn, in the order of asking.
    pub(super) async fn next(&self) -> Turn<'_> {
        Turn(self.0.acquire().await.expect("nobody closes it"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    /// How many of twenty were ever at work together.
    async fn together(count: usize) -> usize {
        let (turns, at_work, most) = (Turns::new(count), AtomicUsize::new(0), AtomicUsize::new(0));
        let works = (0..20).map(|_| async {
            let _turn = turns.next().await;
            most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            at_work.fetch_sub(1, Ordering::SeqCst);
        });
        join_all(works).await;
        most.into_inner()
    }

    #[tokio::test]
    async fn so_many_are_at_work_together_and_no_more() {
        assert_eq!((together(0).await, together(1).await, together(3).await), (1, 1, 3));
    }
}
