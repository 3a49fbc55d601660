//! Reported transactions, as far as the caller sees them. Whose an unprocessed one is, is not written
//! with it: users and companies have those of their cards, as these are known now.

use super::Service;
use super::error::Error;
use super::ingest::{Accepted, Found};
use crate::domain::access::Reach;
use crate::domain::facts::{CardFacts, UserFacts};
use crate::domain::id::{CompanyId, Home, TransactionId};
use crate::domain::token::Token;
use crate::domain::transaction::{Attempt, Purchase, Record, Status};
use crate::store::lists::{CardQuery, Page};
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
        if let Reach::Company(own) = self.reach {
            if asked.company.is_some_and(|company| company != own) {
                return Ok(Vec::new());
            }
            asked.company = Some(own);
        }
        if asked.status == Status::Processed {
            return self.ingest.list(&asked).await;
        }
        match self.names_asked(&asked).await? {
            Names::Every => self.ingest.list_unprocessed(&asked, Vec::new()).await,
            Names::These(names) if names.is_empty() => Ok(Vec::new()),
            Names::These(names) => self.ingest.list_unprocessed(&asked, names).await,
        }
    }

    /// Every name of the cards that are asked for: records are kept under the one they came with.
    async fn names_asked(&self, asked: &TransactionList) -> Result<Names, Error> {
        let user = match &asked.user {
            None => None,
            Some(user) => match self.facts.user(user).await? {
                Some(user) => Some(user),
                None => return Ok(Names::none()),
            },
        };
        if let Some(card) = &asked.card {
            let found = self.facts.card(card).await?;
            return Ok(Names::of_card(card, found.as_deref(), user.as_deref(), asked.company));
        }
        let of = |home, company, user| CardQuery {
            home,
            company,
            user,
            account: None,
            status: None,
            page: Page { before: None, rows_max: CARDS_PAGE },
        };
        match (user, asked.company) {
            (None, None) => Ok(Names::Every),
            (None, Some(company)) => self.names_of(of(Home::Business, Some(company), None)).await,
            (Some(user), company) if company.is_none_or(|company| employs(company, &user)) => {
                self.names_of(of(user.home(), None, Some(user.id))).await
            }
            (Some(_), Some(_) | None) => Ok(Names::none()),
        }
    }

    async fn names_of(&self, mut query: CardQuery) -> Result<Names, Error> {
        let mut names = Vec::new();
        for _ in 0..CARDS_MAX / CARDS_PAGE {
            let cards = self.lists.cards(query.clone()).await?;
            for card in &cards {
                names.extend(card.id.to_string().parse());
                names.extend(card.marqeta_token.clone());
            }
            match cards.last() {
                Some(last) if cards.len() >= CARDS_PAGE as usize => {
                    query.page.before = Some(last.id);
                }
                _ => return Ok(Names::These(names)),
            }
        }
        Err(Error::NotSupported(TOO_MANY_CARDS))
    }
}

/// Cards that are read at a time, and whose names are asked for at most.
const CARDS_PAGE: u32 = 500;
const CARDS_MAX: u32 = 5_000;

const TOO_MANY_CARDS: &str =
    "there are too many cards to find what is not processed by their holder: ask by card";

/// How the cards that are asked for may be named.
enum Names {
    /// Whatever it is.
    Every,
    /// In one of these ways; none: there is no such card.
    These(Vec<Token>),
}

impl Names {
    const fn none() -> Self {
        Self::These(Vec::new())
    }

    /// Of one card, if it is this user's and this company's. One that nobody knows is nobody's.
    fn of_card(
        asked: &Token,
        found: Option<&CardFacts>,
        user: Option<&UserFacts>,
        company: Option<CompanyId>,
    ) -> Self {
        let Some(card) = found else {
            let anybodys = user.is_none() && company.is_none();
            return Self::These(anybodys.then(|| asked.clone()).into_iter().collect());
        };
        let is_asked = user.is_none_or(|user| user.id == card.owner.id)
            && company.is_none_or(|company| employs(company, &card.owner));
        if !is_asked {
            return Self::none();
        }
        let mut names = vec![asked.clone()];
        names.extend(card.id.to_string().parse());
        names.extend(card.marqeta_token.clone());
        Self::These(names)
    }
}

fn employs(company: CompanyId, user: &UserFacts) -> bool {
    user.company.as_ref().is_some_and(|own| own.id == company)
}
