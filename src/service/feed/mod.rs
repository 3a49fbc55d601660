//! The live feed: hears every event from the broker and keeps the latest of them, so that a reader may
//! be slower than they come, or go and come back. Nobody who reads holds anything up.

mod reader;
mod ring;
mod seats;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::{Broker, BrokerError, Deliveries};
use crate::domain::clock::Clock;
use crate::domain::id::{AccountId, CompanyId, EventId};
use crate::domain::time::Monotonic;
use crate::store::{ResourceStore, StoreError};
use crate::telemetry::feed;
use crate::wire::v1::feed::Heard;

pub use reader::{Gap, Part, Reader};
use ring::Ring;
use seats::{Seat, Seats};

/// Between two attempts to hear from the broker: first and at most.
const AGAIN_MIN: Duration = Duration::from_millis(100);
const AGAIN_MAX: Duration = Duration::from_secs(2);

/// How long whoever is the first to read waits until events are heard.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// For how long events are still heard when nobody reads any more: who was cut off comes back.
const UNREAD_MAX: Duration = Duration::from_secs(300);

/// What may be set about the feed.
#[derive(Clone, Copy, Debug)]
pub struct FeedSettings {
    /// Readers at a time.
    pub feeds_max: usize,
    /// Events that are kept.
    pub kept_max: usize,
    /// By how much two instances may hear the same events in another order.
    pub overlap: Duration,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The place of what comes next.
    end: u64,
    /// Whether what is told now is heard.
    hears: bool,
    is_stopped: bool,
}

/// Why nobody else may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// As many read as may, or as many of this company.
    Full,
    /// Nobody may ever: there is no feed here.
    Absent,
    /// The process is about to stop.
    Stopping,
}

/// A company, and the account that its purchases are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    company: CompanyId,
    account: AccountId,
}

impl Owner {
    /// Looks the company up.
    pub async fn find(
        resources: &dyn ResourceStore,
        id: CompanyId,
    ) -> Result<Option<Self>, StoreError> {
        let found = resources.company(id).await?;
        Ok(found.map(|company| Self { company: id, account: company.account }))
    }

    /// Whether an event is about this company: its account, its cards or its users. Alerts and errors
    /// are the program's, whatever they are about.
    pub fn has(&self, event: &Heard) -> bool {
        let is_own = event.account == Some(self.account) || event.company == Some(self.company);
        is_own && !event.is_notice()
    }
}

/// The live feed of a process.
pub struct Feed {
    broker: Arc<dyn Broker>,
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
    progress: watch::Sender<Progress>,
    seats: Arc<Seats>,
    overlap: Duration,
}

impl Feed {
    /// Nothing is heard before [`Feed::hear_for_ever`].
    pub fn new(broker: Arc<dyn Broker>, clock: Arc<dyn Clock>, set: FeedSettings) -> Self {
        Self {
            broker,
            clock,
            ring: Mutex::new(Ring::new(set.kept_max)),
            progress: watch::Sender::default(),
            seats: Seats::new(set.feeds_max),
            overlap: set.overlap,
        }
    }

    /// Hears what the broker tells, while somebody reads: to hear every decision's event has cost a
    /// fifth of the decisions. What is told while it does not answer is a gap.
    pub async fn hear_for_ever(self: Arc<Self>) {
        let (mut pause, mut is_told) = (AGAIN_MIN, false);
        let mut readers = self.seats.readers();
        feed::hears(false);
        while readers.wait_for(|readers| *readers > 0).await.is_ok() {
            let (heard_for, error) = self.hear().await;
            let Some(error) = error else { continue };
            if heard_for >= AGAIN_MAX {
                (pause, is_told) = (AGAIN_MIN, false);
            }
            if !is_told {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the live feed does not hear the broker; trying again");
            }
            is_told = true;
            tokio::time::sleep(pause).await;
            pause = pause.saturating_mul(2).min(AGAIN_MAX);
        }
    }

    /// Comes back with how long it has heard, and with what has ended it; `None`: nobody reads any more.
    async fn hear(&self) -> (Duration, Option<BrokerError>) {
        let events = match self.broker.events().await {
            Ok(events) => events,
            Err(error) => return (Duration::ZERO, Some(error)),
        };
        let began = self.clock.monotonic();
        self.turn(true);
        let error = tokio::select! {
            error = self.keep_each(events) => Some(error),
            () = self.unread(UNREAD_MAX) => None,
        };
        self.turn(false);
        (Duration::from_micros(self.clock.monotonic().since(began)), error)
    }

    async fn keep_each(&self, mut events: Box<dyn Deliveries>) -> BrokerError {
        loop {
            match events.next().await {
                Ok(event) => match Heard::parse(event.message().body.clone()) {
                    Some(heard) => self.keep(heard),
                    None => feed::unreadable(),
                },
                Err(error) => return error,
            }
        }
    }

    /// Comes back when nobody has read for so long.
    async fn unread(&self, long: Duration) {
        let mut readers = self.seats.readers();
        while readers.wait_for(|readers| *readers == 0).await.is_ok() {
            let back = readers.wait_for(|readers| *readers > 0);
            if tokio::time::timeout(long, back).await.is_err() {
                return;
            }
        }
    }

    /// From now on events are heard, or are not. Whoever reads is told at once, and whoever waits for the
    /// first of them is told that it may not be the first.
    fn turn(&self, hears: bool) {
        feed::hears(hears);
        self.change(|ring, at| ring.turn(hears, at));
        self.progress.send_modify(|progress| progress.hears = hears);
    }

    fn keep(&self, heard: Heard) {
        self.change(|ring, at| ring.push(Arc::new(heard), at));
    }

    fn change(&self, change: impl FnOnce(&mut Ring, Monotonic)) {
        let mut ring = self.lock();
        change(&mut ring, self.clock.monotonic());
        let end = ring.end();
        drop(ring);
        self.progress.send_modify(|progress| progress.end = end);
    }

    /// A reader for a caller of this company or of the program, of what comes from now on, or of what
    /// came after this event. The former misses nothing before it begins, so it begins when events are heard;
    /// where that takes long, it is told of a gap.
    ///
    /// # Errors
    /// Where no more readers are taken.
    pub async fn open(
        self: &Arc<Self>,
        company: Option<CompanyId>,
        after: Option<EventId>,
    ) -> Result<Reader, Closed> {
        // Events are heard for whoever has a seat.
        let seat = self.seat(company)?;
        if after.is_none() {
            let mut progress = self.progress.subscribe();
            let heard = progress.wait_for(|progress| progress.hears || progress.is_stopped);
            let _ = tokio::time::timeout(HEARD_WITHIN, heard).await;
            // Another process may tell it more.
            self.goes_on()?;
        }
        Ok(Reader::new(Arc::clone(self), seat, after))
    }

    fn seat(&self, company: Option<CompanyId>) -> Result<Seat, Closed> {
        if self.seats.are_none() {
            return Err(Closed::Absent);
        }
        self.goes_on()?;
        self.seats.take(company).ok_or(Closed::Full)
    }

    fn goes_on(&self) -> Result<(), Closed> {
        if self.progress.borrow().is_stopped { Err(Closed::Stopping) } else { Ok(()) }
    }

    /// Every reader comes to its end, and no other is taken.
    pub fn stop(&self) {
        self.progress.send_modify(|progress| progress.is_stopped = true);
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
