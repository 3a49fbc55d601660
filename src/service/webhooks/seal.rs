//! Seals what is kept of notifications: they may hold personal data. AES-256-GCM with a random nonce,
//! bound to the id of the row. Two keys are known while rotating; the first one seals.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::domain::id::EventId;
use crate::domain::webhook::Sealed;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Why something can not be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The key is not 32 bytes in base64.
    #[error("the key must be 32 bytes in base64")]
    Key,
    /// It was sealed with a key that is not known here.
    #[error("sealed with a key that is not known here")]
    UnknownKey,
    /// It is not what was sealed.
    #[error("not what was sealed")]
    Broken,
}

/// The keys.
pub struct Seal(Vec<(String, RandomizedNonceKey)>);

impl Seal {
    /// The keys, the one that seals first, each 32 bytes in base64.
    ///
    /// # Errors
    /// [`SealError::Key`].
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a SecretString>) -> Result<Self, SealError> {
        let keys: Result<Vec<_>, _> = keys.into_iter().map(key).collect();
        keys.map(Self)
            .and_then(|seal| if seal.0.is_empty() { Err(SealError::Key) } else { Ok(seal) })
    }

    /// What the keys are called: the beginning of their hash.
    pub fn key_ids(&self) -> Vec<String> {
        self.0.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Seals a text for a row.
    ///
    /// # Errors
    /// [`SealError::Broken`] if the system has no randomness.
    pub fn close(&self, id: EventId, text: &[u8]) -> Result<Sealed, SealError> {
        let (key_id, key) = self.0.first().ok_or(SealError::Key)?;
        let mut sealed = text.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(id.uuid().as_bytes()), &mut sealed);
        let nonce = nonce.map_err(|_| SealError::Broken)?;
        let bytes = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(Sealed { key_id: key_id.clone(), bytes })
    }

    /// Opens what was sealed for this row.
    ///
    /// # Errors
    /// Where the key is not known, or anything was changed.
    pub fn open(&self, id: EventId, sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let key = self.0.iter().find(|(key_id, _)| *key_id == sealed.key_id);
        let (_, key) = key.ok_or(SealError::UnknownKey)?;
        let (nonce, rest) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let mut text = rest.to_vec();
        let opened = key.open_in_place(nonce, Aad::from(id.uuid().as_bytes()), &mut text);
        let bytes = opened.map_err(|_| SealError::Broken)?.len();
        text.truncate(bytes);
        Ok(text)
    }
}

fn key(text: &SecretString) -> Result<(String, RandomizedNonceKey), SealError> {
    let bytes = STANDARD.decode(text.expose_secret()).map_err(|_| SealError::Key)?;
    if bytes.len() != KEY_BYTES {
        return Err(SealError::Key);
    }
    let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Key)?;
    let digest = Sha256::digest([b"webhook key ".as_slice(), &bytes].concat());
    let id = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    Ok((id, key))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn text(byte: u8) -> SecretString {
        STANDARD.encode([byte; KEY_BYTES]).into()
    }

    fn row(n: u128) -> EventId {
        EventId::new(Uuid::from_u128(n))
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_for_its_row_and_unchanged() {
        let (old, new) = (text(1), text(2));
        let seal = Seal::new([&old]).unwrap();
        let sealed = seal.close(row(1), b"a name").unwrap();
        assert_ne!(sealed, seal.close(row(1), b"a name").unwrap(), "nonces are random");
        assert!(!sealed.bytes.windows(4).any(|part| part == b"name"));
        let rotated = Seal::new([&new, &old]).unwrap();
        assert_eq!(rotated.open(row(1), &sealed).unwrap(), b"a name");
        assert_eq!(rotated.open(row(2), &sealed), Err(SealError::Broken), "another row");
        assert_eq!(Seal::new([&new]).unwrap().open(row(1), &sealed), Err(SealError::UnknownKey));
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(rotated.open(row(1), &changed), Err(SealError::Broken));
        }
        let short = Sealed { bytes: vec![0; 5], ..sealed };
        assert_eq!(rotated.open(row(1), &short), Err(SealError::Broken));
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for wrong in ["", "x", "c2hvcnQ=", &STANDARD.encode([0; 33])] {
            assert!(Seal::new([&SecretString::from(wrong)]).is_err(), "{wrong}");
        }
        assert!(Seal::new([]).is_err());
    }
}
