//! Acknowledgements of one channel. What is settled in an unbroken row is acknowledged with one frame; what
//! an older neighbour holds up for too long, by itself. One task says everything on the channel, so that
//! nothing is acknowledged twice, nor ahead of one that goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::error::{Silence, bounded, silent};
use super::link::Session;
use super::tags::{Tags, Told};
use crate::broker::BrokerError;

/// How long a row waits for more, while more is at work.
const GATHER_FOR: Duration = Duration::from_millis(1);

/// A row of so many waits no longer.
const GATHER_MAX: usize = 64;

/// How long a neighbour may hold up what is settled.
const HELD_MAX: Duration = Duration::from_millis(5);

/// What becomes of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is acknowledged, soon and with others.
    Done,
    /// It is acknowledged now: somebody waits for it.
    DoneNow,
    /// It goes back to its queue.
    Back,
}

struct Settled {
    tag: u64,
    verdict: Verdict,
    told: Option<Told>,
}

/// The way to the task.
pub(super) struct Acks {
    settled: mpsc::UnboundedSender<Settled>,
    given: Arc<AtomicU64>,
}

/// The duty to settle one delivery. Dropped unsettled, the delivery goes back.
pub(super) struct Ticket {
    tag: u64,
    settled: Option<mpsc::UnboundedSender<Settled>>,
}

impl Acks {
    /// Starts the task. It keeps the channel open until the last ticket is settled, though the consumer
    /// may have gone.
    pub(super) fn start(session: Arc<Session>, channel: Channel) -> Self {
        let (sender, settled) = mpsc::unbounded_channel();
        let given = Arc::new(AtomicU64::new(0));
        let task = Task {
            session,
            channel,
            settled,
            given: Arc::clone(&given),
            heard: 0,
            tags: Tags::default(),
            is_broken: false,
        };
        tokio::spawn(task.run());
        Self { settled: sender, given }
    }

    /// For the delivery of this tag.
    pub(super) fn ticket(&self, tag: u64) -> Ticket {
        self.given.fetch_add(1, Ordering::Relaxed);
        Ticket { tag, settled: Some(self.settled.clone()) }
    }
}

impl Ticket {
    /// Settles, and waits until the broker has been told.
    pub(super) async fn settle(mut self, verdict: Verdict) -> Result<(), BrokerError> {
        let (told, answer) = oneshot::channel();
        self.tell(verdict, Some(told));
        // Without the task the runtime is ending, and the connection with it.
        if answer.await.unwrap_or(false) { Ok(()) } else { Err(silent(Silence::Gone)) }
    }

    fn tell(&mut self, verdict: Verdict, told: Option<Told>) {
        if let Some(settled) = self.settled.take() {
            let _ = settled.send(Settled { tag: self.tag, verdict, told }); // as above
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.tell(Verdict::Back, None);
    }
}

struct Task {
    session: Arc<Session>,
    channel: Channel,
    settled: mpsc::UnboundedReceiver<Settled>,
    /// How many tickets there have been, and how many of them have been heard of.
    given: Arc<AtomicU64>,
    heard: u64,
    tags: Tags,
    /// The channel takes no more: what is unsettled comes again on another.
    is_broken: bool,
}

impl Task {
    async fn run(mut self) {
        while self.wait().await {
            self.gather().await;
            self.flush(Instant::now()).await;
        }
        self.flush(Instant::now() + HELD_MAX).await;
    }

    /// Waits until something is settled, or has been held up for too long. `false`: nothing can come
    /// any more.
    async fn wait(&mut self) -> bool {
        let next = match self.tags.due() {
            Some(due) => match tokio::time::timeout_at(due, self.settled.recv()).await {
                Ok(next) => next,
                Err(_) => return true,
            },
            None => self.settled.recv().await,
        };
        let Some(settled) = next else { return false };
        self.hear(settled).await;
        true
    }

    /// Waits for more, where more is at work and nobody is in a hurry.
    async fn gather(&mut self) {
        let mut end = std::pin::pin!(tokio::time::sleep(GATHER_FOR));
        while self.may_gather() {
            tokio::select! {
                biased;
                more = self.settled.recv() => match more {
                    Some(settled) => self.hear(settled).await,
                    None => return,
                },
                () = &mut end => return,
            }
        }
    }

    fn may_gather(&self) -> bool {
        let at_work = self.given.load(Ordering::Relaxed) > self.heard;
        let hurry = self.tags.due().is_some_and(|due| due <= Instant::now());
        at_work && !hurry && !self.is_broken && self.tags.waiting() < GATHER_MAX
    }

    async fn hear(&mut self, Settled { tag, verdict, told }: Settled) {
        self.heard = self.heard.saturating_add(1);
        let now = Instant::now();
        match verdict {
            Verdict::Done => self.tags.done(tag, now + HELD_MAX, told),
            Verdict::DoneNow => self.tags.done(tag, now, told),
            Verdict::Back => {
                // Told before any row may reach beyond it.
                let is_sent = self.give_back(tag).await;
                if is_sent {
                    self.tags.gone(tag);
                }
                tell(told, is_sent);
            }
        }
    }

    /// Acknowledges the row, and what is due by then.
    async fn flush(&mut self, by: Instant) {
        if let Some(last) = self.tags.row() {
            let is_sent = self.acknowledge_to(last).await;
            self.tags.take_row(last).into_iter().for_each(|told| tell(told, is_sent));
        }
        let due = self.tags.due_by(by);
        let is_sent = self.acknowledge_each(&due).await;
        self.tags.take(&due).into_iter().for_each(|told| tell(told, is_sent));
        if self.is_broken {
            self.tags.take_all().into_iter().for_each(|told| tell(told, false));
        }
    }

    /// Everything up to this tag.
    async fn acknowledge_to(&mut self, last: u64) -> bool {
        if self.is_broken {
            return false;
        }
        let options = BasicAckOptions { multiple: true };
        let acknowledged = bounded(self.channel.basic_ack(last, options)).await;
        self.is_sent(acknowledged)
    }

    async fn acknowledge_each(&mut self, tags: &[u64]) -> bool {
        if self.is_broken {
            return false;
        }
        let acks = tags.iter().map(|tag| self.channel.basic_ack(*tag, BasicAckOptions::default()));
        let acknowledged = bounded(try_join_all(acks)).await;
        self.is_sent(acknowledged.map(drop))
    }

    async fn give_back(&mut self, tag: u64) -> bool {
        if self.is_broken {
            return false;
        }
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        let given_back = bounded(self.channel.basic_nack(tag, options)).await;
        self.is_sent(given_back)
    }

    /// Whether it was sent. What may have been sent, and may not, is the end of the channel: nothing is
    /// said of a tag twice.
    fn is_sent(&mut self, sent: Result<(), BrokerError>) -> bool {
        if sent.is_err() {
            self.is_broken = true;
            if self.channel.status().connected() {
                self.session.bury();
            }
        }
        sent.is_ok()
    }
}

fn tell(told: Option<Told>, is_sent: bool) {
    if let Some(told) = told {
        let _ = told.send(is_sent); // gone
    }
}
