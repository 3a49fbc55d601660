//! What the platform notifies of: the envelope, taken apart into elements. The names of its families are
//! held to what every body is held to. Its elements are not: each is scanned by itself, so that one
//! which can not be read does not sink the others.

pub mod element;
pub mod kind;
pub mod message;
mod money;
pub mod transition;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::wire::card_data::{CardData, names};
use crate::wire::scan::{ScanError, scan};

/// How many elements an envelope may have. The platform sends ten at most.
pub const ELEMENTS_MAX: usize = 1_000;

/// How many families an envelope may name.
const FAMILIES_MAX: usize = 64;

/// The longest name of a family, in bytes.
const FAMILY_BYTES_MAX: usize = 64;

/// An envelope that has been taken apart.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// Its elements, in order.
    pub elements: Vec<Raw<'a>>,
    /// Card data among the names of its families.
    pub names: CardData,
}

/// One element, as it was sent.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    /// The event family: the key of the array that it was in.
    pub family: Family,
    /// Its text.
    pub text: &'a str,
}

/// A family of events. Others than these are kept and counted, without effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// `transactions`.
    Transaction,
    /// `cardtransitions`.
    Card,
    /// `usertransitions`.
    User,
    /// `businesstransitions`.
    Business,
    /// `digitalwallettokentransitions`.
    DigitalWallet,
    /// `chargebacktransitions`.
    Chargeback,
    /// `threedstransitions`.
    ThreeDs,
    /// `pings`.
    Ping,
    /// Any other.
    Other,
}

impl Family {
    const ALL: [Self; 9] = [
        Self::Transaction,
        Self::Card,
        Self::User,
        Self::Business,
        Self::DigitalWallet,
        Self::Chargeback,
        Self::ThreeDs,
        Self::Ping,
        Self::Other,
    ];

    /// The name used in rows and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transaction => "transactions",
            Self::Card => "cardtransitions",
            Self::User => "usertransitions",
            Self::Business => "businesstransitions",
            Self::DigitalWallet => "digitalwallettokentransitions",
            Self::Chargeback => "chargebacktransitions",
            Self::ThreeDs => "threedstransitions",
            Self::Ping => "pings",
            Self::Other => "other",
        }
    }

    /// The family of a key; case and padding do not matter.
    pub fn parse(key: &str) -> Self {
        let key = key.trim();
        let found = Self::ALL.into_iter().find(|family| family.as_str().eq_ignore_ascii_case(key));
        found.unwrap_or(Self::Other)
    }
}

/// Why an envelope can not be taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct EnvelopeError {
    /// The stable code.
    pub code: &'static str,
    /// One sentence for a person.
    pub detail: &'static str,
}

const fn error(code: &'static str, detail: &'static str) -> EnvelopeError {
    EnvelopeError { code, detail }
}

const fn scanned(error: ScanError) -> EnvelopeError {
    EnvelopeError { code: error.code(), detail: error.detail() }
}

const EMPTY: EnvelopeError = scanned(ScanError::EmptyBody);
const NOT_UTF8: EnvelopeError = scanned(ScanError::InvalidUtf8);
const NOT_AN_OBJECT: EnvelopeError = scanned(ScanError::NotAnObject);
const MALFORMED: EnvelopeError = scanned(ScanError::MalformedJson);
const TOO_MANY_FAMILIES: EnvelopeError =
    error("too_many_fields", "the body names more than 64 event families");

/// Too many elements: answered 413, and nothing is kept.
pub const TOO_MANY: EnvelopeError =
    error("too_many_events", "the body has more than 1000 elements");

/// Takes an envelope apart. Whatever is not a list counts as one element that can not be read.
pub fn open(body: &[u8]) -> Result<Envelope<'_>, EnvelopeError> {
    let text = std::str::from_utf8(body).map_err(|_| NOT_UTF8)?;
    let first = text.trim_start_matches([' ', '\t', '\r', '\n']).chars().next();
    match first {
        None => return Err(EMPTY),
        Some('{') => {}
        Some('[' | '"' | 't' | 'f' | 'n' | '-' | '0'..='9') => return Err(NOT_AN_OBJECT),
        Some(_) => return Err(MALFORMED),
    }
    let Families(families) = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    if families.len() > FAMILIES_MAX {
        return Err(TOO_MANY_FAMILIES);
    }
    let found = scan(without_elements(&families).as_bytes()).map_err(scanned)?;
    let mut elements = Vec::new();
    for (key, value) in families {
        let name: String = serde_json::from_str(key.get()).map_err(|_| MALFORMED)?;
        if names::is_secret(&name) {
            continue; // as if it had not been sent
        }
        let long = name.len() > FAMILY_BYTES_MAX;
        let family = if long { Family::Other } else { Family::parse(&name) };
        let texts = match value.get() {
            "null" => Vec::new(),
            list if list.starts_with('[') => {
                serde_json::from_str::<Vec<&RawValue>>(list).map_err(|_| MALFORMED)?
            }
            _ => vec![value],
        };
        elements.extend(texts.into_iter().map(|raw| Raw { family, text: raw.get() }));
        if elements.len() > ELEMENTS_MAX {
            return Err(TOO_MANY);
        }
    }
    Ok(Envelope { elements, names: found })
}

/// The envelope as the scanner is to see it: the names as they were sent, and no elements.
fn without_elements(families: &[(&RawValue, &RawValue)]) -> String {
    let member = |(name, value): &(&RawValue, &RawValue)| match value.get() {
        "null" => format!("{}:null", name.get()),
        _ => format!("{}:{{}}", name.get()),
    };
    let members: Vec<String> = families.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// Keys and values in order, as they were sent.
struct Families<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Families<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Families<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Families<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Families(pairs))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}
