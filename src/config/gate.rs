//! Callers of the REST routes: tokens, rates, where they come from.

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::{SettingsError, choice, within};
use super::unset::{networks, secret_or_unset, text_or_unset};

/// The shortest secret of HS256, in bytes: as long as its hash.
const HS256_BYTES_MIN: usize = 32;

/// Settings of the access to the REST routes.
#[derive(Clone, Debug, Deserialize)]
pub struct Access {
    /// Networks of proxies whose `X-Forwarded-For` counts.
    #[serde(deserialize_with = "networks")]
    pub proxies: Vec<IpNet>,
    /// Requests a second of each key or token; 0: as many as it likes.
    pub key_per_s: u64,
    /// Requests of each key at once, after it has been silent.
    pub key_burst: u64,
    /// Requests a second of each address; 0: as many as it likes.
    pub address_per_s: u64,
    /// Requests of each address at once, after it has been silent.
    pub address_burst: u64,
    /// Bad credentials in a minute that lock an address out for a minute; 0: never.
    pub failures_max: u64,
    /// Whether the scope `simulate` gives anything.
    pub simulate: bool,
    /// Tokens of an identity provider.
    pub jwt: Jwt,
}

/// Tokens (JWT) that are accepted beside keys.
#[derive(Clone, Debug, Deserialize)]
pub struct Jwt {
    /// How they are signed.
    pub algorithm: JwtAlgorithm,
    /// What signatures are checked with: a public key in PEM, or the secret of HS256.
    #[serde(deserialize_with = "secret_or_unset")]
    pub key: Option<SecretString>,
    /// The key before, while rotating.
    #[serde(deserialize_with = "secret_or_unset")]
    pub previous_key: Option<SecretString>,
    /// Who must have issued them (`iss`).
    #[serde(deserialize_with = "text_or_unset")]
    pub issuer: Option<String>,
    /// For whom they must be (`aud`).
    #[serde(deserialize_with = "text_or_unset")]
    pub audience: Option<String>,
    /// How far the issuer's clock may be off, in seconds.
    pub leeway_s: u64,
    /// The claim that holds the scopes.
    pub scopes_claim: String,
    /// The claim that holds the company, or the word `program`.
    pub company_claim: String,
    /// What a token without that claim is.
    pub without_company: WithoutCompany,
}

choice! {
    /// How tokens are signed. Exactly this is accepted, whatever a token says of itself.
    JwtAlgorithm {
        /// No tokens are accepted.
        Off => "off",
        /// RSA with SHA-256.
        Rs256 => "RS256",
        /// P-256 with SHA-256.
        Es256 => "ES256",
        /// HMAC with SHA-256: whoever checks can also issue.
        Hs256 => "HS256",
    }
}

choice! {
    /// What a token is that names no company.
    WithoutCompany {
        /// Not accepted.
        Refuse => "refuse",
        /// The program's.
        Program => "program",
    }
}

impl Access {
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        const RATE: std::ops::RangeInclusive<u64> = 0..=10_000_000;
        const BURST: std::ops::RangeInclusive<u64> = 1..=10_000_000;
        within("access.key_per_s", self.key_per_s, RATE)?;
        within("access.key_burst", self.key_burst, BURST)?;
        within("access.address_per_s", self.address_per_s, RATE)?;
        within("access.address_burst", self.address_burst, BURST)?;
        within("access.failures_max", self.failures_max, 0..=1_000_000)?;
        self.jwt.check()
    }
}

impl Jwt {
    fn check(&self) -> Result<(), SettingsError> {
        within("access.jwt.leeway_s", self.leeway_s, 0..=300)?;
        if self.algorithm == JwtAlgorithm::Off {
            return Ok(());
        }
        let Some(key) = &self.key else {
            return Err(SettingsError::value("access.jwt.key", "set where tokens are accepted"));
        };
        for (name, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.is_none() {
                let key = format!("access.jwt.{name}");
                return Err(SettingsError::value(key, "set where tokens are accepted"));
            }
        }
        for (name, claim) in
            [("scopes_claim", &self.scopes_claim), ("company_claim", &self.company_claim)]
        {
            if claim.is_empty() {
                let key = format!("access.jwt.{name}");
                return Err(SettingsError::value(key, "the name of a claim"));
            }
        }
        let keys = [
            ("access.jwt.key", Some(key)),
            ("access.jwt.previous_key", self.previous_key.as_ref()),
        ];
        for (name, key) in keys {
            let Some(key) = key.map(ExposeSecret::expose_secret) else { continue };
            let is_pem = key.trim_start().starts_with("-----BEGIN PUBLIC KEY-----");
            match self.algorithm {
                JwtAlgorithm::Hs256 if is_pem || key.len() < HS256_BYTES_MIN => {
                    return Err(SettingsError::value(name, "a secret of at least 32 characters"));
                }
                JwtAlgorithm::Rs256 | JwtAlgorithm::Es256 if !is_pem => {
                    return Err(SettingsError::value(
                        name,
                        "a public key in PEM (BEGIN PUBLIC KEY)",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
