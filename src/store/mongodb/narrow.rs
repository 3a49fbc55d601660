//! Ids as they are stored: the 16 bytes of their UUID instead of up to 37 characters.

use std::fmt::Display;
use std::str::FromStr;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Bson, Uuid};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::decision::Fingerprint;
use crate::domain::id::{
    AccountId, AuthorizationId, CardId, ControlId, EventId, KycId, LimitId, TransactionId, UserId,
};
use crate::domain::policy::Scope;

/// A value whose text is this prefix and 32 hexadecimal digits.
pub(super) trait Narrow: Display + FromStr {
    /// What precedes the digits. Of ids that tell their home: this one's.
    const PREFIX: &'static str;
}

macro_rules! narrow {
    ($($name:ident $prefix:literal),+) => {$(
        impl Narrow for $name {
            const PREFIX: &'static str = $prefix;
        }
    )+};
}

narrow!(
    AccountId "acc_p", AuthorizationId "aut_p", CardId "crd_", ControlId "ctl_", EventId "evt_",
    KycId "kyc_", LimitId "lim_", TransactionId "txn_", UserId "usr_", Fingerprint ""
);

/// An id in a document. One that another home has given is kept as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id<T>(pub(super) T);

/// The bytes of the UUID; `None` for an id of another home.
pub(super) fn bytes<T: Narrow>(id: &T) -> Option<[u8; 16]> {
    digits::<T>(&id.to_string())
}

fn digits<T: Narrow>(text: &str) -> Option<[u8; 16]> {
    let digits = text.strip_prefix(T::PREFIX)?;
    u128::from_str_radix(digits, 16).ok().map(u128::to_be_bytes)
}

/// The id of these bytes.
pub(super) fn of_bytes<T: Narrow>(bytes: [u8; 16]) -> Option<T> {
    format!("{}{:032x}", T::PREFIX, u128::from_be_bytes(bytes)).parse().ok()
}

/// The id as a value for filters.
pub(super) fn key<T: Narrow>(id: &T) -> Bson {
    let text = id.to_string();
    match digits::<T>(&text) {
        Some(bytes) => Uuid::from_bytes(bytes).into(),
        None => Bson::String(text),
    }
}

/// The ids as an array for filters.
pub(super) fn keys<'a, T: Narrow + 'a>(ids: impl IntoIterator<Item = &'a T>) -> Vec<Bson> {
    ids.into_iter().map(key).collect()
}

impl<T: Narrow> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.to_string();
        match digits::<T>(&text) {
            Some(bytes) => Uuid::from_bytes(bytes).serialize(serializer),
            None => serializer.serialize_str(&text),
        }
    }
}

impl<'de, T: Narrow> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = match Bson::deserialize(deserializer)? {
            Bson::Binary(binary) if binary.subtype == BinarySubtype::Uuid => {
                binary.bytes.try_into().ok().and_then(of_bytes)
            }
            Bson::String(text) => text.parse().ok(),
            _ => None,
        };
        id.map(Self).ok_or_else(|| serde::de::Error::custom("not an id"))
    }
}

/// Whose policy: the bytes of a card's, user's or company's id, whichever kind it is; `None` for the
/// program. UUIDs of different kinds differ, so what joins a card to its policy is its id alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Subject(Option<[u8; 16]>);

/// The program's name among the subjects.
const PROGRAM: &str = "program";

impl Subject {
    pub(super) fn of(scope: Scope) -> Self {
        let text = scope.to_string();
        let digits = text.split_once('_').map(|(_, digits)| digits);
        let number = digits.and_then(|digits| u128::from_str_radix(digits, 16).ok());
        Self(number.map(u128::to_be_bytes))
    }

    /// The subject as a value for filters.
    pub(super) fn key(self) -> Bson {
        match self.0 {
            Some(bytes) => Uuid::from_bytes(bytes).into(),
            None => Bson::String(PROGRAM.to_owned()),
        }
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Bson::deserialize(deserializer)? {
            Bson::Binary(binary) => {
                let bytes = binary.bytes.try_into();
                bytes.map(|bytes| Self(Some(bytes))).map_err(|_| serde::de::Error::custom("no id"))
            }
            _ => Ok(Self(None)),
        }
    }
}
