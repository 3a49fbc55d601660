//! Card data came in where none may be. It is not kept; somebody must ask where it came from. Counted,
//! told as an alert, and one log line in ten seconds: never the value.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::time::Timestamp;

use super::alerts::Pace;
use super::metrics;
use super::notices::{Notice, Sink};

/// The name of the alert.
pub const KIND: &str = "pan_seen";

/// Where card data was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The body of a request.
    Body,
    /// The path or the query of a request.
    Target,
    /// A header of a request, the Basic credentials among them.
    Header,
    /// A notification of the card platform.
    Notification,
    /// The body, a header or a property of a message.
    Message,
}

impl Place {
    /// Each of them.
    pub(super) const ALL: [Self; 5] =
        [Self::Body, Self::Target, Self::Header, Self::Notification, Self::Message];

    /// The name used in metrics, logs and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Target => "target",
            Self::Header => "header",
            Self::Notification => "notification",
            Self::Message => "message",
        }
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A card number.
    Number,
    /// A security code, a PIN, track data.
    Secret,
    /// An identifier that has the form of a card number; it stays.
    Identifier,
}

impl What {
    /// Each of them.
    pub(super) const ALL: [Self; 3] = [Self::Number, Self::Secret, Self::Identifier];

    /// The name used in metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Secret => "secret",
            Self::Identifier => "identifier",
        }
    }
}

/// One for the process: whoever reads a text may find some.
static WATCH: Watch =
    Watch { now_us: AtomicI64::new(0), state: Mutex::new(State { pace: None, sink: None }) };

struct Watch {
    /// To the second.
    now_us: AtomicI64,
    state: Mutex<State>,
}

struct State {
    pace: Option<Pace>,
    sink: Option<Arc<dyn Sink>>,
}

/// So much of it was seen there.
pub fn seen(place: Place, what: What, times: u32) {
    if times == 0 {
        return;
    }
    metrics::pan_seen(place.as_str(), what.as_str(), u64::from(times));
    // The platform may give out such identifiers; that is no reason to wake anyone.
    if what != What::Identifier {
        WATCH.alert(place);
    }
}

/// From now on alerts go there.
pub fn tell_to(sink: Arc<dyn Sink>) {
    WATCH.lock().sink = Some(sink);
}

/// Tells the time.
pub(super) fn tick(now: Timestamp) {
    WATCH.now_us.store(now.as_micros(), Ordering::Relaxed);
}

impl Watch {
    fn alert(&self, place: Place) {
        let (due, sink) = {
            let mut state = self.lock();
            let now_us = self.now_us.load(Ordering::Relaxed);
            (state.pace.get_or_insert_default().due(now_us), state.sink.clone())
        };
        let Some(suppressed) = due else { return };
        let place = place.as_str();
        tracing::error!(
            alert.kind = KIND,
            place,
            suppressed,
            "card data came in where none may be; it was not kept"
        );
        if let Some(sink) = sink {
            sink.tell(Notice::CardData {
                kind: KIND,
                level: "critical",
                place,
                cases: suppressed.saturating_add(1),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::faults::tests::Told;

    #[test]
    fn what_is_seen_is_counted_and_told_once_in_a_while_without_the_value() {
        let told = Arc::new(Told::default());
        tell_to(told.clone());
        tick(Timestamp::from_micros(1));
        seen(Place::Header, What::Identifier, 3);
        assert!(told.0.lock().unwrap().is_empty(), "identifiers are counted only");
        for _ in 0..5 {
            seen(Place::Body, What::Number, 1);
        }
        let told = told.0.lock().unwrap().clone();
        let notice = Notice::CardData { kind: KIND, level: "critical", place: "body", cases: 1 };
        assert_eq!(notice.event(), "alert.raised");
        assert_eq!(told, [notice]);
        let text = metrics::render();
        let line = r#"tollgate_pan_seen_total{place="body",what="number"} 5"#;
        assert!(text.contains(line), "{text}");
    }
}
