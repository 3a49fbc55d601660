//! Dead letters: messages that could not be worked, and what operators did about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::id::DeadLetterId;
use super::time::Timestamp;

/// What has become of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// Nobody has done anything about it yet.
    Waiting,
    /// It was sent to its queue again.
    Redriven,
    /// Somebody has decided that it need not be worked.
    Discarded,
}

impl LetterState {
    /// Every state, in the order of declaration.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Redriven, Self::Discarded];

    /// The name used in JSON and rows.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Redriven => "redriven",
            Self::Discarded => "discarded",
        }
    }

    /// Reads the name back.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A dead letter without its body: what operators look through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// The queue that it could not be worked from.
    pub queue: String,
    /// Why: a stable code.
    pub reason: String,
    /// What went wrong the first time.
    pub first_error: String,
    /// What went wrong the last time.
    pub last_error: String,
    /// How many attempts have failed.
    pub attempts: u32,
    /// How often it was sent to its queue again before.
    pub redrives: u32,
    /// The message's own id, which its effects are once for.
    pub message_id: String,
    /// The media type of the body.
    pub content_type: String,
    /// Where an answer was wanted.
    pub reply_to: Option<String>,
    /// What the answer was to repeat.
    pub correlation_id: Option<String>,
    /// All other text headers.
    pub headers: BTreeMap<String, String>,
    /// When it was first published.
    pub published_at: Option<Timestamp>,
    /// How long the body is, in bytes.
    pub body_bytes: usize,
}

/// A message that could not be worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its id here; later letters have later ones.
    pub id: DeadLetterId,
    /// What has become of it.
    pub state: LetterState,
    /// When it was kept.
    pub died_at: Timestamp,
    /// Everything but the body.
    pub envelope: Envelope,
}

/// What somebody did about a letter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// What it made of the letter. [`LetterState::Waiting`]: it was about to be sent again.
    pub state: LetterState,
    /// Who did it.
    pub actor: String,
    /// Why, in the actor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Which letters; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// The queue that they could not be worked from.
    pub queue: Option<String>,
    /// The reason's code.
    pub reason: Option<String>,
    /// What has become of them.
    pub state: Option<LetterState>,
    /// Kept before this.
    pub before: Option<Timestamp>,
    /// Anywhere in the id, the errors, or the beginning of the body, whatever the case.
    pub text: Option<String>,
}

/// A letter with its body and everything that was done about it, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeLetter {
    /// The letter.
    pub letter: DeadLetter,
    /// The message's bytes.
    pub body: Vec<u8>,
    /// What was done.
    pub acts: Vec<Act>,
}
