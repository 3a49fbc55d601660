//! How facts are written into the shared level. A value begins with its schema, version and home,
//! which the scripts read, and names its own key: what was written for another key, by another
//! schema or for another home is a miss, as is anything that can not be read.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::cache::Stamped;
use crate::domain::facts::LimitFacts;
use crate::domain::id::{CardId, Home};
use crate::domain::policy::PolicyStamp;

/// Grows whenever the shape of a value changes.
pub(super) const SCHEMA: u32 = 1;

/// The scripts read the first three fields as text: they stay first, in this order.
#[derive(Serialize)]
struct Written<'a, T> {
    v: u32,
    version: i64,
    home: Home,
    key: &'a str,
    #[serde(serialize_with = "by_subject")]
    stamps: &'a [PolicyStamp],
    facts: &'a T,
}

#[derive(Deserialize)]
struct Read<'a, T> {
    v: u32,
    home: Home,
    #[serde(borrow, default)]
    key: Cow<'a, str>,
    facts: Option<T>,
    #[serde(default)]
    tombstone: bool,
}

/// What binds a card, with the card it binds.
#[derive(Deserialize)]
pub(super) struct KeptLimits {
    /// The card.
    pub(super) card: CardId,
    /// What binds it.
    pub(super) limits: LimitFacts,
}

/// The same, borrowed.
#[derive(Serialize)]
pub(super) struct LimitsOf<'a> {
    /// The card.
    pub(super) card: CardId,
    /// What binds it.
    pub(super) limits: &'a LimitFacts,
}

/// What a value turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded<T> {
    /// Facts of this key.
    Facts(T),
    /// A mark that they have changed.
    Tombstone,
    /// Another home's: where nobody knows yet where a card lives, both are asked.
    Elsewhere,
    /// Nothing that can be used.
    Unreadable,
}

impl<T> Decoded<T> {
    /// The facts, if that is what it is. What can not be used is counted.
    pub(super) fn facts(self, unreadable: &AtomicU64) -> Option<T> {
        match self {
            Self::Facts(facts) => Some(facts),
            Self::Tombstone | Self::Elsewhere => None,
            Self::Unreadable => {
                unreadable.fetch_add(1, Ordering::Relaxed);
                None
            }
        }
    }
}

/// The versions of these facts.
pub(super) fn stamps_of(facts: &dyn Stamped) -> Vec<PolicyStamp> {
    let mut stamps = Vec::with_capacity(4);
    facts.all_stamps(&mut |stamp| {
        stamps.push(stamp);
        true
    });
    stamps
}

/// One number that grows whenever one of the versions does: each of them only ever grows.
pub(super) fn version_of(stamps: &[PolicyStamp]) -> i64 {
    stamps.iter().fold(0, |sum, stamp| sum.saturating_add(stamp.version))
}

/// Writes facts for a key.
pub(super) fn encode<T: Serialize>(
    home: Home,
    key: &str,
    stamps: &[PolicyStamp],
    facts: &T,
) -> String {
    let written = Written { v: SCHEMA, version: version_of(stamps), home, key, stamps, facts };
    serde_json::to_string(&written).expect("facts are plain data: all their map keys are text")
}

/// Reads what was found under a key.
pub(super) fn decode<'a, T: Deserialize<'a>>(home: Home, key: &str, value: &'a [u8]) -> Decoded<T> {
    let Ok(read) = serde_json::from_slice::<Read<'a, T>>(value) else {
        return Decoded::Unreadable;
    };
    match read.facts {
        _ if read.v != SCHEMA => Decoded::Unreadable,
        _ if read.home != home => Decoded::Elsewhere,
        None if read.tombstone => Decoded::Tombstone,
        Some(facts) if read.key == key => Decoded::Facts(facts),
        Some(_) | None => Decoded::Unreadable,
    }
}

fn by_subject<S: Serializer>(stamps: &[PolicyStamp], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(stamps.len()))?;
    for stamp in stamps {
        map.serialize_entry(&stamp.subject, &stamp.version)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use crate::cache::tests::{card_at, transaction};
    use crate::domain::facts::CardFacts;
    use crate::domain::transaction::Transaction;

    use super::*;

    fn written() -> String {
        let card = card_at((3, 2, 1));
        encode(Home::Business, "t:card:card", &stamps_of(&*card), &*card)
    }

    fn read(text: &str) -> Decoded<CardFacts> {
        decode(Home::Business, "t:card:card", text.as_bytes())
    }

    #[test]
    fn facts_come_back_as_they_were_written() {
        assert_eq!(read(&written()), Decoded::Facts((*card_at((3, 2, 1))).clone()));
        let head = r#"{"v":1,"version":6,"home":"business","key":"t:card:card","stamps":{"crd_"#;
        assert!(written().starts_with(head), "{}", written());
    }

    #[test]
    fn limits_name_their_card() {
        let (card, limits) = (card_at((1, 1, 1)), LimitFacts::default());
        let facts = LimitsOf { card: card.id, limits: &limits };
        let text = encode(Home::Personal, "t:limits:card", &[], &facts);
        let Decoded::Facts(read) =
            decode::<KeptLimits>(Home::Personal, "t:limits:card", text.as_bytes())
        else {
            panic!("{text}")
        };
        assert_eq!((read.card, read.limits), (card.id, limits));
    }

    #[test]
    fn a_transaction_comes_back_whole_or_not_at_all() {
        let (kept, key) = (transaction(1), "t:transaction:txn");
        let good = encode(Home::Business, key, &[], &*kept);
        let unreadable = AtomicU64::new(0);
        let read = |text: &str| {
            decode::<Transaction>(Home::Business, key, text.as_bytes()).facts(&unreadable)
        };
        assert_eq!(read(&good).as_ref(), Some(&*kept));
        let mut personal = (*kept).clone();
        personal.company = None;
        personal.authorization = None;
        personal.record.authorization = None;
        personal.record.metadata = None;
        assert_eq!(read(&encode(Home::Business, key, &[], &personal)), Some(personal));
        assert_eq!(unreadable.load(Ordering::Relaxed), 0);
        for end in 0..good.len() {
            assert_eq!(good.get(..end).and_then(read), None, "cut at {end}");
        }
        for (was, is) in [("t:transaction:txn", "t:transaction:other"), ("cmp_", "usr_")] {
            assert_eq!(read(&good.replace(was, is)), None, "{is}");
        }
    }

    #[test]
    fn every_damage_is_a_miss() {
        let good = written();
        let damaged = [
            good.replace("\"v\":1", "\"v\":0"),
            good.replace("\"v\":1", "\"v\":2"),
            good.replace("t:card:card", "t:card:other"),
            good.replace("ACTIVE", "DANCING"),
            good.replace("\"facts\"", "\"fact\""),
            good.replace("crd_", "usr_"),
            format!("{good}{good}"),
            format!("[{good}]"),
            "null".to_owned(),
            "7".to_owned(),
        ];
        for text in damaged {
            assert_ne!(text, good, "the damage is done");
            assert_eq!(read(&text), Decoded::Unreadable, "{text}");
        }
        for end in 0..good.len() {
            assert_eq!(read(&good[..end]), Decoded::Unreadable, "cut at {end}");
        }
        let bytes = decode::<CardFacts>(Home::Business, "t:card:card", &[0xff, 0xfe, 0]);
        assert_eq!(bytes, Decoded::Unreadable);
    }

    #[test]
    fn what_the_other_home_has_written_is_told_apart() {
        let text = written().replace("\"home\":\"business\"", "\"home\":\"personal\"");
        assert_ne!(text, written());
        assert_eq!(read(&text), Decoded::Elsewhere);
    }

    #[test]
    fn a_tombstone_is_told_apart() {
        let text = r#"{"v":1,"version":7,"home":"business","tombstone":true}"#;
        assert_eq!(read(text), Decoded::Tombstone);
        assert_eq!(read(&text.replace("true", "false")), Decoded::Unreadable);
    }
}
