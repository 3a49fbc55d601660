//! Reading transactions back, processed or not, and putting back what was parked.

use super::Ingest;
use crate::domain::id::TransactionId;
use crate::domain::token::Token;
use crate::domain::transaction::{Attempt, Progress, Transaction};
use crate::service::error::Error;
use crate::store::ingest::{Backlog, RawQuery, TransactionQuery, Whose, Within};
use crate::wire::v1::transaction_query::{Cursor, TransactionList};

/// A transaction, however far it has come.
pub enum Found {
    /// It is in the tables.
    Processed(Box<Transaction>),
    /// It is not.
    Unprocessed(Box<Progress>),
}

impl Found {
    /// Where a page ends that ends with it.
    pub fn cursor(&self) -> Cursor {
        match self {
            Self::Processed(found) => Cursor { at: found.record.occurred_at, id: found.id },
            Self::Unprocessed(found) => {
                Cursor { at: found.raw.record.occurred_at, id: found.raw.id }
            }
        }
    }
}

impl Ingest {
    /// One transaction, with what was tried.
    pub async fn find(&self, id: TransactionId) -> Result<(Found, Vec<Attempt>), Error> {
        let found = match self.parts.processed.transaction(id).await? {
            Some(found) => Found::Processed(Box::new(found)),
            None => {
                let found = self.parts.raw.progress(id).await?;
                Found::Unprocessed(Box::new(found.ok_or(Error::NotFound(None))?))
            }
        };
        Ok((found, self.parts.raw.attempts(id).await?))
    }

    /// A page of processed ones, by the time they took place, latest first.
    pub async fn list(&self, asked: &TransactionList) -> Result<Vec<Found>, Error> {
        let Some(whose) = self.whose(asked).await? else { return Ok(Vec::new()) };
        let before = asked.cursor.map(|cursor| (cursor.at, cursor.id));
        let query =
            TransactionQuery { whose, within: within(asked), before, rows_max: asked.limit };
        let found = self.parts.processed.transactions(query).await?;
        Ok(found.into_iter().map(|row| Found::Processed(Box::new(row))).collect())
    }

    /// A page of others, by their arrival, latest first: those that name their card in one of these
    /// ways. No names: every card's.
    pub async fn list_unprocessed(
        &self,
        asked: &TransactionList,
        cards: Vec<Token>,
    ) -> Result<Vec<Found>, Error> {
        let query = RawQuery {
            status: asked.status,
            cards,
            within: within(asked),
            before: asked.cursor.map(|cursor| cursor.id),
            rows_max: asked.limit,
        };
        let found = self.parts.raw.unprocessed(query).await?;
        Ok(found.into_iter().map(|row| Found::Unprocessed(Box::new(row))).collect())
    }

    /// Puts a parked transaction back: its attempts begin anew.
    pub async fn retry(&self, id: TransactionId) -> Result<Progress, Error> {
        let put_back = self.parts.raw.unpark(id).await?;
        let found = self.parts.raw.progress(id).await?.ok_or(Error::NotFound(None))?;
        if !put_back {
            return Err(Error::InvalidTransition);
        }
        self.wake.notify_one();
        Ok(found)
    }

    /// What waits.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        Ok(self.parts.raw.backlog().await?)
    }

    /// `None`: there is no such card or user, so it has no transactions.
    async fn whose(&self, asked: &TransactionList) -> Result<Option<Whose>, Error> {
        let mut whose = Whose { company: asked.company, ..Whose::default() };
        if let Some(card) = &asked.card {
            let Some(card) = self.parts.facts.card(card).await? else { return Ok(None) };
            whose.card = Some(card.id);
        }
        if let Some(user) = &asked.user {
            let Some(user) = self.parts.facts.user(user).await? else { return Ok(None) };
            whose.user = Some(user.id);
        }
        Ok(Some(whose))
    }
}

const fn within(asked: &TransactionList) -> Within {
    Within {
        from: asked.from,
        to: asked.to,
        amount_min: asked.amount_min,
        amount_max: asked.amount_max,
    }
}
