//! Messages as AMQP carries them.

use std::collections::BTreeMap;

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};

use super::{Names, deaths};
use crate::broker::Message;
use crate::broker::headers::{PUBLISHED_MS, died};

/// Persistent: on disk before it is confirmed.
const PERSISTENT: u8 = 2;

/// The longest short string of the protocol.
const SHORT_MAX: usize = 255;

/// How often a quorum queue has taken the message back.
pub(super) const DELIVERY_COUNT: &str = "x-delivery-count";

/// How deep headers are looked into. What lies deeper goes nowhere either.
const DEPTH_MAX: u32 = 8;

/// Headers that the broker itself adds. A copy must not carry them: they would tell of another
/// message's life.
const OF_THE_BROKER: [&str; 5] =
    ["x-death", "x-first-death-", "x-last-death-", DELIVERY_COUNT, "x-acquired-count"];

/// Properties and headers of a message. `None`: a text is longer than the protocol can carry.
pub(super) fn write(message: &Message, now_ms: i64) -> Option<BasicProperties> {
    let optional = [&message.reply_to, &message.correlation_id];
    let mut short = optional.into_iter().flatten().chain([&message.id, &message.content_type]);
    let keys = message.headers.keys().all(|key| key.len() <= SHORT_MAX);
    if !keys || short.any(|text| text.len() > SHORT_MAX) {
        return None;
    }
    let mut headers = FieldTable::default();
    for (name, value) in &message.headers {
        headers.insert(name.as_str().into(), AMQPValue::LongString(value.as_str().into()));
    }
    let published_ms = message.published_ms.unwrap_or(now_ms);
    headers.insert(PUBLISHED_MS.into(), AMQPValue::LongLongInt(published_ms));
    let mut properties = BasicProperties::default()
        .with_message_id(message.id.as_str().into())
        .with_content_type(message.content_type.as_str().into())
        .with_delivery_mode(PERSISTENT)
        .with_headers(headers);
    if let Some(reply_to) = &message.reply_to {
        properties = properties.with_reply_to(reply_to.as_str().into());
    }
    if let Some(correlation_id) = &message.correlation_id {
        properties = properties.with_correlation_id(correlation_id.as_str().into());
    }
    if let Some(after) = message.expires_after {
        properties = properties.with_expiration(after.as_millis().to_string().into());
    }
    Some(properties)
}

/// The message of a delivery. Headers that are no texts or numbers are left out; where the broker itself
/// has taken it for dead, they say so as if we had.
pub(super) fn read(delivery: &mut Delivery, names: &Names) -> Message {
    let properties = &delivery.properties;
    let mut unread = unread(properties);
    let short = |text: &Option<lapin::types::ShortString>| {
        text.as_ref().map(|text| text.as_str().to_owned())
    };
    let mut headers = BTreeMap::new();
    let mut published_ms = None;
    let table = properties.headers().as_ref().map(FieldTable::inner);
    for (name, value) in table.into_iter().flatten() {
        let (name, value) = (name.as_str(), as_text(value));
        match value {
            Some(value) if name == PUBLISHED_MS => match value.parse::<i64>() {
                Ok(ms) => published_ms = Some(ms),
                Err(_) => unread.push(value),
            },
            Some(value) if !OF_THE_BROKER.iter().any(|own| name.starts_with(own)) => {
                headers.insert(name.to_owned(), value);
            }
            _ => {}
        }
    }
    if let Some(death) = table.and_then(|table| deaths::last(table, names)) {
        died(&mut headers, (&death.queue, &death.reason), death.times);
    }
    // In whole seconds: of those who publish without our header, better than nothing.
    let seconds = properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok());
    let stamped = seconds.and_then(|seconds| seconds.checked_mul(1_000)?.checked_add(999));
    Message {
        id: short(properties.message_id()).unwrap_or_default(),
        content_type: short(properties.content_type()).unwrap_or_default(),
        reply_to: short(properties.reply_to()),
        correlation_id: short(properties.correlation_id()),
        headers,
        unread,
        published_ms: published_ms.or(stamped),
        expires_after: None,
        body: Bytes::from(std::mem::take(&mut delivery.data)),
    }
}

/// The texts of a delivery that nobody works with, or not as they are: of other properties, and of headers
/// that are no texts or numbers.
fn unread(properties: &BasicProperties) -> Vec<String> {
    let others = [
        properties.app_id(),
        properties.user_id(),
        properties.kind(),
        properties.content_encoding(),
        properties.cluster_id(),
        properties.expiration(),
    ];
    let others = others.into_iter().flatten().map(|text| text.as_str().to_owned());
    // Of a time that is none, milliseconds would not show what it was.
    let seconds = properties.timestamp().map(|seconds| seconds.to_string());
    let mut texts: Vec<String> = others.chain(seconds).collect();
    let table = properties.headers().as_ref().map(FieldTable::inner);
    for (name, value) in table.into_iter().flatten() {
        let is_ours = OF_THE_BROKER.iter().any(|own| name.as_str().starts_with(own));
        if !is_ours && as_text(value).is_none() {
            texts.push(name.as_str().to_owned());
            gather(value, DEPTH_MAX, &mut texts);
        }
    }
    texts
}

/// The texts within a value, so many levels down.
fn gather(value: &AMQPValue, levels: u32, texts: &mut Vec<String>) {
    let Some(levels) = levels.checked_sub(1) else { return };
    match value {
        AMQPValue::FieldArray(values) => {
            values.as_slice().iter().for_each(|value| gather(value, levels, texts));
        }
        AMQPValue::FieldTable(table) => {
            for (name, value) in table.inner() {
                texts.push(name.as_str().to_owned());
                gather(value, levels, texts);
            }
        }
        AMQPValue::ByteArray(bytes) => {
            texts.push(String::from_utf8_lossy(bytes.as_slice()).into_owned());
        }
        AMQPValue::Timestamp(seconds) => texts.push(seconds.to_string()),
        AMQPValue::Double(value) => texts.push(value.to_string()),
        other => texts.extend(as_text(other)),
    }
}

/// How often the broker says that it has taken this message back.
pub(super) fn delivery_count(delivery: &Delivery) -> i64 {
    let table = delivery.properties.headers().as_ref().map(FieldTable::inner);
    let value = table.and_then(|table| table.get(DELIVERY_COUNT));
    value.and_then(as_text).and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub(super) fn as_text(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        AMQPValue::ShortString(text) => text.as_str().to_owned(),
        AMQPValue::Boolean(value) => value.to_string(),
        AMQPValue::ShortShortInt(value) => value.to_string(),
        AMQPValue::ShortShortUInt(value) => value.to_string(),
        AMQPValue::ShortInt(value) => value.to_string(),
        AMQPValue::ShortUInt(value) => value.to_string(),
        AMQPValue::LongInt(value) => value.to_string(),
        AMQPValue::LongUInt(value) => value.to_string(),
        AMQPValue::LongLongInt(value) => value.to_string(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use lapin::types::FieldArray;

    use super::*;

    #[test]
    fn texts_that_nobody_works_with_are_still_looked_at() {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut inner = FieldTable::default();
        inner.insert("deep".into(), AMQPValue::FieldArray(FieldArray::from(vec![text("within")])));
        let mut headers = FieldTable::default();
        headers.insert("table".into(), AMQPValue::FieldTable(inner));
        headers.insert("number".into(), AMQPValue::Double(5_500.0));
        headers.insert("x-note".into(), text("a header like others"));
        headers.insert("x-death".into(), AMQPValue::FieldArray(FieldArray::from(vec![text("b")])));
        let properties = BasicProperties::default()
            .with_message_id("m-1".into())
            .with_app_id("an app".into())
            .with_user_id("a user".into())
            .with_type("a type".into())
            .with_expiration("an expiration".into())
            .with_timestamp(4_111)
            .with_headers(headers);
        let expected =
            ["an app", "a user", "a type", "an expiration", "4111", "number", "5500", "table"];
        let expected = [expected.as_slice(), &["deep", "within"]].concat();
        assert_eq!(unread(&properties), expected);
        assert!(unread(&BasicProperties::default()).is_empty());
    }
}
