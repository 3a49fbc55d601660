//! Ids: one type each, a readable prefix and a UUIDv7. Account and authorization ids tell their home.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// Where an account's money lives: one store holds all of it, and commits it together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Home {
    /// Company accounts.
    Business,
    /// Personal wallets.
    Personal,
}

impl Home {
    /// Both homes, business first.
    pub const ALL: [Self; 2] = [Self::Business, Self::Personal];

    /// `business` or `personal`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Personal => "personal",
        }
    }

    const fn letter(self) -> &'static str {
        match self {
            Self::Business => "b",
            Self::Personal => "p",
        }
    }
}

/// The text is not an id of the expected kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an id that starts with {prefix:?}")]
pub struct IdError {
    prefix: &'static str,
}

fn parse_hex(text: &str, prefix: &'static str) -> Result<Uuid, IdError> {
    let canonical =
        text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let parsed = if canonical { Uuid::try_parse(text).ok() } else { None };
    parsed.ok_or(IdError { prefix })
}

macro_rules! text_form {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

macro_rules! plain_id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// The readable prefix of this kind of id.
            pub const PREFIX: &'static str = $prefix;

            /// Names the thing that `uuid` stands for.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, for stores that keep it as one.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", $prefix, self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let hex = text.strip_prefix($prefix).ok_or(IdError { prefix: $prefix })?;
                parse_hex(hex, $prefix).map(Self)
            }
        }

        text_form!($name);
    };
}

macro_rules! homed_id {
    ($name:ident, $prefix:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name {
            home: Home,
            uuid: Uuid,
        }

        impl $name {
            /// The readable prefix of this kind of id; one letter for the home follows it.
            pub const PREFIX: &'static str = $prefix;

            /// Names the thing that `uuid` stands for in `home`.
            pub const fn new(home: Home, uuid: Uuid) -> Self {
                Self { home, uuid }
            }

            /// The money home that this id belongs to.
            pub const fn home(self) -> Home {
                self.home
            }

            /// The bare UUID, for hashing to a lane and for stores that keep it as one.
            pub const fn uuid(self) -> Uuid {
                self.uuid
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}{}", $prefix, self.home.letter(), self.uuid.simple())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let rest = text.strip_prefix($prefix).ok_or(IdError { prefix: $prefix })?;
                for home in Home::ALL {
                    if let Some(hex) = rest.strip_prefix(home.letter()) {
                        return parse_hex(hex, $prefix).map(|uuid| Self { home, uuid });
                    }
                }
                Err(IdError { prefix: $prefix })
            }
        }

        text_form!($name);
    };
}

plain_id!(CompanyId, "cmp_", "A company.");
plain_id!(UserId, "usr_", "A cardholder, business or personal.");
plain_id!(CardId, "crd_", "A card, business or personal.");
plain_id!(LimitId, "lim_", "A spending limit.");
plain_id!(ControlId, "ctl_", "A spending control.");
plain_id!(KycId, "kyc_", "What a person has submitted about themselves.");
plain_id!(EventId, "evt_", "An event.");
plain_id!(DeadLetterId, "dlq_", "A message that could not be worked.");
plain_id!(ApiKeyId, "key_", "A key of the REST routes.");
plain_id!(TransactionId, "txn_", "A reported transaction, from the moment it is accepted.");
homed_id!(AccountId, "acc_", "An account: a company's, or a personal wallet.");
homed_id!(AuthorizationId, "aut_", "An authorization; the first of a chain names the chain.");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_tell_their_home() {
        let uuid = Uuid::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab);
        let account = AccountId::new(Home::Personal, uuid);
        assert_eq!(
            account.to_string(),
            "acc_p01901234567a7abc8def0123456789ab".replace("567a", "5678")
        );
        assert_eq!(account.to_string().parse::<AccountId>().unwrap().home(), Home::Personal);
        assert_eq!(CardId::new(uuid).to_string().parse::<CardId>(), Ok(CardId::new(uuid)));
    }

    #[test]
    fn foreign_and_damaged_ids_are_refused() {
        for text in [
            "",
            "crd_",
            "usr_01901234567878ab8def0123456789ab",
            "crd_%00",
            "crd_01901234-5678",
            "crd_01901234567878AB8DEF0123456789AB",
        ] {
            assert!(text.parse::<CardId>().is_err(), "{text}");
        }
        assert!("acc_x01901234567878ab8def0123456789ab".parse::<AccountId>().is_err());
    }
}
