//! What the broker tells of a message that it has taken for dead by itself: its limit of deliveries, a
//! time to live, a consumer that has refused it.

use std::collections::BTreeMap;

use lapin::types::{AMQPValue, ShortString};

use super::Names;
use super::properties::as_text;

/// The deaths of a message, the last one first. Other headers tell of the first, which may have been
/// the pause before an attempt.
const DEATHS: &str = "x-death";

/// The last death of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Death {
    /// Where, by our own name.
    pub(super) queue: String,
    /// Why.
    pub(super) reason: String,
    /// How often there, of that.
    pub(super) times: u32,
}

/// How a message has died. `None`: it lives. That it has left the queue where it waited for its next
/// attempt was no death.
pub(super) fn last(headers: &BTreeMap<ShortString, AMQPValue>, names: &Names) -> Option<Death> {
    let AMQPValue::FieldArray(deaths) = headers.get(DEATHS)? else { return None };
    let AMQPValue::FieldTable(death) = deaths.as_slice().first()? else { return None };
    let text = |name: &str| death.inner().get(name).and_then(as_text);
    let (queue, reason) = (text("queue")?, text("reason")?);
    let times = text("count").and_then(|count| count.parse().ok()).unwrap_or(1);
    (!names.is_retry(&queue)).then(|| Death { queue: names.bare(&queue).to_owned(), reason, times })
}

#[cfg(test)]
mod tests {
    use lapin::types::{FieldArray, FieldTable};

    use super::*;

    fn text(text: &str) -> AMQPValue {
        AMQPValue::LongString(text.into())
    }

    /// Deaths as the broker writes them, the last one first.
    fn told(deaths: &[(&str, &str)]) -> FieldTable {
        let deaths = deaths.iter().map(|(queue, reason)| {
            let mut death = FieldTable::default();
            death.insert("count".into(), AMQPValue::LongLongInt(3));
            death.insert("queue".into(), text(queue));
            death.insert("reason".into(), text(reason));
            AMQPValue::FieldTable(death)
        });
        let deaths: Vec<AMQPValue> = deaths.collect();
        let mut headers = FieldTable::default();
        headers.insert(DEATHS.into(), AMQPValue::FieldArray(FieldArray::from(deaths)));
        headers
    }

    fn check(prefix: &str, deaths: &[(&str, &str)], expected: Option<(&str, &str)>) {
        let found = last(told(deaths).inner(), &Names::new(prefix));
        let expected = expected.map(|(queue, reason)| Death {
            queue: queue.to_owned(),
            reason: reason.to_owned(),
            times: 3,
        });
        assert_eq!(found, expected, "{prefix} {deaths:?}");
    }

    #[test]
    fn the_last_death_counts_under_our_own_name_and_a_pause_is_none() {
        let limit = ("p.jit-funding-queue", "delivery_limit");
        let paused = ("p.jit-funding-queue.retry.100ms", "expired");
        let told = Some(("jit-funding-queue", "delivery_limit"));
        check("p.", &[limit], told);
        check("p.", &[limit, paused], told);
        check("p.", &[paused], None);
        check("p.", &[], None);
        check("", &[("webhook-queue", "expired")], Some(("webhook-queue", "expired")));
        check("", &[("webhook-queue.retry.5s", "expired")], None);
        check("p.", &[("q.other", "rejected")], Some(("q.other", "rejected")));
    }

    #[test]
    fn what_is_no_list_of_deaths_tells_of_none() {
        let mut headers = FieldTable::default();
        let names = Names::new("");
        assert_eq!(last(headers.inner(), &names), None);
        for other in [text("webhook-queue"), AMQPValue::FieldArray(vec![text("x")].into())] {
            headers.insert(DEATHS.into(), other);
            assert_eq!(last(headers.inner(), &names), None);
        }
    }
}
