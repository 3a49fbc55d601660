//! Where the platform's calls go, and with which credentials.

use std::net::{SocketAddr, ToSocketAddrs};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha1::Sha1;
use sha2::Sha256;

use super::super::client::Ask;

/// How notifications are signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Algorithm {
    /// HMAC-SHA1.
    Sha1,
    /// HMAC-SHA256.
    #[default]
    Sha256,
}

/// One of the other side's doors.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Where it is.
    pub(super) addr: SocketAddr,
    /// Its route.
    pub(super) path: String,
    /// Basic user name.
    pub(super) username: String,
    /// Basic password.
    pub(super) password: String,
    /// What notifications are signed with.
    pub(super) secret: Option<(Algorithm, String)>,
}

impl Target {
    /// The same door, as a program describes it: `http://` only.
    pub(super) fn described(&self, url: &str, by: &Value) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let addr = with_port.to_socket_addrs().ok()?.next()?;
        let text = |name: &str| by[name].as_str().map(str::to_owned);
        let algorithm = match by["signature_algorithm"].as_str() {
            Some("HMAC_SHA_1") => Algorithm::Sha1,
            _ => Algorithm::Sha256,
        };
        Some(Self {
            addr,
            path: format!("/{path}"),
            username: text("basic_auth_username").unwrap_or_else(|| self.username.clone()),
            password: text("basic_auth_password").unwrap_or_else(|| self.password.clone()),
            secret: text("secret").map(|secret| (algorithm, secret)),
        })
    }

    /// The call with credentials and, where there is a secret, a signature over its bytes.
    pub(super) fn dress(&self, ask: Ask) -> Ask {
        let pair = STANDARD.encode(format!("{}:{}", self.username, self.password));
        let signature = self.secret.as_ref().map(|(algorithm, secret)| {
            let (key, body) = (secret.as_bytes(), &ask.body[..]);
            match algorithm {
                Algorithm::Sha1 => signed::<Hmac<Sha1>>(key, body),
                Algorithm::Sha256 => signed::<Hmac<Sha256>>(key, body),
            }
        });
        let ask = ask.with("authorization", format!("Basic {pair}"));
        match signature {
            Some(signature) => ask.with("x-marqeta-signature", signature),
            None => ask,
        }
    }
}

/// Lower-case hexadecimal.
fn signed<M: Mac + KeyInit>(key: &[u8], body: &[u8]) -> String {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("keys of every length are taken");
    mac.update(body);
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_protocol_reference() {
        let key = b"Example-Secret-0001-abcXYZ!";
        let body = br#"{"pings":[{"token":"marqeta","payload":"healthcheck"}]}"#;
        assert_eq!(signed::<Hmac<Sha1>>(key, body), "aa3dfa7ac5f5ab38946c233d9698c7a2ee075b10");
        assert_eq!(
            signed::<Hmac<Sha256>>(key, body),
            "50f9f99131c8f4e7aca02522647c1f5c003d9c8cd1dc9219a7f0efe5b45a3315"
        );
    }
}
