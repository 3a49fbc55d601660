//! Our own headers, and what a settlement makes of a message: the same at every broker.

use std::collections::BTreeMap;
use std::time::Duration;

use super::topology::{Queue, RETRY_AFTER};
use super::{Message, Settlement};

/// How many attempts have failed.
pub const ATTEMPTS: &str = "x-tollgate-attempts";
/// What went wrong the first time.
pub const FIRST_ERROR: &str = "x-tollgate-first-error";
/// What went wrong the last time.
pub const LAST_ERROR: &str = "x-tollgate-last-error";
/// The queue that a dead letter comes from.
pub const ORIGIN: &str = "x-tollgate-origin";
/// Why it is dead: a stable code.
pub const REASON: &str = "x-tollgate-reason";
/// The key of a dead letter that comes from no queue: what it was to be published with.
pub const ROUTING_KEY: &str = "x-tollgate-routing-key";
/// When it was first published, in milliseconds since 1970.
pub const PUBLISHED_MS: &str = "x-tollgate-published-ms";

/// The reason of a message whose every attempt has failed.
pub const ATTEMPTS_EXHAUSTED: &str = "attempts_exhausted";
/// The reason of a message that was worth nothing any more when its turn came.
pub const EXPIRED: &str = "expired";
/// The reason of a message that has come back to its queue too often: the broker's own, of whichever kind.
pub const DELIVERY_LIMIT: &str = "delivery_limit";
/// The reason of a message that somebody else's consumer has refused.
pub const REJECTED: &str = "rejected";

/// The reason of an event that the broker does not take.
pub const REFUSED: &str = "refused_by_broker";
/// The reason of an event that can not be read from the outbox.
pub const UNREADABLE: &str = "unreadable_event";

/// Longer errors are cut: headers travel with every copy.
const ERROR_CHARS_MAX: usize = 300;

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Onward {
    /// Nothing more.
    Gone,
    /// Back where it was.
    Back,
    /// To the same queue, after a pause. The index is that of [`RETRY_AFTER`].
    Again(Message, usize),
    /// To `transactions`, with this key.
    Dead(Message, &'static str),
}

/// How many failed attempts a message says it has behind it.
pub(super) fn failures(message: &Message) -> u32 {
    failures_of(&message.headers)
}

fn failures_of(headers: &BTreeMap<String, String>) -> u32 {
    headers.get(ATTEMPTS).and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What went wrong with a message that a broker has taken for dead by itself.
pub(super) fn error_of(reason: &str) -> &'static str {
    match reason {
        EXPIRED => "its time had passed before its turn came",
        DELIVERY_LIMIT => "it came back too often without a word",
        REJECTED => "a consumer that is not ours has refused it",
        _ => "the broker has taken it for dead by itself",
    }
}

/// Tells of a message that it has died in this queue so often, and why. Only in a queue of ours was that an
/// attempt.
pub(super) fn died(
    headers: &mut BTreeMap<String, String>,
    (queue, reason): (&str, &str),
    times: u32,
) {
    if Queue::parse(queue).is_some() {
        let attempts = failures_of(headers).saturating_add(times);
        failed(headers, attempts, error_of(reason));
    }
    headers.insert(ORIGIN.to_owned(), queue.to_owned());
    headers.insert(REASON.to_owned(), reason.to_owned());
}

/// So many attempts, and the last of them ended with this.
fn failed(headers: &mut BTreeMap<String, String>, attempts: u32, error: &str) {
    let error = shortened(error);
    headers.insert(ATTEMPTS.to_owned(), attempts.to_string());
    headers.entry(FIRST_ERROR.to_owned()).or_insert_with(|| error.clone());
    headers.insert(LAST_ERROR.to_owned(), error);
}

/// The pause before the attempt that comes after so many failed ones.
pub(super) fn pause(index: usize) -> Duration {
    RETRY_AFTER.get(index).copied().unwrap_or_default()
}

/// What a settlement makes of a message of this queue that has failed so often before.
pub(super) fn onward(
    queue: Queue,
    message: &Message,
    failures: u32,
    settlement: Settlement,
) -> Onward {
    let (reason, error) = match settlement {
        Settlement::Done => return Onward::Gone,
        Settlement::Return => return Onward::Back,
        Settlement::Retry { error } => (None, error),
        Settlement::Dead { reason, error } => (Some(reason), error),
    };
    // Dead letters do not die again: whoever works that queue settles them otherwise.
    let Some(key) = queue.dead_letter_key() else { return Onward::Back };
    let mut message = message.clone();
    failed(&mut message.headers, failures.saturating_add(1), &error);
    message.headers.insert(ORIGIN.to_owned(), queue.name().to_owned());
    // What it was worth counts from its first turn only.
    message.expires_after = None;
    let index = usize::try_from(failures).unwrap_or(usize::MAX);
    let reason = match reason {
        None if index < RETRY_AFTER.len() => return Onward::Again(message, index),
        None => ATTEMPTS_EXHAUSTED.to_owned(),
        Some(reason) => reason,
    };
    message.headers.insert(REASON.to_owned(), reason);
    Onward::Dead(message, key)
}

fn shortened(error: &str) -> String {
    let line = |character: char| if character.is_control() { ' ' } else { character };
    error.chars().take(ERROR_CHARS_MAX).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(error: &str) -> Settlement {
        Settlement::Retry { error: error.to_owned() }
    }

    #[test]
    fn a_message_is_tried_four_times_and_then_tells_all() {
        let mut message = Message { id: "m".into(), ..Message::default() };
        for n in 0..3 {
            let next =
                onward(Queue::Webhooks, &message, failures(&message), retry(&format!("e{n}")));
            let Onward::Again(next, index) = next else { panic!("{next:?}") };
            assert_eq!(index, n);
            message = next;
        }
        let dead = onward(Queue::Webhooks, &message, failures(&message), retry("e3\nx"));
        let Onward::Dead(dead, key) = dead else { panic!("{dead:?}") };
        assert_eq!(key, "webhook.failed");
        let header = |name: &str| dead.headers[name].as_str();
        assert_eq!((header(ATTEMPTS), header(REASON)), ("4", ATTEMPTS_EXHAUSTED));
        assert_eq!((header(FIRST_ERROR), header(LAST_ERROR)), ("e0", "e3 x"));
        assert_eq!(header(ORIGIN), "webhook-queue");
    }

    #[test]
    fn what_can_never_work_is_dead_at_once_and_a_forged_count_only_shortens_its_life() {
        let never = || Settlement::Dead { reason: "malformed_json".into(), error: "e".into() };
        let message = Message::default();
        let dead = onward(Queue::JitFunding, &message, 0, never());
        let Onward::Dead(dead, "jit-funding.failed") = dead else { panic!("{dead:?}") };
        assert_eq!(dead.headers[ATTEMPTS], "1");
        for (forged, expected) in [("4000000000", 4_000_000_000), ("-3", 0), ("many", 0)] {
            let mut message = Message::default();
            message.headers.insert(ATTEMPTS.to_owned(), forged.to_owned());
            assert_eq!(failures(&message), expected);
        }
        assert!(matches!(
            onward(Queue::JitFunding, &message, u32::MAX, retry("e")),
            Onward::Dead(..)
        ));
    }

    #[test]
    fn what_a_broker_takes_for_dead_has_an_error_and_counts_in_our_queues_alone() {
        let check = |queue: &str, reason: &str, before: &[(&str, &str)], expected: [&str; 3]| {
            let own = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            let mut headers: BTreeMap<String, String> = before.iter().map(own).collect();
            died(&mut headers, (queue, reason), 1);
            let told = [ATTEMPTS, FIRST_ERROR, LAST_ERROR]
                .map(|name| headers.get(name).map_or("", String::as_str));
            assert_eq!(told, expected, "{queue} {reason}");
            assert_eq!([&*headers[ORIGIN], &*headers[REASON]], [queue, reason]);
        };
        let limit = error_of(DELIVERY_LIMIT);
        check("webhook-queue", DELIVERY_LIMIT, &[], ["1", limit, limit]);
        let before = [(ATTEMPTS, "2"), (FIRST_ERROR, "e0"), (LAST_ERROR, "e1")];
        check("webhook-queue", EXPIRED, &before, ["3", "e0", error_of(EXPIRED)]);
        check("q.other", REJECTED, &[], ["", "", ""]);
    }

    #[test]
    fn dead_letters_do_not_die_again() {
        assert_eq!(onward(Queue::DeadLetters, &Message::default(), 0, retry("e")), Onward::Back);
    }
}
