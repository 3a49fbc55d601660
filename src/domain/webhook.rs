//! Notifications of the card platform, as they are kept until they are applied, and remembered after.

use super::decision::Fingerprint;
use super::id::EventId;
use super::time::Timestamp;
use super::token::Token;

/// What has become of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebhookStatus {
    /// Kept, and to be applied.
    Received,
    /// It has had its effects.
    Applied,
    /// It has none.
    Ignored,
    /// It can not be applied, or not yet: the reason says why.
    Parked,
}

impl WebhookStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Received, Self::Applied, Self::Ignored, Self::Parked];

    /// The name used in rows and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Applied => "applied",
            Self::Ignored => "ignored",
            Self::Parked => "parked",
        }
    }

    /// Reads the name back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }
}

/// A text that only the holder of a key can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which key.
    pub key_id: String,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// What it begins with where it is kept as a text among texts. No caller's text may begin like it.
    pub const TEXT_MARK: &str = "sealed:1:";
}

/// A notification to be kept.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Its id.
    pub id: EventId,
    /// What it is kept once under.
    pub key: String,
    /// What must be the same for a repeat to be a repeat.
    pub fingerprint: Fingerprint,
    /// The event family.
    pub family: &'static str,
    /// The platform's token of the event, where it can be read.
    pub token: Option<Token>,
    /// The type of a transaction, the new state of a transition.
    pub kind: Option<String>,
    /// Whose state changes: only the newest of these counts.
    pub subject: Option<String>,
    /// When it happened, where it says so.
    pub event_at: Option<Timestamp>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// `Received`, or what is known of it already.
    pub status: WebhookStatus,
    /// Why it is ignored or parked.
    pub reason: Option<String>,
    /// When a worker that looks for what is left may take it; `None`: it is done.
    pub due_at: Option<Timestamp>,
    /// As it was sent.
    pub body: Sealed,
}

/// What came of keeping a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is new.
    New,
    /// It was kept before, and is the same.
    Duplicate,
    /// Another one is kept under its key.
    Conflict,
}

/// A notification that one worker has for a while.
#[derive(Clone, Debug)]
pub struct ClaimedWebhook {
    /// Its id.
    pub id: EventId,
    /// The event family.
    pub family: String,
    /// Whose state changes.
    pub subject: Option<String>,
    /// When it happened.
    pub event_at: Option<Timestamp>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// How often it has been tried before.
    pub attempts: u32,
    /// As it was sent.
    pub body: Sealed,
}

/// A notification as operators see it: without its body, which is sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Its id.
    pub id: EventId,
    /// The event family.
    pub family: String,
    /// The platform's token of the event.
    pub token: Option<String>,
    /// The type of a transaction, the new state of a transition.
    pub kind: Option<String>,
    /// Whose state changes.
    pub subject: Option<String>,
    /// When it happened.
    pub event_at: Option<Timestamp>,
    /// When it arrived.
    pub received_at: Timestamp,
    /// What has become of it.
    pub status: WebhookStatus,
    /// Why.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next; `None`: not by itself.
    pub next_at: Option<Timestamp>,
}

/// What a worker leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEnd {
    /// What has become of it.
    pub status: WebhookStatus,
    /// Why.
    pub reason: Option<String>,
    /// When it may be tried again, if it may.
    pub retry_at: Option<Timestamp>,
    /// Whether this was an attempt. (A store that does not answer is not.)
    pub counted: bool,
}
