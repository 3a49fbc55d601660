//! Tokens (JWT) of an identity provider. One algorithm and its keys come from the settings; nothing that
//! a token says of itself (`alg`, `kid`, `jku`, `jwk`) chooses how it is checked.

use jsonwebtoken::errors::Error as TokenError;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use crate::config::gate::{Jwt, JwtAlgorithm, WithoutCompany};
use crate::domain::access::{Caller, Reach, Scope, Scopes};
use crate::wire::card_data::number;

/// The longest subject, in characters.
const SUBJECT_MAX: usize = 128;

/// Checks tokens.
pub struct Tokens {
    keys: Vec<DecodingKey>,
    validation: Validation,
    scopes_claim: String,
    company_claim: String,
    without_company: WithoutCompany,
}

impl Tokens {
    /// As the settings say; `None`: no tokens are accepted.
    ///
    /// # Errors
    /// Where a key is none.
    pub fn new(set: &Jwt) -> Result<Option<Self>, TokenError> {
        let algorithm = match set.algorithm {
            JwtAlgorithm::Off => return Ok(None),
            JwtAlgorithm::Rs256 => Algorithm::RS256,
            JwtAlgorithm::Es256 => Algorithm::ES256,
            JwtAlgorithm::Hs256 => Algorithm::HS256,
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = set.leeway_s;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&set.issuer.iter().collect::<Vec<_>>());
        validation.set_audience(&set.audience.iter().collect::<Vec<_>>());
        let keys = set.key.iter().chain(&set.previous_key);
        Ok(Some(Self {
            keys: keys.map(|key| decoding_key(algorithm, key)).collect::<Result<_, _>>()?,
            validation,
            scopes_claim: set.scopes_claim.clone(),
            company_claim: set.company_claim.clone(),
            without_company: set.without_company,
        }))
    }

    /// Whose token this is; `None`: not one that is valid here.
    pub(super) fn recognise(&self, text: &str) -> Option<Caller> {
        let claims = self.keys.iter().find_map(|key| {
            let token = decode::<Map<String, Value>>(text, key, &self.validation).ok()?;
            // Extensions that must be understood: there are none here.
            token.header.crit.is_none().then_some(token.claims)
        })?;
        let subject = claims.get("sub")?.as_str()?;
        let plain = |byte: u8| byte.is_ascii_graphic();
        let fits = (1..=SUBJECT_MAX).contains(&subject.len()) && subject.bytes().all(plain);
        // It is kept: in the audit log, and with the caller's keys.
        if !fits || number::is_whole(subject) {
            return None;
        }
        let key = format!("jwt:{subject}").into();
        Some(Caller { key, scopes: self.scopes(&claims), reach: self.reach(&claims)? })
    }

    fn scopes(&self, claims: &Map<String, Value>) -> Scopes {
        match claims.get(&self.scopes_claim) {
            Some(Value::String(names)) => Scopes::granted(names),
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).filter_map(Scope::parse).collect()
            }
            _ => Scopes::NONE,
        }
    }

    fn reach(&self, claims: &Map<String, Value>) -> Option<Reach> {
        match claims.get(&self.company_claim) {
            Some(Value::String(reach)) => reach.parse().ok(),
            None if self.without_company == WithoutCompany::Program => Some(Reach::Program),
            _ => None,
        }
    }
}

fn decoding_key(algorithm: Algorithm, key: &SecretString) -> Result<DecodingKey, TokenError> {
    let text = key.expose_secret().as_bytes();
    match algorithm {
        Algorithm::RS256 => DecodingKey::from_rsa_pem(text),
        Algorithm::ES256 => DecodingKey::from_ec_pem(text),
        _ => Ok(DecodingKey::from_secret(text)),
    }
}

#[cfg(test)]
mod tests;
