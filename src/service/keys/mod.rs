//! Keys of the REST routes: issued, listed, revoked; and recognised, see [`ring`].

pub mod ring;

use std::sync::Arc;

use aws_lc_rs::rand::fill;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::error::Error;
use crate::domain::access::{Caller, Reach};
use crate::domain::api_key::{ApiKey, LEAD, PREFIX_CHARS};
use crate::domain::audit::{Hash, Recording};
use crate::domain::clock::Clock;
use crate::domain::id::{ApiKeyId, CompanyId};
use crate::store::api_keys::ApiKeys;
use crate::store::{ResourceStore, StoreError};
use crate::wire::v1::api_key::NewApiKey;
use crate::wire::v1::field::Invalid;

use ring::KeyRing;

/// Bytes of a secret: 256 bits.
const SECRET_BYTES: usize = 32;

/// Bytes that a prefix is made of.
const PREFIX_BYTES: usize = PREFIX_CHARS / 2;

/// A prefix that is taken is drawn again, so often.
const DRAWS_MAX: u32 = 4;

/// What the verbs work with.
pub struct KeyDesk {
    /// Where keys are kept.
    pub keys: Arc<dyn ApiKeys>,
    /// Companies, to which keys are bound.
    pub resources: Arc<dyn ResourceStore>,
    /// Where keys are recognised.
    pub ring: Arc<KeyRing>,
    /// Time and ids.
    pub clock: Arc<dyn Clock>,
}

impl KeyDesk {
    /// Issues a key, and shows it this once: with none but the caller's own scopes, and of the caller's
    /// company only, if it is bound to one.
    pub async fn issue(
        &self,
        caller: &Caller,
        new: NewApiKey,
        record: Recording,
    ) -> Result<(String, ApiKey), Error> {
        let reach = self.reach(caller, new.company).await?;
        if !caller.scopes.contains(new.scopes) {
            return Err(Error::Forbidden);
        }
        let at = self.clock.now();
        if new.expires_at.is_some_and(|expires| expires <= at) {
            const DETAIL: &str = "a new key expires in the future";
            return Err(Invalid::new("invalid_timestamp", DETAIL).under("expires_at").into());
        }
        let mut key = ApiKey {
            id: ApiKeyId::new(self.clock.uuid()),
            prefix: String::new(),
            name: new.name,
            scopes: new.scopes,
            reach,
            created_by: Arc::clone(&caller.key),
            created_at: at,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        record.iter().for_each(|record| record.name(&key.id));
        for _ in 0..DRAWS_MAX {
            let text;
            (key.prefix, text) = draw()?;
            match self.keys.insert_key(key.clone(), hash(&text), record.clone()).await {
                Err(StoreError::Taken(_)) => {}
                other => return other.map(|()| (text, key)).map_err(Error::from),
            }
        }
        Err(Error::Internal("no prefix that is not taken was found".into()))
    }

    /// One key, if it is within the caller's reach.
    pub async fn find(&self, caller: &Caller, id: ApiKeyId) -> Result<ApiKey, Error> {
        let found = self.keys.key(id, caller.reach.company()).await?;
        found.ok_or(Error::NotFound(None))
    }

    /// Keys within the caller's reach, latest first.
    pub async fn list(
        &self,
        caller: &Caller,
        before: Option<ApiKeyId>,
        rows_max: u32,
    ) -> Result<Vec<ApiKey>, Error> {
        Ok(self.keys.keys(caller.reach.company(), before, rows_max).await?)
    }

    /// Ends a key: here at once, on other instances within [`ring::FRESH`]. To end it once more changes
    /// nothing.
    pub async fn revoke(
        &self,
        caller: &Caller,
        id: ApiKeyId,
        record: Recording,
    ) -> Result<ApiKey, Error> {
        self.find(caller, id).await?;
        let at = self.clock.now();
        let revoked = self.keys.revoke_key(id, caller.reach.company(), at, record).await;
        // Whatever has come of it: what is remembered may be wrong.
        self.ring.forget();
        if revoked? { self.find(caller, id).await } else { Err(Error::NotFound(None)) }
    }

    async fn reach(&self, caller: &Caller, company: Option<CompanyId>) -> Result<Reach, Error> {
        const NOT_FOUND: Error = Error::NotFound(Some("/company_id"));
        if let Reach::Company(own) = caller.reach {
            let is_own = company.is_none_or(|company| company == own);
            return if is_own { Ok(caller.reach) } else { Err(NOT_FOUND) };
        }
        let Some(company) = company else { return Ok(Reach::Program) };
        let found = self.resources.company(company).await?;
        found.map(|company| Reach::Company(company.id)).ok_or(NOT_FOUND)
    }
}

/// A new key: its prefix, and its whole text.
fn draw() -> Result<(String, String), Error> {
    let mut bytes = [0; PREFIX_BYTES + SECRET_BYTES];
    fill(&mut bytes).map_err(|_| Error::Internal("the system has no randomness".into()))?;
    let (prefix, secret) = bytes.split_at(PREFIX_BYTES);
    let prefix: String = prefix.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = format!("{LEAD}{prefix}_{}", URL_SAFE_NO_PAD.encode(secret));
    Ok((prefix, text))
}

/// What is kept of a key. Its secret is random and long: a plain hash is enough.
fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::api_key::prefix_of;

    #[test]
    fn keys_are_random_and_tell_their_prefix() {
        let (prefix, text) = draw().unwrap();
        assert_eq!(prefix_of(&text), Some(&*prefix));
        assert_eq!(text.len(), LEAD.len() + PREFIX_CHARS + 1 + 43);
        assert_ne!(draw().unwrap().1, text);
    }
}
