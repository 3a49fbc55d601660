//! Ready-made requests: one Marqeta-shaped purchase for each card, with gaps for its tokens.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::scenario::{ScenarioError, Vars, fill, parse};

/// Hexadecimal digits of a request's number at the end of its token.
const DIGITS: usize = 16;

/// What stands in the gaps until a request is made: as long as every token.
const GAP: &str = "gap-gap-gap-gap-gap-gap-";

/// The bytes of a request, and where its token goes.
#[derive(Clone, Debug)]
pub struct Template {
    bytes: Vec<u8>,
    gaps: Vec<usize>,
}

/// Who asks, and where.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// The service.
    pub addr: SocketAddr,
    /// Basic user name.
    pub username: &'a str,
    /// Basic password.
    pub password: &'a str,
}

impl Template {
    /// A purchase of 10.00 EUR with this card.
    pub fn purchase(caller: &Caller<'_>, user: &str, card: &str) -> Result<Self, ScenarioError> {
        let messages = parse("bench", "")?;
        let mut vars: Vars = messages.vars.clone();
        for (name, value) in [("user", user), ("card", card), ("token", GAP)] {
            vars.insert(name.to_owned(), value.to_owned());
        }
        let message = messages.messages.get("purchase").map_or("", |text| text.trim());
        let body = fill(message, &vars)
            .map_err(|fault| ScenarioError::Senseless("bench".to_owned(), fault))?;
        let Caller { addr, username, password } = caller;
        let access = STANDARD.encode(format!("{username}:{password}"));
        let head = format!(
            "POST /api/v1/marqeta/jit HTTP/1.1\r\nhost: {addr}\r\nauthorization: Basic {access}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let text = head + &body;
        let gaps = text.match_indices(GAP).map(|(at, _)| at).collect();
        Ok(Self { bytes: text.into_bytes(), gaps })
    }

    /// Writes the request under `token` into `buffer`.
    pub fn write(&self, token: &[u8], buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.bytes);
        for gap in &self.gaps {
            if let Some(place) = buffer.get_mut(*gap..*gap + token.len()) {
                place.copy_from_slice(token);
            }
        }
    }
}

/// Tokens of one run: eight characters for the run, sixteen for the request's number.
#[derive(Clone, Debug)]
pub struct Tokens {
    next: u64,
    token: Vec<u8>,
}

impl Tokens {
    /// Tokens that begin with the first eight characters of `run`.
    pub fn of(run: &str) -> Self {
        let width = GAP.len() - DIGITS;
        let run: String = run.chars().filter(char::is_ascii_alphanumeric).take(width).collect();
        Self { next: 0, token: format!("{run:0>width$}{:0DIGITS$}", 0).into_bytes() }
    }

    /// The next one, never given before.
    pub fn draw(&mut self) -> &[u8] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.next += 1;
        let mut rest = self.next;
        for place in self.token.iter_mut().rev().take(DIGITS) {
            *place = HEX.get(usize::try_from(rest & 15).unwrap_or(0)).copied().unwrap_or(b'0');
            rest >>= 4;
        }
        &self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_whole_message_with_its_own_token_in_every_gap() {
        let addr = "127.0.0.1:3000".parse().unwrap();
        let caller = Caller { addr, username: "u", password: "p" };
        let template = Template::purchase(&caller, "usr", "crd").unwrap();
        let mut tokens = Tokens::of("run");
        tokens.draw();
        let mut buffer = Vec::new();
        template.write(tokens.draw(), &mut buffer);
        let text = String::from_utf8(buffer).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        assert!((1_500..=2_500).contains(&body.len()), "{} bytes", body.len());
        let json: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(json["gpa_order"]["jit_funding"]["token"], "00000run0000000000000002");
        assert_eq!(json["token"], "t-00000run0000000000000002");
        assert!(!body.contains(GAP));
    }

    #[test]
    fn tokens_never_repeat() {
        let mut tokens = Tokens::of("longer than eight");
        let drawn: std::collections::HashSet<Vec<u8>> =
            (0..1_000).map(|_| tokens.draw().to_vec()).collect();
        assert_eq!(drawn.len(), 1_000);
        assert!(drawn.iter().all(|token| token.starts_with(b"longerth") && token.len() == 24));
    }
}
