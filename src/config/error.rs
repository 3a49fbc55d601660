//! What is wrong with the settings, in one line that names the key and the cure. Values are never
//! repeated: they may be secrets.

use std::ops::RangeInclusive;

/// Why the settings can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// Nothing is called that.
    #[error("unknown setting {key} in {origin}{}", hint(.similar))]
    Unknown {
        /// The key as found, in dotted form.
        key: String,
        /// The file, or the environment variable.
        origin: String,
        /// A known key that looks like it.
        similar: Option<String>,
    },
    /// The value is of the wrong type or out of range.
    #[error("setting {key} must be {expected}")]
    Value {
        /// The key, in dotted form.
        key: String,
        /// What would be right.
        expected: String,
    },
    /// A file is missing or not TOML.
    #[error("settings file {path} can not be used: {cause}")]
    File {
        /// Which file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
}

fn hint(similar: &Option<String>) -> String {
    similar.as_ref().map(|key| format!("; did you mean {key}?")).unwrap_or_default()
}

impl SettingsError {
    pub(super) fn value(key: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Value { key: key.into(), expected: expected.into() }
    }
}

/// Refuses a number outside `range`, naming both.
pub(super) fn within(
    key: &str,
    value: u64,
    range: RangeInclusive<u64>,
) -> Result<(), SettingsError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(SettingsError::value(key, format!("from {} to {}", range.start(), range.end())))
}

/// An enum that is written as one of a few words.
macro_rules! choice {
    ($(#[$doc:meta])+ $name:ident { $($(#[$vdoc:meta])+ $variant:ident => $text:literal),+ $(,)? }) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
        #[serde(try_from = "String")]
        pub enum $name { $($(#[$vdoc])+ $variant),+ }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                match text.as_str() {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("one of: {}", [$($text),+].join(", "))),
                }
            }
        }
    };
}

pub(super) use choice;
