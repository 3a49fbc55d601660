//! The queue façade: consumers of the work queues, which decode, call, and settle.

pub mod cleanse;
mod consumer;
pub mod dead_letters;
pub mod jit;
mod outage;
pub mod reply;
mod settle;
mod silent;
pub mod transactions;
mod turns;
pub mod waits;
pub mod webhooks;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::broker::topology::Queue;
use crate::broker::{Broker, Message};
use crate::domain::clock::Clock;
use crate::service::attempts::Attempts;
use crate::telemetry::broker::ConsumerMetrics;

use cleanse::Scanned;
use consumer::Consumer;
use turns::Turns;

/// What a handler has made of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// It has had its effects, and they are committed.
    Done,
    /// It failed, and may work another time.
    Failed {
        /// What went wrong, in one line without what may be secret.
        error: String,
    },
    /// It can never work.
    Never {
        /// A stable code.
        reason: &'static str,
        /// What is wrong, in one line without what may be secret.
        error: String,
    },
    /// A store or the broker does not answer. That is no attempt: the same message is handled again
    /// once it does.
    Unavailable,
}

/// A boxed future of a handler.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Handled> + Send + 'a>>;

/// Works the messages of one queue. May be called again with a message that it has seen: its effects
/// are once per message.
pub trait Handler: Send + Sync {
    /// Handles a message. Its id is not empty; `body` is what the scanner has said of its body.
    fn handle<'a>(&'a self, message: &'a Message, body: Scanned) -> Handling<'a>;

    /// How long that may take.
    fn deadline(&self) -> Duration {
        Duration::from_secs(5)
    }
}

/// How one queue is worked.
pub struct Plan {
    /// Which.
    pub queue: Queue,
    /// By what.
    pub handler: Arc<dyn Handler>,
    /// How many consumers there are.
    pub count: u64,
    /// How many messages each has at work at most.
    pub prefetch: u16,
}

/// What consumers work with.
pub struct Tools {
    /// Where messages come from, and answers go.
    pub broker: Arc<dyn Broker>,
    /// Counts what came again.
    pub attempts: Arc<Attempts>,
    /// Whether there is a store to work with.
    pub is_open: Box<dyn Fn() -> bool + Send + Sync>,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// The consumers of this process.
pub struct Consumers {
    stop: CancellationToken,
    leave: CancellationToken,
    tasks: TaskTracker,
}

/// How long it may take to take back what was counted of messages that nobody waits for.
const LEAVE_MAX: Duration = Duration::from_millis(500);

impl Consumers {
    /// Starts them. They go on until they are stopped or dropped, whatever happens to the broker.
    pub fn start(tools: Tools, plans: Vec<Plan>) -> Self {
        let (stop, leave, tasks) =
            (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let (tools, suspects) = (Arc::new(tools), Arc::new(Mutex::new(())));
        for Plan { queue, handler, count, prefetch } in plans {
            // One gate for all consumers of the queue: alone is alone in this process.
            let gate = Arc::new(RwLock::new(()));
            let turns = Arc::<Turns>::default();
            for _ in 0..count {
                let consumer = Consumer {
                    queue,
                    prefetch,
                    handler: Arc::clone(&handler),
                    tools: Arc::clone(&tools),
                    gate: Arc::clone(&gate),
                    turns: Arc::clone(&turns),
                    suspects: Arc::clone(&suspects),
                    metrics: ConsumerMetrics::new(queue.name()),
                    stop: stop.clone(),
                    leave: leave.clone(),
                    tasks: tasks.clone(),
                };
                tasks.spawn(Arc::new(consumer).run());
            }
        }
        Self { stop, leave, tasks }
    }

    /// Takes no more messages and waits for those at work, but not for longer than this. Those that are
    /// not done by then come again, and this attempt at them does not count.
    pub async fn stop(&self, within: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("messages were still at work; they come again");
            self.leave.cancel();
            let _ = tokio::time::timeout(LEAVE_MAX, self.tasks.wait()).await; // the process ends anyway
        }
    }
}

impl Drop for Consumers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
