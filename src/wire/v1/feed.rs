//! The live feed: events as they come back from the broker, what may be asked for, and how it is told
//! (Server-Sent Events).

use std::str::FromStr;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};

use super::field::Read;
use super::query::{Pairs, Query, id, parameter};
use crate::domain::id::{AccountId, CardId, CompanyId, EventId};

/// Longer texts are none of our events.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// Types in one question, and characters of a word of one, at most.
const KINDS_MAX: usize = 32;
const WORD_MAX: usize = 32;

/// An event that was heard: what decides who reads it, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Its id.
    pub id: EventId,
    /// Its type.
    pub kind: String,
    /// Events of one key keep their order.
    pub key: String,
    /// The account that it is about.
    pub account: Option<AccountId>,
    /// The card that it is about.
    pub card: Option<CardId>,
    /// The company that it names.
    pub company: Option<CompanyId>,
    /// The whole event, in one line.
    pub text: Bytes,
}

#[derive(Deserialize)]
struct Envelope {
    id: EventId,
    #[serde(rename = "type")]
    kind: String,
    key: String,
    #[serde(default)]
    payload: Option<Subject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Subject {
    #[serde(deserialize_with = "named")]
    account: Option<AccountId>,
    #[serde(deserialize_with = "named")]
    card: Option<CardId>,
    #[serde(deserialize_with = "named")]
    company: Option<CompanyId>,
}

/// An id, where there is one: notices may say something else there.
fn named<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().and_then(|text| text.parse().ok()))
}

impl Heard {
    /// Reads the body of a message; `None`: it is none of our events.
    pub fn parse(body: Bytes) -> Option<Self> {
        if body.len() > TEXT_BYTES_MAX {
            return None;
        }
        // What is passed over here is sent all the same.
        let text = str::from_utf8(&body).ok()?;
        let Envelope { id, kind, key, payload } = serde_json::from_str(text).ok()?;
        if !is_kind(&kind) {
            return None;
        }
        let Subject { account, card, company } = payload.unwrap_or_default();
        // What is told of an account has it for its key, where it does not name it besides.
        let account = key.parse().ok().or(account);
        Some(Self { id, kind, key, account, card, company, text: one_line(body) })
    }

    /// Whether this is an alert or an error: of a process, and not of what it has decided.
    pub fn is_notice(&self) -> bool {
        self.kind.starts_with("alert.") || self.kind.ends_with(".error")
    }

    /// Adds it to what is sent.
    pub fn tell(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(format!("id: {}\nevent: {}\ndata: ", self.id, self.kind).as_bytes());
        to.extend_from_slice(&self.text);
        to.extend_from_slice(b"\n\n");
    }
}

/// In JSON, a line ends only between two of its parts, where a blank is as good.
fn one_line(body: Bytes) -> Bytes {
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !body.iter().any(ends) {
        return body;
    }
    body.iter().map(|byte| if ends(byte) { b' ' } else { *byte }).collect()
}

/// `word.word`, as every type is.
fn is_kind(text: &str) -> bool {
    text.split_once('.').is_some_and(|(first, second)| is_word(first) && is_word(second))
}

fn is_word(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || b"_-".contains(&byte);
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(legal)
}

/// Types of events: `card.issued`, or, with `authorization.*`, all that begin so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds(Vec<String>);

impl Kinds {
    fn parse(text: &str) -> Read<Self> {
        let is_one = |kind: &str| match kind.strip_suffix(".*") {
            Some(word) => is_word(word),
            None => is_kind(kind),
        };
        let kinds: Vec<String> = text.split(',').map(str::to_owned).collect();
        if kinds.len() > KINDS_MAX || !kinds.iter().all(|kind| is_one(kind)) {
            return Err(parameter("types are those of docs/events.md, or authorization.*"));
        }
        Ok(Self(kinds))
    }

    fn has(&self, kind: &str) -> bool {
        let is_it = |asked: &String| match asked.strip_suffix('*') {
            Some(start) => kind.starts_with(start),
            None => kind == asked,
        };
        self.0.iter().any(is_it)
    }
}

/// Which events are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedQuery {
    /// Of these types; `None`: of all.
    pub kinds: Option<Kinds>,
    /// About this card.
    pub card: Option<CardId>,
    /// About this company.
    pub company: Option<CompanyId>,
    /// Those that came after this one.
    pub after: Option<EventId>,
}

impl FeedQuery {
    /// Reads the parameters.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let asked = Self {
            kinds: query.take("types", Kinds::parse)?,
            card: query.take("card", id)?,
            company: query.take("company", id)?,
            after: query.take("after", id)?,
        };
        query.end()?;
        Ok(asked)
    }

    /// Whether this event has such a type, and is about such a card.
    pub fn wants(&self, event: &Heard) -> bool {
        let has_kind = self.kinds.as_ref().is_none_or(|kinds| kinds.has(&event.kind));
        has_kind && self.card.is_none_or(|card| event.card == Some(card))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const ACCOUNT: &str = "acc_b01901234567878ab8def0123456789ab";

    /// An event with this number.
    pub(crate) fn heard(number: u32, kind: &str, filling: &str) -> Heard {
        Heard {
            id: format!("evt_01901234567878ab8def0123{number:08x}").parse().unwrap(),
            kind: kind.to_owned(),
            key: ACCOUNT.to_owned(),
            account: None,
            card: None,
            company: None,
            text: Bytes::from(filling.to_owned()),
        }
    }

    fn parse(kind: &str, key: &str, payload: &str) -> Option<Heard> {
        let body = format!(
            "{{\"id\":\"evt_01901234567878ab8def0123456789ab\",\n\"type\":\"{kind}\",\"version\":1,\
             \"key\":\"{key}\",\"at\":\"2026-11-20T12:00:00.000001Z\",\"payload\":{payload}}}"
        );
        Heard::parse(body.into())
    }

    #[test]
    fn an_event_tells_whom_it_is_about_and_is_told_in_three_lines() {
        let card = "crd_01901234567878ab8def0123456789ab";
        let payload = format!(r#"{{"card":"{card}","account":null,"amount":{{"amount":1}}}}"#);
        let event = parse("authorization.approved", ACCOUNT, &payload).unwrap();
        assert_eq!(event.account, ACCOUNT.parse().ok());
        assert_eq!((event.card, event.company), (card.parse().ok(), None));
        assert!(!event.is_notice());
        let mut told = Vec::new();
        event.tell(&mut told);
        let told = String::from_utf8(told).unwrap();
        let lines: Vec<&str> = told.split('\n').collect();
        assert_eq!(lines.len(), 5, "{told}");
        assert_eq!(lines[0], "id: evt_01901234567878ab8def0123456789ab");
        assert_eq!(lines[1], "event: authorization.approved");
        assert!(lines[2].starts_with(r#"data: {"id":"evt_"#) && lines[2].ends_with("}}"), "{told}");
        assert_eq!(lines[3..], ["", ""]);
    }

    #[test]
    fn what_others_publish_is_read_if_it_is_an_event() {
        let notice = parse("alert.raised", "process_1", r#"{"card":7,"account":"x"}"#).unwrap();
        assert_eq!((notice.account, notice.card, notice.is_notice()), (None, None, true));
        assert!(parse("card.issued", "k", "null").is_some());
        for kind in ["", "card", "card.issued.x", "card.issued\\nid: 1", "Card.issued"] {
            assert_eq!(parse(kind, "k", "{}"), None, "{kind}");
        }
        for body in ["", "{}", "[]", "\u{0}", r#"{"id":"evt_1","type":"card.issued","key":"k"}"#] {
            assert_eq!(Heard::parse(Bytes::from(body.to_owned())), None, "{body}");
        }
        let id = "evt_01901234567878ab8def0123456789ab";
        let start = format!(r#"{{"id":"{id}","type":"card.issued","key":"k","other":""#);
        let broken = |byte: &[u8]| [start.as_bytes(), byte, br#""}"#].concat();
        assert!(Heard::parse(broken(b"x").into()).is_some());
        assert_eq!(Heard::parse(broken(b"\xff").into()), None, "in what nobody reads");
        let long = format!("{{\"filling\":\"{}\"}}", "x".repeat(TEXT_BYTES_MAX));
        assert_eq!(parse("card.issued", "k", &long), None);
    }

    fn query(pairs: &[(&str, &str)]) -> Read<FeedQuery> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        FeedQuery::parse(&pairs.iter().map(own).collect::<Vec<_>>())
    }

    #[test]
    fn types_are_asked_for_one_by_one_or_by_their_first_word() {
        let wants = |types: &str, kind: &str| {
            query(&[("types", types)]).unwrap().wants(&heard(1, kind, ""))
        };
        assert!(query(&[]).unwrap().wants(&heard(1, "card.issued", "")));
        assert!(wants("authorization.*,card.issued", "authorization.voided"));
        assert!(wants("authorization.*,card.issued", "card.issued"));
        assert!(!wants("authorization.*,card.issued", "card.state_changed"));
        assert!(!wants("card.*", "cards.issued"));
        for wrong in ["", "*", "#", "card", "card.", ".*", "card.*.x", "card.issued,", "card.is*"] {
            let fault = query(&[("types", wrong)]).unwrap_err();
            assert_eq!(fault.code, "invalid_parameter", "{wrong}");
        }
        let many = vec!["card.issued"; KINDS_MAX + 1].join(",");
        assert!(query(&[("types", &many)]).is_err() && query(&[("type", "card.issued")]).is_err());
    }

    #[test]
    fn a_card_is_asked_for_by_its_id() {
        let id = "crd_01901234567878ab8def0123456789ab";
        let asked = query(&[("card", id)]).unwrap();
        let event = heard(1, "card.issued", "");
        assert!(!asked.wants(&event));
        assert!(asked.wants(&Heard { card: id.parse().ok(), ..event }));
        for name in ["card", "company", "after"] {
            assert_eq!(query(&[(name, "wren-0042")]).unwrap_err().code, "invalid_id");
        }
    }
}
