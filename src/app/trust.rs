//! Certificate authorities of one's own: read and checked once, before anything connects.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::AppError;

/// Why a file of certificates can not be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It can not be read.
    #[error("{} can not be read", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file without any would trust nobody, or everybody else's.
    #[error("{} holds no certificate in PEM", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
    /// With it no connection could be made: the setting is told now, not the server later.
    #[error("{} holds a certificate that can not be used", path.display())]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
}

/// The text of a file of certificates in PEM, where `setting` names one.
pub(super) fn authority(
    setting: &'static str,
    path: Option<&Path>,
) -> Result<Option<String>, AppError> {
    let Some(path) = path else { return Ok(None) };
    let read = read(path).map_err(|source| AppError::Authority { setting, source })?;
    Ok(Some(read))
}

fn read(path: &Path) -> Result<String, TrustError> {
    let unreadable = |source| TrustError::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let empty = || TrustError::Empty { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|_| empty())?;
        roots
            .add(certificate)
            .map_err(|source| TrustError::Unfit { path: path.to_owned(), source })?;
    }
    if roots.is_empty() { Err(empty()) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named_with_its_setting() {
        let folder = tempfile::tempdir().unwrap();
        let check = |text: Option<&str>, expected: &str| {
            let path = folder.path().join("ca.pem");
            match text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => drop(std::fs::remove_file(&path)),
            }
            let error = authority("cache.redis.ca_path", Some(&path)).unwrap_err();
            assert!(error.to_string().contains("cache.redis.ca_path"), "{error}");
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("ca.pem") && cause.contains(expected), "{cause}");
        };
        check(None, "can not be read");
        check(Some(""), "no certificate");
        check(
            Some("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"),
            "no certificate",
        );
        check(
            Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "can not be used",
        );
        assert_eq!(authority("cache.redis.ca_path", None).unwrap(), None);
    }
}
