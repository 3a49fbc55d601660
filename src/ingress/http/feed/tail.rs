//! What one reader of the feed is sent: events as they come, a sign of life where none do, and the end
//! when it may not read any more. Nothing is made before it can be sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::Doors;
use crate::domain::access::Caller;
use crate::domain::id::EventId;
use crate::service::feed::{Gap, Owner, Part, Reader};
use crate::telemetry::feed;
use crate::wire::v1::feed::{FeedQuery, Heard};

/// How often it is looked whether the caller may still read. What has been said of a key is believed for
/// three seconds more where another instance has ended it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The longest silence.
const BEAT_EVERY: Duration = Duration::from_secs(15);

/// The shortest time between two looks at what has come. At thousands of events in a second, a reader is
/// not woken for each.
const REST: Duration = Duration::from_millis(5);

/// Who reads, and what.
pub(super) struct Wanted {
    /// The caller.
    pub(super) caller: Caller,
    /// The credentials it was recognised by.
    pub(super) credentials: HeaderMap,
    /// What it has asked for.
    pub(super) query: FeedQuery,
    /// Whose events it is told; `None`: everybody's.
    pub(super) owner: Option<Owner>,
}

impl Wanted {
    fn has(&self, event: &Heard) -> bool {
        self.query.wants(event) && self.owner.is_none_or(|owner| owner.has(event))
    }
}

/// The body of the answer.
pub(super) fn body(doors: Arc<Doors>, reader: Reader, wanted: Wanted) -> Body {
    let now = Instant::now();
    let tail =
        Tail { doors, reader, wanted, look_at: now + LOOK_EVERY, beat_at: now, rest_until: now };
    let pieces = stream::unfold(tail, |mut tail| async move {
        let piece = tail.next().await?;
        Some((Ok::<_, Infallible>(piece), tail))
    });
    Body::from_stream(pieces)
}

struct Tail {
    doors: Arc<Doors>,
    reader: Reader,
    wanted: Wanted,
    look_at: Instant,
    beat_at: Instant,
    rest_until: Instant,
}

impl Tail {
    /// What is sent next; `None`: this is the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if self.reader.is_stopped() {
                feed::ended("stopped");
                return None;
            }
            if self.look_at <= Instant::now() {
                let Wanted { caller, credentials, .. } = &self.wanted;
                let is_still = tokio::select! {
                    biased;
                    // A store that does not answer does not hold up the end.
                    () = self.reader.stopped() => continue,
                    is_still = self.doors.gate.is_still(caller, credentials) => is_still,
                };
                let end = match is_still {
                    Ok(true) => None,
                    Ok(false) => Some("refused"),
                    Err(_) => Some("unchecked"),
                };
                if let Some(why) = end {
                    feed::ended(why);
                    return None;
                }
                self.look_at = Instant::now() + LOOK_EVERY;
            }
            let parts = self.reader.take();
            let text = self.told(&parts);
            if !text.is_empty() {
                self.beat_at = Instant::now() + BEAT_EVERY;
                return Some(text.into());
            }
            if self.beat_at <= Instant::now() {
                self.beat_at = Instant::now() + BEAT_EVERY;
                return Some(sign_of_life(self.reader.newest()));
            }
            sleep_until(self.rest_until).await;
            // More has come, or it is time for one of these.
            let _ = timeout_at(self.look_at.min(self.beat_at), self.reader.more()).await;
            self.rest_until = Instant::now() + REST;
        }
    }

    fn told(&self, parts: &[Part]) -> Vec<u8> {
        let (mut text, mut events) = (Vec::new(), 0);
        for part in parts {
            match part {
                Part::Event(event) if self.wanted.has(event) => {
                    event.tell(&mut text);
                    events += 1;
                }
                Part::Event(_) => {}
                Part::Gap(gap) => tell_gap(*gap, &mut text),
            }
        }
        feed::sent(events);
        text
    }
}

/// A comment, which clients pass over, and where to go on from, which they take without telling anybody:
/// else whoever asks for little comes back to a place that is long gone.
fn sign_of_life(newest: Option<EventId>) -> Bytes {
    let id = newest.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!(": alive\n{id}\n").into()
}

/// It has no id: whoever comes back goes on after the last event that was told.
fn tell_gap(gap: Gap, to: &mut Vec<u8>) {
    let reason = gap.as_str();
    feed::gap(reason);
    let text = format!("event: gap\ndata: {{\"reason\":\"{reason}\"}}\n\n");
    to.extend_from_slice(text.as_bytes());
}
