//! What a row of the table is.

use bytes::Bytes;
use http::Method;

/// What is sent.
pub enum Sent {
    /// A body at the JIT door, with its credentials.
    Jit(Bytes),
    /// A body at the door of notifications, with its credentials.
    Webhook(Bytes),
    /// Any request. A header of this name takes the place of the usual one; an empty value leaves it
    /// out.
    Request { method: Method, path: String, headers: Vec<(&'static str, String)>, body: Bytes },
    /// These bytes, on a connection of their own, until it is closed.
    Raw(Vec<u8>),
}

/// One row.
pub struct Row {
    pub name: String,
    pub sent: Sent,
    pub status: u16,
    /// The problem's code or the decline reason; empty: a body that is neither.
    pub code: &'static str,
    /// A decline at the JIT door is stored, by design. Nothing else is.
    pub stored: bool,
}

impl Row {
    pub fn new(name: impl Into<String>, sent: Sent, status: u16, code: &'static str) -> Self {
        Self { name: name.into(), sent, status, code, stored: false }
    }

    /// A decline that is stored.
    pub fn declined(name: impl Into<String>, body: impl Into<Bytes>, reason: &'static str) -> Self {
        Self { stored: true, ..Self::new(name, Sent::Jit(body.into()), 402, reason) }
    }
}

/// A request with the admin key and a JSON body.
pub fn rest(method: Method, path: impl Into<String>, body: impl Into<Bytes>) -> Sent {
    Sent::Request { method, path: path.into(), headers: Vec::new(), body: body.into() }
}

/// The same with other headers.
pub fn rest_with(
    method: Method,
    path: impl Into<String>,
    headers: &[(&'static str, &str)],
    body: impl Into<Bytes>,
) -> Sent {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Sent::Request { method, path: path.into(), headers, body: body.into() }
}

pub fn get(path: impl Into<String>) -> Sent {
    rest(Method::GET, path, "")
}

pub fn post(path: impl Into<String>, body: impl Into<Bytes>) -> Sent {
    rest(Method::POST, path, body)
}
