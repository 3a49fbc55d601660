//! An empty text means: not set.

use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

pub(super) fn text_or_unset<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(if text.is_empty() { None } else { Some(text) })
}

pub(super) fn secret_or_unset<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    Ok(text_or_unset(deserializer)?.map(SecretString::from))
}
