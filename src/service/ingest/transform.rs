//! From a raw record to a row of the tables: the card, its holder and company, the authorization.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::future::{try_join, try_join_all};

use super::Ingest;
use crate::domain::facts::CardFacts;
use crate::domain::id::AuthorizationId;
use crate::domain::token::Token;
use crate::domain::transaction::{Obstacle, Purchase, RawTransaction, Transaction};
use crate::store::StoreError;
use crate::store::ingest::Claimed;

/// What the records of a batch name.
pub(super) struct Named {
    cards: HashMap<Token, Looked>,
    authorizations: HashMap<Purchase, AuthorizationId>,
}

/// What came of looking up a card. One that can not be read must not hold up the others.
type Looked = Result<Arc<CardFacts>, Obstacle>;

impl Ingest {
    /// Looks up what a batch names, each name once. An error says nothing about any record.
    pub(super) async fn named(&self, batch: &[Claimed]) -> Result<Named, StoreError> {
        let records = || batch.iter().map(|claimed| &claimed.raw.record);
        let cards: BTreeSet<&Token> = records().map(|record| &record.card).collect();
        let facts = &self.parts.facts;
        let cards = cards.into_iter().map(|card| async move {
            let looked = match facts.card(card).await {
                Ok(found) => found.ok_or(Obstacle::CardUnknown),
                Err(StoreError::Failed(source)) => {
                    tracing::error!(error.source = %source, "a card can not be read");
                    Err(Obstacle::NotStorable)
                }
                Err(outage) => return Err(outage),
            };
            Ok::<_, StoreError>((card.clone(), looked))
        });
        let names: BTreeSet<&Purchase> =
            records().filter_map(|record| record.authorization.as_ref()).collect();
        let (cards, authorizations) =
            try_join(try_join_all(cards), self.authorizations(&names)).await?;
        Ok(Named { cards: cards.into_iter().collect(), authorizations })
    }

    async fn authorizations(
        &self,
        names: &BTreeSet<&Purchase>,
    ) -> Result<HashMap<Purchase, AuthorizationId>, StoreError> {
        let (history, mut found) = (&self.parts.history, HashMap::new());
        let (mut tokens, mut ids) = (Vec::new(), Vec::new());
        for name in names {
            match name {
                Purchase::Token(token) => tokens.push(token.clone()),
                Purchase::Id(id) => ids.push(*id),
            }
        }
        if !ids.is_empty() {
            let known = history.known(&ids).await?;
            found.extend(known.into_iter().map(|id| (Purchase::Id(id), id)));
        }
        if !tokens.is_empty() {
            let decided = history.decided_under(&tokens).await?;
            found.extend(decided.into_iter().map(|(token, id)| (Purchase::Token(token), id)));
        }
        Ok(found)
    }

    /// The row, or what stands in its way.
    pub(super) fn transform(
        &self,
        raw: &RawTransaction,
        named: &Named,
    ) -> Result<Transaction, Obstacle> {
        let record = &raw.record;
        let card = named.cards.get(&record.card).ok_or(Obstacle::CardUnknown)?;
        let card = card.as_ref().map_err(|obstacle| *obstacle)?;
        if card.currency != record.amount.currency() {
            return Err(Obstacle::CurrencyMismatch);
        }
        let authorization = record.authorization.as_ref();
        let authorization = authorization.and_then(|name| named.authorizations.get(name)).copied();
        Ok(Transaction {
            id: raw.id,
            record: record.clone(),
            card: card.id,
            user: card.owner.id,
            company: card.owner.company.as_ref().map(|company| company.id),
            account: card.account,
            // One of the other home can not be of this card.
            authorization: authorization.filter(|id| id.home() == card.account.home()),
            received_at: raw.received_at,
            processed_at: self.parts.clock.now(),
        })
    }
}
