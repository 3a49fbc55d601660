//! Seals what is kept of people: notifications, names, mail addresses. AES-256-GCM with a random nonce,
//! bound to where it is kept. Several keys are known while rotating; the first one seals.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::domain::webhook::Sealed;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Bytes of a key's hash in its name, which has two letters for each.
const NAME_BYTES: usize = 4;

/// Bytes of a sealed text beside those of the text.
const EXTRA_BYTES: usize = NONCE_LEN + 16;

/// What the keys are for: it goes into their names, so that two uses of one key have two names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Notifications of the card platform.
    Notifications,
    /// Personal fields.
    Personal,
}

impl Use {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::Notifications => b"webhook key ",
            Self::Personal => b"personal key ",
        }
    }
}

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
    pub fn new<'a>(
        purpose: Use,
        keys: impl IntoIterator<Item = &'a SecretString>,
    ) -> Result<Self, SealError> {
        let keys: Result<Vec<_>, _> =
            keys.into_iter().map(|text| key(purpose.label(), text)).collect();
        keys.map(Self)
            .and_then(|seal| if seal.0.is_empty() { Err(SealError::Key) } else { Ok(seal) })
    }

    /// What the keys are called: the beginning of their hash.
    pub fn key_ids(&self) -> Vec<String> {
        self.0.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Seals a text, to be opened only for the same place.
    ///
    /// # Errors
    /// [`SealError::Broken`] if the system has no randomness.
    pub fn close(&self, place: &[u8], text: &[u8]) -> Result<Sealed, SealError> {
        let (key_id, key) = self.0.first().ok_or(SealError::Key)?;
        let mut sealed = text.to_vec();
        let nonce = key.seal_in_place_append_tag(Aad::from(place), &mut sealed);
        let nonce = nonce.map_err(|_| SealError::Broken)?;
        let bytes = [nonce.as_ref().as_slice(), &sealed].concat();
        Ok(Sealed { key_id: key_id.clone(), bytes })
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// Where the key is not known, or anything was changed.
    pub fn open(&self, place: &[u8], sealed: &Sealed) -> Result<Vec<u8>, SealError> {
        let key = self.0.iter().find(|(key_id, _)| *key_id == sealed.key_id);
        let (_, key) = key.ok_or(SealError::UnknownKey)?;
        let (nonce, rest) = sealed.bytes.split_at_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let mut text = rest.to_vec();
        let opened = key.open_in_place(nonce, Aad::from(place), &mut text);
        let bytes = opened.map_err(|_| SealError::Broken)?.len();
        text.truncate(bytes);
        Ok(text)
    }

    /// Seals a text for a place, as a text that names its key.
    ///
    /// # Errors
    /// As [`Seal::close`].
    pub fn close_text(&self, place: &[u8], text: &str) -> Result<String, SealError> {
        let Sealed { key_id, bytes } = self.close(place, text.as_bytes())?;
        Ok(format!("{}{key_id}:{}", Sealed::TEXT_MARK, STANDARD.encode(bytes)))
    }

    /// Whether a text was sealed with a key that is not known here.
    pub fn is_foreign(&self, text: &str) -> bool {
        sealed(text).is_some_and(|sealed| !self.0.iter().any(|(known, _)| *known == sealed.key_id))
    }

    /// Whether a text was sealed with the key that seals now.
    pub fn is_present(&self, text: &str) -> bool {
        let present = self.0.first().map(|(key_id, _)| key_id);
        sealed(text).is_some_and(|sealed| Some(&sealed.key_id) == present)
    }

    /// Opens a text that was sealed for this place. One that never was is from before there was a
    /// key: it is as it is until it is written again.
    ///
    /// # Errors
    /// As [`Seal::open`].
    pub fn open_text(&self, place: &[u8], text: &str) -> Result<String, SealError> {
        let Some(sealed) = sealed(text) else { return Ok(text.to_owned()) };
        let opened = self.open(place, &sealed)?;
        String::from_utf8(opened).map_err(|_| SealError::Broken)
    }
}

/// The sealed value that a text is. One that only begins like it is somebody's words.
fn sealed(text: &str) -> Option<Sealed> {
    let (key_id, bytes) = text.strip_prefix(Sealed::TEXT_MARK)?.split_once(':')?;
    let is_name = |c: u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
    if key_id.len() != 2 * NAME_BYTES || !key_id.bytes().all(is_name) {
        return None;
    }
    let bytes = STANDARD.decode(bytes).ok().filter(|bytes| bytes.len() >= EXTRA_BYTES)?;
    Some(Sealed { key_id: key_id.to_owned(), bytes })
}

fn key(label: &[u8], text: &SecretString) -> Result<(String, RandomizedNonceKey), SealError> {
    let bytes = STANDARD.decode(text.expose_secret()).map_err(|_| SealError::Key)?;
    if bytes.len() != KEY_BYTES {
        return Err(SealError::Key);
    }
    let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| SealError::Key)?;
    let digest = Sha256::digest([label, &bytes].concat());
    let id = digest.iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect();
    Ok((id, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(byte: u8) -> SecretString {
        STANDARD.encode([byte; KEY_BYTES]).into()
    }

    fn row(n: u8) -> [u8; 16] {
        [n; 16]
    }

    fn seal<'a>(keys: impl IntoIterator<Item = &'a SecretString>) -> Seal {
        Seal::new(Use::Notifications, keys).unwrap()
    }

    #[test]
    fn what_is_sealed_is_opened_by_its_key_for_its_row_and_unchanged() {
        let (old, new) = (text(1), text(2));
        let sealer = seal([&old]);
        let sealed = sealer.close(&row(1), b"a name").unwrap();
        assert_ne!(sealed, sealer.close(&row(1), b"a name").unwrap(), "nonces are random");
        assert!(!sealed.bytes.windows(4).any(|part| part == b"name"));
        let rotated = seal([&new, &old]);
        assert_eq!(rotated.open(&row(1), &sealed).unwrap(), b"a name");
        assert_eq!(rotated.open(&row(2), &sealed), Err(SealError::Broken), "another row");
        assert_eq!(seal([&new]).open(&row(1), &sealed), Err(SealError::UnknownKey));
        for at in 0..sealed.bytes.len() {
            let mut changed = sealed.clone();
            changed.bytes[at] ^= 1;
            assert_eq!(rotated.open(&row(1), &changed), Err(SealError::Broken));
        }
        let short = Sealed { bytes: vec![0; 5], ..sealed };
        assert_eq!(rotated.open(&row(1), &short), Err(SealError::Broken));
    }

    #[test]
    fn a_key_is_32_bytes_in_base64() {
        for wrong in ["", "x", "c2hvcnQ=", &STANDARD.encode([0; 33])] {
            assert!(Seal::new(Use::Personal, [&SecretString::from(wrong)]).is_err(), "{wrong}");
        }
        assert!(Seal::new(Use::Personal, []).is_err());
    }

    #[test]
    fn words_that_begin_like_a_sealed_text_are_words() {
        let key = text(1);
        let seal = seal([&key]);
        for words in [
            "sealed:1:",
            "sealed:1:x:%",
            "sealed:1:x:AAAA",
            "sealed:1:0a1b2c3d:",
            "sealed:1:0a1b2c3d:AAAA",
        ] {
            assert!(!seal.is_foreign(words) && !seal.is_present(words), "{words}");
            assert_eq!(seal.open_text(b"usr_1 name", words).as_deref(), Ok(words), "kept plain");
            let sealed = seal.close_text(b"usr_1 name", words).unwrap();
            assert_eq!(seal.open_text(b"usr_1 name", &sealed).as_deref(), Ok(words));
        }
    }

    #[test]
    fn a_sealed_text_names_its_key_and_stays_where_it_is() {
        let (old, new) = (text(1), text(2));
        let sealed = seal([&old]).close_text(b"usr_1 name", "Jenny").unwrap();
        assert!(sealed.starts_with(Sealed::TEXT_MARK) && !sealed.contains("Jenny"), "{sealed}");
        let rotated = seal([&new, &old]);
        assert_eq!(rotated.open_text(b"usr_1 name", &sealed).as_deref(), Ok("Jenny"));
        assert_eq!(rotated.open_text(b"usr_1 email", &sealed), Err(SealError::Broken));
        assert_eq!(seal([&new]).open_text(b"usr_1 name", &sealed), Err(SealError::UnknownKey));
        assert_eq!(rotated.open_text(b"usr_1 name", "Jenny").as_deref(), Ok("Jenny"), "older");
        let (head, bytes) = sealed.rsplit_once(':').unwrap();
        let other = if bytes.starts_with('A') { "B" } else { "A" };
        let changed = format!("{head}:{other}{}", &bytes[1..]);
        assert_eq!(rotated.open_text(b"usr_1 name", &changed), Err(SealError::Broken));
        assert!(seal([&new]).is_foreign(&sealed) && !rotated.is_foreign(&sealed));
        assert!(seal([&old]).is_present(&sealed) && !rotated.is_present(&sealed));
        assert!(!rotated.is_present("Jenny"), "sealed with none");
        let other = Seal::new(Use::Personal, [&old]).unwrap();
        assert_ne!(other.key_ids(), seal([&old]).key_ids(), "two uses have two names");
    }
}
