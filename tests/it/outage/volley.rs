//! A steady stream of purchases from many callers, and what became of each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Client, marqeta};

/// Between an answer and the caller's next purchase, where nothing else is said.
const PAUSE: Duration = Duration::from_millis(4);

/// Callers that ask again.
const ASKING: usize = 16;

/// One purchase and its answer.
#[derive(Clone, Debug)]
pub struct Shot {
    pub token: String,
    pub card: String,
    pub sent: Instant,
    pub took: Duration,
    pub status: u16,
    pub body: Bytes,
}

impl Shot {
    pub fn is_approved(&self) -> bool {
        self.status == 200
    }

    pub fn is_declined_for(&self, reason: &str) -> bool {
        let said = format!(r#""decline_reason":"{reason}""#);
        self.status == 402 && String::from_utf8_lossy(&self.body).contains(&said)
    }

    /// An answer that is no decision: the outage policy's.
    pub fn is_unavailable(&self) -> bool {
        self.status == 402 && String::from_utf8_lossy(&self.body).contains(r#""unavailable""#)
    }

    /// The same request again.
    pub fn repeat(&self) -> String {
        marqeta::purchase(&self.token, &self.card, "0.01")
    }
}

/// Callers that go on until they are told to stop.
pub struct Volley {
    stop: Arc<AtomicBool>,
    shots: Arc<Mutex<Vec<Shot>>>,
    callers: Vec<JoinHandle<()>>,
}

impl Volley {
    /// So many callers on each client's service, each with its own tokens, all cards in turn.
    pub fn at(clients: &[Client], callers: usize, cards: &[String], name: &str) -> Self {
        Self::paced(clients, callers, cards, name, PAUSE)
    }

    /// The same with another pause between an answer and the caller's next purchase.
    pub fn paced(
        clients: &[Client],
        callers: usize,
        cards: &[String],
        name: &str,
        pause: Duration,
    ) -> Self {
        let (stop, shots) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<Shot>>>::default());
        let callers = clients.iter().flat_map(|client| (0..callers).map(|_| client.another()));
        let callers = callers.enumerate().map(|(caller, mut client)| {
            let (stop, shots) = (Arc::clone(&stop), Arc::clone(&shots));
            let (cards, name) = (cards.to_vec(), name.to_owned());
            tokio::spawn(async move {
                for number in caller.. {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let card = cards[(number * 7) % cards.len()].clone();
                    let token = format!("{name}-{caller}-{number}");
                    let sent = Instant::now();
                    let body = marqeta::purchase(&token, &card, "0.01");
                    // The service itself stays up: an error is a failure.
                    let answer = client.try_jit(body.into()).await.expect("an answer");
                    let (status, body) = (answer.status.as_u16(), answer.body);
                    let shot = Shot { token, card, sent, took: sent.elapsed(), status, body };
                    shots.lock().expect("a lock").push(shot);
                    tokio::time::sleep(pause).await;
                }
            })
        });
        let callers = callers.collect();
        Self { stop, shots, callers }
    }

    /// Waits until a purchase that was sent after `since` is approved; how long that took.
    pub async fn approves_again(&self, since: Instant) -> Duration {
        loop {
            let answered = |shot: &Shot| shot.sent + shot.took;
            let first = {
                let shots = self.shots.lock().expect("a lock");
                let good = shots.iter().filter(|shot| shot.sent >= since && shot.is_approved());
                good.map(answered).min()
            };
            if let Some(first) = first {
                return first - since;
            }
            assert!(since.elapsed() < Duration::from_secs(30), "nothing is approved any more");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until there have been so many such shots.
    pub async fn has(&self, least: usize, such: impl Fn(&Shot) -> bool) {
        let from = Instant::now();
        while self.shots.lock().expect("a lock").iter().filter(|shot| such(shot)).count() < least {
            assert!(from.elapsed() < Duration::from_secs(30), "there are less than {least}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub async fn end(self) -> Vec<Shot> {
        self.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.await.expect("a caller");
        }
        Arc::try_unwrap(self.shots).expect("all are gone").into_inner().expect("a lock")
    }
}

/// Every approval is still there: asked again, the same bytes come back.
pub async fn nothing_is_missing(client: &Client, shots: &[Shot]) -> usize {
    let approved: Vec<Shot> = shots.iter().filter(|shot| shot.is_approved()).cloned().collect();
    let count = approved.len();
    let parts = approved.chunks(count.div_ceil(ASKING).max(1)).map(|part| {
        let (mut client, part) = (client.another(), part.to_vec());
        tokio::spawn(async move {
            for shot in part {
                let again = client.jit(shot.repeat()).await;
                assert_eq!(
                    (again.status.as_u16(), &again.body),
                    (shot.status, &shot.body),
                    "{shot:?}"
                );
            }
        })
    });
    for part in parts.collect::<Vec<_>>() {
        part.await.expect("the same answers");
    }
    count
}

/// The time within which all but one in a hundred were answered.
pub fn p99(shots: &[&Shot]) -> Duration {
    let mut times: Vec<Duration> = shots.iter().map(|shot| shot.took).collect();
    times.sort_unstable();
    let index = times.len().saturating_sub(1) * 99 / 100;
    times.get(index).copied().unwrap_or_default()
}
