//! Messages without card data: before anyone handles one, and so before it is tried again,
//! dead-lettered or kept.

use bytes::Bytes;

use crate::broker::Message;
use crate::telemetry::card_data::{Place, What, seen};
use crate::wire::card_data::{CardData, TEXT_REMOVED, may_be_in, names, number};
use crate::wire::scan::{ScanError, scan};

/// Instead of a text that was, or held, a card number.
const REMOVED: &str = "removed";

/// What the body scanner says of a body: handlers need not scan it again.
pub type Scanned = Result<(), ScanError>;

/// The message without what may not be kept; `None`: it holds nothing of the kind. Its id and where
/// its answer goes are identifiers: they stay.
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
    seen(Place::Message, What::Number, u32::try_from(headers).unwrap_or(u32::MAX));
    let kind = number::is_in(&message.content_type);
    if body.is_none() && headers == 0 && !kind {
        return None;
    }
    let mut clean = message.clone();
    if let Some(body) = body {
        clean.body = body;
    }
    if kind {
        REMOVED.clone_into(&mut clean.content_type);
    }
    clean.headers.retain(|name, _| !number::is_in(name));
    for (name, value) in &mut clean.headers {
        if must_go(name, value) {
            REMOVED.clone_into(value);
        }
    }
    Some(clean)
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
            id: "4111111111111111".into(),
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
        assert_eq!(clean.id, sent.id, "what it is known by stays");
        assert_eq!(without_card_data(&clean), None);
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
