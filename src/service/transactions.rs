//! Reported transactions, as far as the caller sees them. Unprocessed ones are no company's yet: a
//! company's own callers see them by their cards.

use super::Service;
use super::error::Error;
use super::ingest::{Accepted, Found};
use crate::domain::access::Reach;
use crate::domain::id::TransactionId;
use crate::domain::transaction::{Attempt, Purchase, Record, Status};
use crate::wire::v1::transaction_query::TransactionList;

impl Service {
    /// Takes a record in, of a card within reach.
    pub async fn accept(&self, record: Record) -> Result<Accepted, Error> {
        self.admits_card(&record.card).await?;
        if self.reach != Reach::Program
            && let Some(Purchase::Id(id)) = &record.authorization
            && self.history.authorization(*id).await?.is_none()
        {
            return Err(Error::NotFound(Some("/authorization")));
        }
        self.ingest.accept(record).await
    }

    /// One transaction, with what was tried.
    pub async fn transaction(&self, id: TransactionId) -> Result<(Found, Vec<Attempt>), Error> {
        let (found, attempts) = self.ingest.find(id).await?;
        let seen = match &found {
            Found::Processed(found) => self.reach.covers(found.company),
            Found::Unprocessed(found) => {
                let card = &found.raw.record.card;
                self.reach == Reach::Program || self.facts.card(card).await?.is_some()
            }
        };
        if seen { Ok((found, attempts)) } else { Err(Error::NotFound(None)) }
    }

    /// A page of them. What a company's own callers ask for of others is nothing.
    pub async fn transactions(&self, mut asked: TransactionList) -> Result<Vec<Found>, Error> {
        let Reach::Company(own) = self.reach else { return self.ingest.list(asked).await };
        if asked.company.is_some_and(|company| company != own) {
            return Ok(Vec::new());
        }
        if asked.status == Status::Processed {
            asked.company = Some(own);
            return self.ingest.list(asked).await;
        }
        let Some(card) = &asked.card else { return Err(Error::Forbidden) };
        if self.facts.card(card).await?.is_none() {
            return Ok(Vec::new());
        }
        self.ingest.list(asked).await
    }
}
