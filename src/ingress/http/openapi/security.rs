//! Who may call: the schemes, and what each operation asks for.

use http::Method;
use serde_json::{Value, json};

use super::super::scopes::{Need, row};
use crate::domain::access::Scopes;

/// The schemes by name.
pub(super) fn schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of this API, or a token (JWT) of an issuer that the settings name.",
        },
        "platform": {
            "type": "http",
            "scheme": "basic",
            "description": "The credentials that the card platform was given for this program.",
        },
    })
}

/// What one operation asks for.
pub(super) enum Asks {
    /// Nothing.
    Nothing,
    /// Basic credentials of the card platform.
    Platform,
    /// A key with one of these scopes.
    Key {
        /// The scopes.
        scopes: Scopes,
        /// Not of a company.
        program_only: bool,
    },
}

impl Asks {
    /// What the table of scopes says. A route without a row is nobody's, and a test finds it.
    pub(super) fn of(method: &str, path: &str) -> Self {
        let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap_or_default();
        match row(&method, path).map(|row| row.need) {
            Some(Need::Open) => Self::Nothing,
            Some(Need::Platform) => Self::Platform,
            Some(Need::AnyOf { scopes, program_only }) => Self::Key { scopes, program_only },
            None => Self::Key { scopes: Scopes::NONE, program_only: true },
        }
    }

    /// In the words of the document: any one of these will do.
    pub(super) fn requirements(&self) -> Value {
        match self {
            Self::Nothing => json!([]),
            Self::Platform => json!([{ "platform": [] }]),
            Self::Key { scopes, .. } => {
                scopes.each().map(|scope| json!({ "bearer": [scope.as_str()] })).collect()
            }
        }
    }

    /// Whether keys of companies do not open it.
    pub(super) const fn program_only(&self) -> bool {
        matches!(self, Self::Key { program_only: true, .. })
    }
}
