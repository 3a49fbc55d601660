//! Tokens: identities that others gave out. The platform's for messages, cards and users; a
//! client's own for a purchase. Wherever a card or user may be named, our id is a token too.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest token, in characters: what the platform's schema allows.
pub const TOKEN_LEN_MAX: usize = 36;

/// 1 to 36 characters of `A-Z a-z 0-9 . _ : -`, case-sensitive.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(Arc<str>);

/// The text is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to 36 characters of A-Z a-z 0-9 . _ : -")]
pub struct TokenError;

impl Token {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        let fits = (1..=TOKEN_LEN_MAX).contains(&text.len()) && text.bytes().all(legal);
        if fits { Ok(Self(text.into())) } else { Err(TokenError) }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_short_and_plain() {
        for text in ["a", "5f0e6a52-91c7-4d0b-8d55-0a1b2c3d4e01", "usr_wren_0042", "900121"] {
            assert_eq!(text.parse::<Token>().unwrap().as_str(), text);
        }
        let long = "x".repeat(37);
        for text in ["", &long, "a b", "../x", "'; drop", "a\r\nb", "😀", "a\0"] {
            assert_eq!(text.parse::<Token>(), Err(TokenError), "{text:?}");
        }
        assert_ne!("Ab".parse::<Token>(), "ab".parse::<Token>(), "case tells tokens apart");
    }
}
