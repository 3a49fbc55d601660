//! An empty text means: not set, or none.

use std::path::PathBuf;

use ipnet::IpNet;
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

pub(super) fn path_or_unset<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    Ok(text_or_unset(deserializer)?.map(PathBuf::from))
}

/// Networks, separated by commas.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let text = text_or_unset(deserializer)?.unwrap_or_default();
    let each = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let network = |part: &str| {
        part.parse::<IpNet>().or_else(|_| part.parse::<std::net::IpAddr>().map(IpNet::from))
    };
    let parsed: Result<Vec<_>, _> = each.map(network).collect();
    let expected = "networks such as 203.0.113.0/24, separated by commas";
    parsed.map_err(|_| serde::de::Error::custom(expected))
}
