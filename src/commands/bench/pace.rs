//! The pacer of the open loop: says when requests are due, whatever becomes of those before.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

/// The shortest pause of the pacer: shorter ones cost more than they even out. What is due in a
/// pause is sent late, and measured as late.
const PAUSE_MIN: Duration = Duration::from_micros(200);

/// Requests that are due, handed to whichever connection is free.
pub(super) struct Due {
    waiting: RefCell<VecDeque<Instant>>,
    ready: Semaphore,
}

impl Due {
    /// Lets `requests` become due, `rate` a second. A thread keeps time: the runtime's own timer
    /// counts in milliseconds.
    pub(super) fn paced(start: Instant, rate: u32, requests: u64) -> Rc<Self> {
        let due =
            Rc::new(Self { waiting: RefCell::new(VecDeque::new()), ready: Semaphore::new(0) });
        let (send, mut receive) = mpsc::unbounded_channel();
        thread::spawn(move || pace(start, rate, requests, &send));
        let shared = Rc::clone(&due);
        tokio::task::spawn_local(async move {
            while let Some(at) = receive.recv().await {
                shared.waiting.borrow_mut().push_back(at);
                shared.ready.add_permits(1);
            }
            // Not until the permits are gone: closing takes a permit back from a connection that was
            // woken with it and has not run yet, and its request would never be sent.
            while !shared.waiting.borrow().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            shared.ready.close();
        });
        due
    }

    /// The next request that is due; `None`: there will be no more.
    pub(super) async fn next(&self) -> Option<Instant> {
        self.ready.acquire().await.ok()?.forget();
        self.waiting.borrow_mut().pop_front()
    }
}

/// Tells when each request is due. Blocks until the last is.
pub(super) fn pace(start: Instant, rate: u32, requests: u64, due: &mpsc::UnboundedSender<Instant>) {
    let interval = Duration::from_secs(1).as_nanos() / u128::from(rate.max(1));
    for number in 0..requests {
        let nanos = interval.saturating_mul(u128::from(number));
        let at = start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let early = at.saturating_duration_since(Instant::now());
        if early > Duration::ZERO {
            thread::sleep(early.max(PAUSE_MIN));
        }
        if due.send(at).is_err() {
            return;
        }
    }
}
