//! Hears of changes that other instances have made. Announcements are numbered: whoever misses one
//! finds out by the next, or by looking where the numbers stand, and reads all floors again.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::ConnectionManager;
use tokio::sync::Notify;

use crate::cache::FactsCache;
use crate::domain::id::Home;
use crate::domain::policy::PolicyStamp;
use crate::telemetry::cache::RedisMetrics;

use super::keys::Keys;
use super::link::Link;

/// How often it is looked where the numbers stand. Twice this is how old a lost change can get.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// The same while the server does not answer, so that little time is lost once it does.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Between two attempts to subscribe.
const SUBSCRIBE_MIN: Duration = Duration::from_millis(20);
const SUBSCRIBE_MAX: Duration = Duration::from_millis(500);

/// Floors that are read at once.
const PAGE: u32 = 250;

/// The fields of the floors' hash that are no floors.
const EPOCH: &str = "epoch";
const NUMBER: &str = "number";

/// The ear of one home.
pub(super) struct Hearing {
    link: Arc<Link>,
    keys: Keys,
    home: Home,
    memory: Arc<dyn FactsCache>,
    known: Mutex<Option<Standing>>,
    /// Whether everything that was announced is known here. What the server has is used only then.
    in_step: AtomicBool,
    look: Notify,
    heard: AtomicU64,
    gaps: AtomicU64,
}

/// Where the announcements stand. A server that has lost its data begins a new epoch; one that has
/// never heard of a change has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Standing {
    epoch: String,
    number: u64,
}

impl Hearing {
    pub(super) fn new(
        link: Arc<Link>,
        keys: Keys,
        home: Home,
        memory: Arc<dyn FactsCache>,
    ) -> Self {
        Self {
            link,
            keys,
            home,
            memory,
            known: Mutex::default(),
            in_step: AtomicBool::new(false),
            look: Notify::new(),
            heard: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
        }
    }

    /// Whether everything that was announced is known here, as far as one can tell.
    pub(super) fn is_in_step(&self) -> bool {
        self.in_step.load(Ordering::Acquire)
    }

    /// Changes heard of, and times that some had been missed.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.heard.load(Ordering::Relaxed), self.gaps.load(Ordering::Relaxed))
    }

    /// Listens, on a connection of its own. For ever.
    pub(super) async fn keep_listening(&self) {
        let mut pause = SUBSCRIBE_MIN;
        loop {
            if let Some(()) = self.listen().await {
                pause = SUBSCRIBE_MIN;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(SUBSCRIBE_MAX);
        }
    }

    /// Until the connection is lost; `None` if there was none.
    async fn listen(&self) -> Option<()> {
        let channel = self.keys.channel(self.home);
        let subscribe = async {
            let mut subscriber = self.link.client().get_async_pubsub().await.ok()?;
            subscriber.subscribe(channel).await.ok()?;
            Some(subscriber)
        };
        let subscribed = tokio::time::timeout(self.link.connect_max(), subscribe).await;
        let mut changes = subscribed.ok()??.into_on_message();
        // What was announced before we listened must be read.
        self.look.notify_one();
        while let Some(change) = changes.next().await {
            self.hear(change.get_payload_bytes());
        }
        self.look.notify_one();
        Some(())
    }

    /// Takes one announcement: epoch, number, then subjects and versions.
    fn hear(&self, told: &[u8]) {
        let Some((standing, floors)) = std::str::from_utf8(told).ok().and_then(announcement) else {
            self.look.notify_one();
            return;
        };
        self.heard.fetch_add(u64::try_from(floors.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.raise(floors);
        let mut known = self.known();
        match &mut *known {
            Some(known) if known.epoch == standing.epoch && standing.number <= known.number => {}
            Some(known) if standing.follows(known) => *known = standing,
            Some(_) | None => self.look.notify_one(),
        }
    }

    /// Looks where the numbers stand, again and again. For ever.
    pub(super) async fn keep_looking(&self) {
        let mut suspected = None;
        let mut pause = Duration::ZERO;
        loop {
            let called = tokio::time::timeout(pause, self.look.notified()).await.is_ok();
            pause = match self.look(called, &mut suspected).await {
                Some(()) => LOOK_EVERY,
                None => {
                    self.in_step.store(false, Ordering::Release);
                    LOOK_AGAIN
                }
            };
        }
    }

    /// `None`: the server does not answer.
    async fn look(&self, called: bool, suspected: &mut Option<Standing>) -> Option<()> {
        let floors = self.keys.floors(self.home);
        let look = |mut to: ConnectionManager| async move {
            let mut look = redis::cmd("HMGET");
            look.arg(floors).arg(EPOCH).arg(NUMBER);
            look.query_async::<(Option<String>, Option<u64>)>(&mut to).await
        };
        let (epoch, number) = self.link.call(look).await?;
        let found = Standing { epoch: epoch.unwrap_or_default(), number: number.unwrap_or(0) };
        let known = self.known().clone();
        let behind = known.as_ref() != Some(&found);
        let same_epoch = known.is_some_and(|known| known.epoch == found.epoch);
        // Its announcement may be on its way: wait for it until the next look.
        let may_come = same_epoch && suspected.as_ref() != Some(&found);
        if called || (behind && !may_come) {
            *suspected = None;
            return self.read_floors(found).await;
        }
        *suspected = behind.then_some(found);
        self.in_step.store(true, Ordering::Release);
        Some(())
    }

    /// Reads all floors, page by page: there may be thousands, and nobody is to wait for them. What
    /// is raised meanwhile has a number after `found`, and is heard or noticed like anything else.
    async fn read_floors(&self, found: Standing) -> Option<()> {
        let mut cursor = 0;
        loop {
            let (next, page) = self.read_page(cursor).await?;
            let floors = page.iter().filter_map(|(subject, version)| floor(subject, version));
            self.raise(floors);
            if next == 0 {
                break;
            }
            cursor = next;
        }
        self.catch_up(found);
        self.in_step.store(true, Ordering::Release);
        Some(())
    }

    async fn read_page(&self, cursor: u64) -> Option<(u64, Vec<(String, String)>)> {
        let floors = self.keys.floors(self.home);
        let page = |mut to: ConnectionManager| async move {
            let mut scan = redis::cmd("HSCAN");
            scan.arg(floors).arg(cursor).arg("COUNT").arg(PAGE);
            scan.query_async(&mut to).await
        };
        self.link.call(page).await
    }

    /// What the server has forgotten may have made anything old: then the memory goes, too.
    fn catch_up(&self, found: Standing) {
        let mut known = self.known();
        let before = known.clone();
        match &mut *known {
            // Announcements that came in meanwhile count, too.
            Some(known) if known.epoch == found.epoch => {
                known.number = known.number.max(found.number);
            }
            known => *known = Some(found.clone()),
        }
        drop(known);
        let Some(before) = before.filter(|before| before.is_behind(&found)) else { return };
        if !before.epoch.is_empty() && before.epoch != found.epoch {
            self.memory.clear();
        }
        self.gaps.fetch_add(1, Ordering::Relaxed);
        RedisMetrics::missed_changes(self.home);
    }

    fn raise(&self, floors: impl IntoIterator<Item = PolicyStamp>) {
        floors.into_iter().for_each(|floor| self.memory.raise_floor(floor));
    }

    fn known(&self) -> MutexGuard<'_, Option<Standing>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// Whether nothing was announced between the two.
    fn follows(&self, before: &Self) -> bool {
        let begins = before.epoch.is_empty() && before.number == 0;
        (self.epoch == before.epoch || begins) && self.number == before.number + 1
    }

    /// Whether something was announced of which this knows nothing.
    fn is_behind(&self, found: &Self) -> bool {
        self.epoch != found.epoch || self.number < found.number
    }
}

fn announcement(told: &str) -> Option<(Standing, Vec<PolicyStamp>)> {
    let mut words = told.split_ascii_whitespace();
    let standing =
        Standing { epoch: words.next()?.to_owned(), number: words.next()?.parse().ok()? };
    let mut floors = Vec::new();
    while let Some(subject) = words.next() {
        floors.push(floor(subject, words.next()?)?);
    }
    Some((standing, floors))
}

fn floor(subject: &str, version: &str) -> Option<PolicyStamp> {
    Some(PolicyStamp { subject: subject.parse().ok()?, version: version.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_names_its_number_and_its_floors() {
        let told = "17.5 3 program 2 crd_01901234567878ab8def0123456789ab 9";
        let (standing, floors) = announcement(told).unwrap();
        assert_eq!(standing, Standing { epoch: "17.5".to_owned(), number: 3 });
        assert_eq!(floors.len(), 2);
        assert_eq!((floors[0].version, floors[1].version), (2, 9));
        for damaged in
            ["", "17.5", "17.5 x", "17.5 3 program", "17.5 3 nobody 1", "17.5 3 program x"]
        {
            assert!(announcement(damaged).is_none(), "{damaged}");
        }
    }

    #[test]
    fn numbers_follow_each_other_within_an_epoch_and_from_nothing() {
        let at = |epoch: &str, number| Standing { epoch: epoch.to_owned(), number };
        assert!(at("a", 2).follows(&at("a", 1)));
        assert!(at("a", 1).follows(&at("", 0)));
        for (later, before) in
            [(at("a", 3), at("a", 1)), (at("b", 2), at("a", 1)), (at("a", 2), at("", 0))]
        {
            assert!(!later.follows(&before), "{later:?} after {before:?}");
        }
    }
}
