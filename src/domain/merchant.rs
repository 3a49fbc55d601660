//! Where a purchase happens: merchant, category code (MCC, ISO 18245), country.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A merchant category code: four digits, not `0000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mcc(u16);

/// The text is not a merchant category code, nor a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a merchant category code is four digits, not 0000; a range is two of them with a hyphen")]
pub struct MccError;

impl FromStr for Mcc {
    type Err = MccError;

    fn from_str(text: &str) -> Result<Self, MccError> {
        let four_digits = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        let code = if four_digits { text.parse().ok() } else { None };
        code.filter(|code| *code != 0).map(Self).ok_or(MccError)
    }
}

impl fmt::Display for Mcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// Codes from `first` to `last`, both included; written `5411` or `3000-3299`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MccRange {
    first: Mcc,
    last: Mcc,
}

impl MccRange {
    /// Whether the range holds the code.
    pub fn contains(self, mcc: Mcc) -> bool {
        (self.first..=self.last).contains(&mcc)
    }
}

impl FromStr for MccRange {
    type Err = MccError;

    fn from_str(text: &str) -> Result<Self, MccError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let (first, last) = (first.parse()?, last.parse()?);
        if first <= last { Ok(Self { first, last }) } else { Err(MccError) }
    }
}

impl fmt::Display for MccRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return self.first.fmt(f);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// A country: three upper-case letters (ISO 3166-1 alpha-3, as the card platform writes it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Country([u8; 3]);

/// The text is not a country code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country is three upper-case letters (ISO 3166-1 alpha-3)")]
pub struct CountryError;

impl FromStr for Country {
    type Err = CountryError;

    fn from_str(text: &str) -> Result<Self, CountryError> {
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| CountryError)?;
        let upper = letters.iter().all(u8::is_ascii_uppercase);
        if upper { Ok(Self(letters)) } else { Err(CountryError) }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("???"))
    }
}

macro_rules! serde_as_text {
    ($($name:ident),+) => {$(
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
    )+};
}

serde_as_text!(Mcc, MccRange, Country);

/// The merchant as the network names it. Everything may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// The acquirer's merchant id, trimmed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mid: Option<Arc<str>>,
    /// The merchant category code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mcc: Option<Mcc>,
    /// Names of category groups that the platform says the merchant belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcc_groups: Vec<Arc<str>>,
    /// The name on the statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// Where the merchant is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn category_codes_keep_their_zeros_and_ranges_hold_their_ends() {
        assert_eq!("0742".parse::<Mcc>().unwrap().to_string(), "0742");
        let range: MccRange = "3000-3299".parse().unwrap();
        for (code, inside) in [("3000", true), ("3299", true), ("2999", false), ("3300", false)] {
            assert_eq!(range.contains(code.parse().unwrap()), inside, "{code}");
        }
        for text in ["", "0000", "abcd", "541", "54111", "+541"] {
            assert_eq!(text.parse::<Mcc>(), Err(MccError), "{text}");
        }
        assert_eq!("3299-3000".parse::<MccRange>(), Err(MccError));
    }
}
