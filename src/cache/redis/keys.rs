//! The names of everything in the shared level.

use std::fmt::Display;
use std::sync::Arc;

use crate::domain::id::{Home, TransactionId};
use crate::domain::policy::Scope;

/// Names keys: all begin alike, so that programs can share a server.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: Arc<str>,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// A user's facts, by a token or id.
    pub(super) fn user(&self, reference: impl Display) -> String {
        format!("{}user:{reference}", self.prefix)
    }

    /// A card's facts, by a token or id.
    pub(super) fn card(&self, reference: impl Display) -> String {
        format!("{}card:{reference}", self.prefix)
    }

    /// What binds a card, by the card's token or id.
    pub(super) fn limits(&self, card: impl Display) -> String {
        format!("{}limits:{card}", self.prefix)
    }

    /// A card's home.
    pub(super) fn route(&self, card: impl Display) -> String {
        format!("{}route:{card}", self.prefix)
    }

    /// A processed transaction.
    pub(super) fn transaction(&self, id: TransactionId) -> String {
        format!("{}transaction:{id}", self.prefix)
    }

    /// The floors of a home: a hash of subjects and versions, and where its announcements stand.
    pub(super) fn floors(&self, home: Home) -> String {
        format!("{}floors:{}", self.prefix, home.as_str())
    }

    /// When each floor was raised: a sorted set of subjects.
    pub(super) fn ages(&self, home: Home) -> String {
        format!("{}floors:{}:at", self.prefix, home.as_str())
    }

    /// Where changes are told.
    pub(super) fn channel(&self, home: Home) -> String {
        format!("{}changes:{}", self.prefix, home.as_str())
    }

    /// What the names of sets begin with that hold the keys derived from one card or user.
    pub(super) fn names(&self) -> String {
        format!("{}names:", self.prefix)
    }
}

/// Whether the keys derived from this subject are few enough to be listed. A company or the program
/// has any number: there the floor alone must do.
pub(super) const fn is_listed(subject: Scope) -> bool {
    matches!(subject, Scope::Card(_) | Scope::User(_))
}
