//! Keys of the REST routes: what is known of one, and its form. The secret itself is known to its
//! holder alone.

use std::sync::Arc;

use super::access::{Reach, Scopes};
use super::id::ApiKeyId;
use super::time::Timestamp;

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id: what the key is called in the audit log.
    pub id: ApiKeyId,
    /// The part of it that may be seen, and that it is found by.
    pub prefix: String,
    /// What it is for.
    pub name: Arc<str>,
    /// What its holder may do.
    pub scopes: Scopes,
    /// How far its holder sees.
    pub reach: Reach,
    /// Who has issued it.
    pub created_by: Arc<str>,
    /// When it was issued.
    pub created_at: Timestamp,
    /// From when on it is no longer valid; `None`: it stays valid.
    pub expires_at: Option<Timestamp>,
    /// Since when it is no longer valid.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

impl ApiKey {
    /// Whether it opens anything at this time.
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expires| at < expires)
    }
}

/// What every key begins with, so that scanners for leaked secrets can tell one.
pub const LEAD: &str = "tg_";

/// Characters of the prefix: hexadecimal digits.
pub const PREFIX_CHARS: usize = 12;

/// The prefix of something that has the form of a key: `tg_<prefix>_<secret>`.
pub fn prefix_of(text: &str) -> Option<&str> {
    let (prefix, secret) = text.strip_prefix(LEAD)?.split_once('_')?;
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let well_formed = prefix.len() == PREFIX_CHARS && prefix.bytes().all(hex);
    (well_formed && !secret.is_empty()).then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_prefix() {
        assert_eq!(prefix_of("tg_0123456789ab_se_cr-et"), Some("0123456789ab"));
        for other in [
            "",
            "tg_",
            "tg_0123456789ab",
            "tg_0123456789ab_",
            "tg_0123456789aG_x",
            "TG_0123456789ab_x",
        ] {
            assert_eq!(prefix_of(other), None, "{other}");
        }
    }

    #[test]
    fn a_key_ends_when_it_expires_or_is_revoked() {
        let at = Timestamp::from_micros;
        let key = ApiKey {
            id: ApiKeyId::new(uuid::Uuid::nil()),
            prefix: String::new(),
            name: "n".into(),
            scopes: Scopes::NONE,
            reach: Reach::Program,
            created_by: "admin".into(),
            created_at: at(0),
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        };
        assert!(key.is_valid(at(9)));
        let expiring = ApiKey { expires_at: Some(at(5)), ..key.clone() };
        assert!(expiring.is_valid(at(4)) && !expiring.is_valid(at(5)));
        assert!(!ApiKey { revoked_at: Some(at(1)), ..key }.is_valid(at(0)));
    }
}
