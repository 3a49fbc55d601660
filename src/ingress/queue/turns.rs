//! Turns of messages that came again: of several deliveries of one id, one is at work at a time. Each
//! would count the others' attempts as well.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// The ids of one queue that are at work, or wait for their turn.
#[derive(Default)]
pub(super) struct Turns(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

/// A turn, until it is dropped.
pub(super) type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for a turn, in the order of asking.
    pub(super) async fn next(&self, id: &str) -> Turn {
        self.of(id).lock_owned().await
    }

    fn of(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // No more are left than there are deliveries.
        all.retain(|_, turns| turns.strong_count() > 0);
        if let Some(turns) = all.get(id).and_then(Weak::upgrade) {
            return turns;
        }
        let turns = Arc::default();
        all.insert(id.to_owned(), Arc::downgrade(&turns));
        turns
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_id_is_at_work_once_and_is_forgotten_after_that() {
        let turns = Turns::default();
        let first = turns.next("a").await;
        assert!(turns.next("a").now_or_never().is_none());
        drop(turns.next("b").now_or_never().unwrap());
        let mut second = Box::pin(turns.next("a"));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        drop(second.await);
        drop(turns.next("c").await);
        assert_eq!(turns.0.lock().unwrap().len(), 1, "but for the last");
    }
}
