//! Facts are checked, not trusted: what has changed since they were read is read again, in the
//! transaction that judges by them. The stores in SQL differ only in how they read.

use std::collections::HashMap;
use std::sync::Arc;

use super::{StoreError, StoreFuture};
use crate::domain::facts::{CardFacts, Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::id::CardId;
use crate::domain::policy::Scope;
use crate::domain::request::AuthRequest;
use crate::domain::token::Token;
use crate::ledger::intent::{Act, Intent};

/// What a batch compares its facts with.
pub(super) type Policies = HashMap<Scope, i64>;

/// Reads facts in the transaction of a batch.
pub(super) trait FactsReader: Send {
    /// A user, by token or id.
    fn user<'a>(&'a mut self, reference: &'a str) -> StoreFuture<'a, Option<Arc<UserFacts>>>;

    /// A card, by token or id.
    fn card<'a>(&'a mut self, reference: &'a str) -> StoreFuture<'a, Option<Arc<CardFacts>>>;

    /// What binds a card.
    fn limits<'a>(&'a mut self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>>;

    /// Which of these cards and users, unknown when they were looked up, are known now.
    fn known<'a>(
        &'a mut self,
        cards: Vec<&'a Token>,
        users: Vec<&'a Token>,
    ) -> StoreFuture<'a, (Vec<Token>, Vec<Token>)>;
}

/// Replaces the facts that are stale, and gives back what they were.
pub(super) async fn refresh(
    reader: &mut dyn FactsReader,
    policies: &Policies,
    intents: &mut [Intent],
) -> Result<Vec<Facts>, StoreError> {
    let known = Known::now(reader, intents).await?;
    let mut stale = Vec::new();
    let mut fresh = Fresh { reader, users: HashMap::new(), cards: HashMap::new() };
    for intent in intents {
        if is_current(&intent.facts, policies) && !known.changes(intent) {
            continue;
        }
        let facts = fresh.facts(intent).await?;
        stale.push(std::mem::replace(&mut intent.facts, facts));
    }
    Ok(stale)
}

/// Whether nothing has changed that the facts were read from.
fn is_current(facts: &Facts, policies: &Policies) -> bool {
    facts.stamps().all(|stamp| policies.get(&stamp.subject) == Some(&stamp.version))
}

/// What was unknown when it was looked up carries no version: it may exist by now.
#[derive(Default)]
struct Known {
    cards: Vec<Token>,
    users: Vec<Token>,
}

impl Known {
    async fn now(reader: &mut dyn FactsReader, intents: &[Intent]) -> Result<Self, StoreError> {
        let cards: Vec<&Token> = intents.iter().filter_map(unknown_card).collect();
        let users: Vec<&Token> = intents.iter().filter_map(unknown_user).collect();
        if cards.is_empty() && users.is_empty() {
            return Ok(Self::default());
        }
        let (cards, users) = reader.known(cards, users).await?;
        Ok(Self { cards, users })
    }

    fn changes(&self, intent: &Intent) -> bool {
        unknown_card(intent).is_some_and(|card| self.cards.contains(card))
            || unknown_user(intent).is_some_and(|user| self.users.contains(user))
    }
}

fn request(intent: &Intent) -> Option<&AuthRequest> {
    match &intent.act {
        Act::Authorize(request) | Act::Preview(request) => Some(request),
        Act::Recall(_) | Act::Decline(_) | Act::Step(_) | Act::Void(_) | Act::Notice(_) => None,
    }
}

fn unknown_card(intent: &Intent) -> Option<&Token> {
    let request = request(intent)?;
    intent.facts.card.is_none().then_some(&request.card)
}

fn unknown_user(intent: &Intent) -> Option<&Token> {
    let request = request(intent)?;
    if intent.facts.cardholder == Cardholder::Unknown { request.cardholder() } else { None }
}

/// Fresh facts, each read once for the batch.
struct Fresh<'c> {
    reader: &'c mut dyn FactsReader,
    users: HashMap<String, Option<Arc<UserFacts>>>,
    cards: HashMap<String, Option<(Arc<CardFacts>, Arc<LimitFacts>)>>,
}

impl Fresh<'_> {
    /// The facts by the references of the request; those of a step by the id of its card.
    async fn facts(&mut self, intent: &Intent) -> Result<Facts, StoreError> {
        let id = |id: CardId| id.to_string();
        let (user, card) = match request(intent) {
            Some(request) => (request.cardholder(), Some(request.card.to_string())),
            None => (None, intent.facts.card.as_ref().map(|card| id(card.id))),
        };
        let cardholder = match user {
            Some(user) => self.user(user).await?.map_or(Cardholder::Unknown, Cardholder::Known),
            None => Cardholder::Owner,
        };
        let card = match card {
            Some(card) => self.card(card).await?,
            None => None,
        };
        let (card, limits) = card.unzip();
        Ok(Facts { cardholder, card, limits: limits.unwrap_or_default() })
    }

    async fn user(&mut self, user: &Token) -> Result<Option<Arc<UserFacts>>, StoreError> {
        if let Some(found) = self.users.get(user.as_str()) {
            return Ok(found.clone());
        }
        let found = self.reader.user(user.as_str()).await?;
        self.users.insert(user.to_string(), found.clone());
        Ok(found)
    }

    async fn card(
        &mut self,
        card: String,
    ) -> Result<Option<(Arc<CardFacts>, Arc<LimitFacts>)>, StoreError> {
        if let Some(found) = self.cards.get(&card) {
            return Ok(found.clone());
        }
        let found = match self.reader.card(&card).await? {
            Some(facts) => {
                let limits = self.reader.limits(&facts).await?;
                Some((facts, limits))
            }
            None => None,
        };
        self.cards.insert(card, found.clone());
        Ok(found)
    }
}
