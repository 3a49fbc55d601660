//! Cards as they are shown.

use quick_cache::sync::Cache;

use crate::domain::id::CardId;
use crate::domain::party::Card;

/// Cards that are kept.
const CARDS_MAX: usize = 10_000;

/// Whole cards, by the version of their policy, which every change of a card raises. Each was read
/// after that version was known, so that none is older than it.
pub struct CardViews(Cache<(CardId, i64), Card>);

impl Default for CardViews {
    fn default() -> Self {
        Self(Cache::new(CARDS_MAX))
    }
}

impl CardViews {
    /// The card as it was read since `version`.
    pub fn get(&self, id: CardId, version: i64) -> Option<Card> {
        self.0.get(&(id, version))
    }

    /// Keeps a card that was read when `version` was known.
    pub fn keep(&self, version: i64, card: &Card) {
        self.0.insert((card.id, version), card.clone());
    }
}
