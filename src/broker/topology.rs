//! Exchanges, queues and keys: one table for every broker.

use std::time::Duration;

/// The exchanges, both topic and durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Exchange {
    /// Work: requests, notifications, decisions, what failed.
    Transactions,
    /// What has happened, for whoever subscribes.
    Events,
}

impl Exchange {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Transactions, Self::Events];

    /// The name at the broker.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transactions => "transactions",
            Self::Events => "events",
        }
    }
}

/// The queues, all durable and bound to `transactions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Queue {
    /// Requests to decide.
    JitFunding,
    /// Raw transactions to process.
    Transactions,
    /// Notifications of the card platform, by their ids.
    Webhooks,
    /// Decisions for whoever reads them.
    JitResponses,
    /// What could not be done.
    DeadLetters,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::JitFunding,
        Self::Transactions,
        Self::Webhooks,
        Self::JitResponses,
        Self::DeadLetters,
    ];

    /// The name at the broker.
    pub const fn name(self) -> &'static str {
        match self {
            Self::JitFunding => "jit-funding-queue",
            Self::Transactions => "transaction-processing-queue",
            Self::Webhooks => "webhook-queue",
            Self::JitResponses => "jit-funding-response-queue",
            Self::DeadLetters => "jit-funding-dlq",
        }
    }

    /// The queue of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|queue| queue.name() == name)
    }

    /// What it is bound with.
    pub const fn binding(self) -> &'static str {
        match self {
            Self::JitFunding => "jit-funding.created",
            Self::Transactions => "transaction.created",
            Self::Webhooks => "transaction.webhook",
            Self::JitResponses => "jit-funding.decision",
            Self::DeadLetters => "*.failed",
        }
    }

    /// Whether a message with this key at `transactions` comes here. `*` stands for one word.
    pub fn takes(self, key: &str) -> bool {
        match self.binding().strip_prefix("*.") {
            Some(last) => key.split_once('.').is_some_and(|(_, rest)| rest == last),
            None => key == self.binding(),
        }
    }

    /// The key of what can not be done, for the queues that are worked.
    pub const fn dead_letter_key(self) -> Option<&'static str> {
        match self {
            Self::JitFunding => Some("jit-funding.failed"),
            Self::Transactions => Some("transaction.failed"),
            Self::Webhooks => Some("webhook.failed"),
            Self::JitResponses | Self::DeadLetters => None,
        }
    }
}

/// The pause before each further attempt: after them, four in all, a message is dead.
pub const RETRY_AFTER: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)];

/// How often a message of a queue that is worked may come back unsettled before the broker itself takes it
/// for dead. A net under our own count.
pub const DELIVERIES_MAX: i32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_find_their_one_queue_and_dead_letters_theirs() {
        for queue in Queue::ALL {
            assert_eq!(Queue::parse(queue.name()), Some(queue));
            let takers =
                |key: &str| Queue::ALL.into_iter().filter(|queue| queue.takes(key)).count();
            if queue != Queue::DeadLetters {
                assert!(queue.takes(queue.binding()));
                assert_eq!(takers(queue.binding()), 1);
            }
            if let Some(key) = queue.dead_letter_key() {
                assert!(Queue::DeadLetters.takes(key));
                assert_eq!(takers(key), 1);
            }
        }
        for nobody in ["", "failed", "a.b.failed", "jit-funding", "jit-funding.created.x"] {
            assert!(!Queue::ALL.into_iter().any(|queue| queue.takes(nobody)), "{nobody}");
        }
    }
}
