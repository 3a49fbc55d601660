//! Connecting in few turns of the runtime.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// How often what is not done yet is gone on with before others have their turn.
const PER_TURN: usize = 32;

/// Does this in few turns. The driver lets others go first 819 times while it proves a password, after
/// every fifth of 4,096 rounds: that is little work, but behind callers who ask again and again it took
/// longer than the two seconds that a lane may wait. Each try began anew, so that a service which had lost
/// its connections did not get them back for as long as its callers went on.
pub(super) async fn in_few_turns<F: Future>(work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|context| {
        let mut tries = (0..PER_TURN).map(|_| work.as_mut().poll(context));
        tries.find(Poll::is_ready).unwrap_or(Poll::Pending)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Turns that somebody else got while this gave way so often.
    async fn turns_of_others(gives_way: impl Future<Output = ()> + Send + 'static) -> u32 {
        let turns = Arc::new(AtomicU32::new(0));
        let counting = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                counting.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        });
        tokio::spawn(gives_way).await.unwrap();
        other.abort();
        turns.load(Ordering::SeqCst)
    }

    async fn prove_a_password() {
        for _ in 0..819 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_gives_way_all_the_time_is_done_in_few_turns() {
        let plain = turns_of_others(prove_a_password()).await;
        let few = turns_of_others(in_few_turns(prove_a_password())).await;
        assert!(plain > 800, "else this is not needed any more: {plain}");
        assert!(few < 40, "{few}");
    }
}
