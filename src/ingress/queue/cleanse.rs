//! Messages without card data: before anyone handles one, and so before it is tried again,
//! dead-lettered or kept.

use std::ops::Range;

use bytes::Bytes;

use crate::broker::Message;
use crate::telemetry::card_data::{Place, What, seen};
use crate::wire::card_data::{CardData, TEXT_REMOVED, may_be_in, names, number};
use crate::wire::scan::{ScanError, scan};

/// Instead of a text that was, or held, a card number.
const REMOVED: &str = "removed";

/// What the body scanner says of a body: handlers need not scan it again.
pub type Scanned = Result<(), ScanError>;

/// Times that a message can have been published at, in milliseconds since 1970. What is later is none, and
/// what is earlier is as old as can be; the shortest card numbers begin behind them.
const PUBLISHED_MS: Range<i64> = 0..4_000_000_000_000;

/// The message without what may not be kept; `None`: it holds nothing of the kind. What was in a
/// property is as if it had not been sent.
pub fn without_card_data(message: &Message) -> Option<Message> {
    cleanse(message).0
}

/// The same, and whether its body can be read.
pub fn cleanse(message: &Message) -> (Option<Message>, Scanned) {
    let scanned = scan(&message.body);
    let body = body(&message.body, &scanned);
    (cleansed(message, body), scanned.map(drop))
}

fn cleansed(message: &Message, body: Option<Bytes>) -> Option<Message> {
    let named = |(name, value): &(&String, &String)| number::is_in(name) || must_go(name, value);
    let headers = message.headers.iter().filter(named).count();
    let unread = message.unread.iter().filter(|text| number::is_in(text)).count();
    let kept = body.as_ref().unwrap_or(&message.body);
    let held = |text: &String| number::is_in(text) && !is_named(kept, text);
    let id = held(&message.id);
    let correlation = message.correlation_id.as_ref().is_some_and(held);
    let reply = message.reply_to.as_ref().is_some_and(|text| number::is_in(text));
    let kind = number::is_in(&message.content_type);
    let time = message.published_ms.is_some_and(|ms| !PUBLISHED_MS.contains(&ms));
    let is_number = |ms: i64| number::is_in(&ms.unsigned_abs().to_string());
    let stamp = time && message.published_ms.is_some_and(is_number);
    let properties =
        [id, correlation, reply, kind, stamp].into_iter().filter(|found| *found).count();
    let found = headers.saturating_add(unread).saturating_add(properties);
    seen(Place::Message, What::Number, u32::try_from(found).unwrap_or(u32::MAX));
    if body.is_none() && found == 0 && !time {
        return None;
    }
    let mut clean = Message { unread: Vec::new(), ..message.clone() };
    if let Some(body) = body {
        clean.body = body;
    }
    if kind {
        REMOVED.clone_into(&mut clean.content_type);
    }
    if id {
        clean.id.clear();
    }
    clean.correlation_id = clean.correlation_id.filter(|_| !correlation);
    clean.reply_to = clean.reply_to.filter(|_| !reply);
    let published_ms = clean.published_ms.filter(|ms| *ms < PUBLISHED_MS.end);
    clean.published_ms = published_ms.map(|ms| ms.max(PUBLISHED_MS.start));
    clean.headers.retain(|name, _| !number::is_in(name));
    for (name, value) in &mut clean.headers {
        if must_go(name, value) {
            REMOVED.clone_into(value);
        }
    }
    Some(clean)
}

/// Whether the body, without card data, still names it: then it is a token, which only has the form of a
/// card number, or holds one, and stays here as it stays there.
fn is_named(body: &[u8], text: &str) -> bool {
    let quoted = format!("\"{text}\"");
    body.windows(quoted.len()).any(|part| part == quoted.as_bytes())
}

fn must_go(name: &str, value: &str) -> bool {
    value != REMOVED && (number::is_in(value) || names::is_secret(name))
}

fn body(body: &[u8], scanned: &Result<CardData, ScanError>) -> Option<Bytes> {
    match scanned {
        Ok(found) => {
            tell_of(found);
            found.must_go().then(|| found.removed_from(body).into())
        }
        Err(_) if may_be_in(&String::from_utf8_lossy(body)) => {
            seen(Place::Message, What::Number, 1);
            Some(Bytes::from_static(TEXT_REMOVED.as_bytes()))
        }
        Err(_) => None,
    }
}

fn tell_of(found: &CardData) {
    seen(Place::Message, What::Number, found.numbers);
    seen(Place::Message, What::Secret, found.secrets);
    seen(Place::Message, What::Identifier, found.identifiers);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &'static str, headers: &[(&str, &str)]) -> Message {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Message {
            id: "m-1".into(),
            content_type: "application/json".into(),
            headers: headers.collect(),
            body: Bytes::from_static(body.as_bytes()),
            ..Message::default()
        }
    }

    #[test]
    fn bodies_and_headers_lose_it_and_the_rest_stays() {
        let sent = message(
            r#"{"a":"4111 1111 1111 1111","b":1}"#,
            &[
                ("x-a", "5555-5555-5555-4444"),
                ("x-b", "b"),
                ("378282246310005", "c"),
                ("cvv2", "1"),
            ],
        );
        let clean = without_card_data(&sent).unwrap();
        assert_eq!(clean.body, r#"{"a":null,"b":1}"#);
        let headers: Vec<_> = clean.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(headers, [("cvv2", "removed"), ("x-a", "removed"), ("x-b", "b")]);
        assert_eq!(without_card_data(&clean), None);
    }

    #[test]
    fn a_property_that_holds_it_is_as_if_it_had_not_been_sent() {
        const NUMBER: &str = "4111 1111 1111 1111";
        let plain = Message {
            reply_to: Some("answers".into()),
            correlation_id: Some("c-1".into()),
            published_ms: Some(1_790_000_000_000),
            ..message(r#"{"a":1}"#, &[])
        };
        assert_eq!(without_card_data(&plain), None);
        for (change, expected) in [
            (Message { id: NUMBER.into(), ..plain.clone() }, Message::default()),
            (Message { reply_to: Some(NUMBER.into()), ..plain.clone() }, plain.clone()),
            (Message { correlation_id: Some(NUMBER.into()), ..plain.clone() }, plain.clone()),
            (Message { published_ms: Some(4_111_111_111_111_111), ..plain.clone() }, plain.clone()),
            (Message { unread: vec![NUMBER.into()], ..plain.clone() }, plain.clone()),
        ] {
            let clean = without_card_data(&change).unwrap();
            assert!(!format!("{clean:?}").contains("4111"), "{clean:?}");
            assert_eq!(clean.id, expected.id, "{clean:?}");
            assert_eq!(clean.body, plain.body);
            assert_eq!(without_card_data(&clean), None);
        }
    }

    #[test]
    fn a_time_before_all_others_stays_too_old() {
        for early in [-1, -4_111_111_111_111_111, i64::MIN] {
            let sent = Message { published_ms: Some(early), ..message(r#"{"a":1}"#, &[]) };
            let clean = without_card_data(&sent).unwrap();
            assert_eq!(clean.published_ms, Some(0), "{early}");
            assert_eq!(without_card_data(&clean), None);
        }
        let late = Message { published_ms: Some(i64::MAX), ..message(r#"{"a":1}"#, &[]) };
        assert_eq!(without_card_data(&late).unwrap().published_ms, None);
    }

    #[test]
    fn an_id_that_is_the_token_of_the_body_stays_with_it() {
        const TOKEN: &str = "4111111111111111";
        let sent = Message {
            id: TOKEN.into(),
            correlation_id: Some(TOKEN.into()),
            ..message(r#"{"token":"4111111111111111"}"#, &[("x-a", "378282246310005")])
        };
        let clean = without_card_data(&sent).unwrap();
        assert_eq!((clean.id.as_str(), clean.correlation_id.as_deref()), (TOKEN, Some(TOKEN)));
        let noted = Message { body: r#"{"note":"4111111111111111"}"#.into(), ..sent };
        let clean = without_card_data(&noted).unwrap();
        assert_eq!((clean.id.as_str(), clean.correlation_id), ("", None));
    }

    #[test]
    fn a_body_that_can_not_be_read_goes_as_a_whole() {
        let clean = without_card_data(&message(r#"{"a":"4111111111111111""#, &[])).unwrap();
        assert_eq!(clean.body, TEXT_REMOVED);
        assert_eq!(without_card_data(&message("{\"a\":", &[])), None);
        assert_eq!(without_card_data(&message("{\"a\":1}", &[("x", "y")])), None);
        assert_eq!(cleanse(&message("{\"a\":1}", &[])).1, Ok(()));
        assert_eq!(cleanse(&message("[]", &[])).1, Err(ScanError::NotAnObject));
    }
}
