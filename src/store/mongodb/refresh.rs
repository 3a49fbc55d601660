//! Facts are checked, not trusted: what has changed since they were read is read again, in the
//! transaction that judges by them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::facts;
use super::read::Reader;
use super::transaction::Tx;
use crate::domain::facts::{CardFacts, Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::policy::Scope;
use crate::domain::request::AuthRequest;
use crate::domain::token::Token;
use crate::ledger::intent::{Act, Intent};
use crate::store::StoreError;

/// Replaces the facts that are stale, and gives back what they were.
pub(super) async fn refresh(
    tx: &mut Tx,
    policies: &HashMap<Scope, i64>,
    intents: &mut [Intent],
) -> Result<Vec<Facts>, StoreError> {
    let mut fresh = Fresh { reader: Reader::Tx(tx), users: HashMap::new(), cards: HashMap::new() };
    let known = fresh.known(intents).await?;
    let mut stale = Vec::new();
    for intent in intents {
        let changed = names_unknown(intent).any(|token| known.contains(token));
        if changed || !is_current(&intent.facts, policies) {
            let facts = fresh.facts(intent).await?;
            stale.push(std::mem::replace(&mut intent.facts, facts));
        }
    }
    Ok(stale)
}

/// Whether nothing has changed that the facts were read from.
fn is_current(facts: &Facts, policies: &HashMap<Scope, i64>) -> bool {
    facts.stamps().all(|stamp| policies.get(&stamp.subject) == Some(&stamp.version))
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

/// What was unknown when it was looked up carries no version: it may exist by now.
fn names_unknown(intent: &Intent) -> impl Iterator<Item = &Token> {
    unknown_card(intent).into_iter().chain(unknown_user(intent))
}

type Card = (Arc<CardFacts>, Arc<LimitFacts>);

/// Fresh facts, each read once for the batch.
struct Fresh<'a> {
    reader: Reader<'a>,
    users: HashMap<String, Option<Arc<UserFacts>>>,
    cards: HashMap<String, Option<Card>>,
}

impl Fresh<'_> {
    /// Which of the unknown references are known now.
    async fn known(&mut self, intents: &[Intent]) -> Result<HashSet<Token>, StoreError> {
        let mut known = HashSet::new();
        for intent in intents {
            if let Some(card) = unknown_card(intent)
                && self.card(card.as_str()).await?.is_some()
            {
                known.insert(card.clone());
            }
            if let Some(user) = unknown_user(intent)
                && self.user(user.as_str()).await?.is_some()
            {
                known.insert(user.clone());
            }
        }
        Ok(known)
    }

    /// The facts by the references of the request; those of a step by the id of its card.
    async fn facts(&mut self, intent: &Intent) -> Result<Facts, StoreError> {
        let (user, card) = match request(intent) {
            Some(request) => (request.cardholder(), Some(request.card.to_string())),
            None => (None, intent.facts.card.as_ref().map(|card| card.id.to_string())),
        };
        let cardholder = match user {
            Some(user) => {
                self.user(user.as_str()).await?.map_or(Cardholder::Unknown, Cardholder::Known)
            }
            None => Cardholder::Owner,
        };
        let card = match card {
            Some(card) => self.card(&card).await?,
            None => None,
        };
        let (card, limits) = card.unzip();
        Ok(Facts { cardholder, card, limits: limits.unwrap_or_default() })
    }

    async fn user(&mut self, user: &str) -> Result<Option<Arc<UserFacts>>, StoreError> {
        if let Some(found) = self.users.get(user) {
            return Ok(found.clone());
        }
        let found = facts::user(&mut self.reader, user).await?;
        self.users.insert(user.to_owned(), found.clone());
        Ok(found)
    }

    async fn card(&mut self, card: &str) -> Result<Option<Card>, StoreError> {
        if let Some(found) = self.cards.get(card) {
            return Ok(found.clone());
        }
        let found = match facts::card(&mut self.reader, card).await? {
            Some(facts) => {
                let limits = facts::limits(&mut self.reader, &facts).await?;
                Some((facts, limits))
            }
            None => None,
        };
        self.cards.insert(card.to_owned(), found.clone());
        Ok(found)
    }
}
