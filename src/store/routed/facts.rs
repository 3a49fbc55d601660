//! Facts by reference.

use std::sync::Arc;

use crate::domain::facts::{CardFacts, Cardholder, Facts, LimitFacts, UserFacts};
use crate::domain::id::Home;
use crate::domain::token::Token;
use crate::store::{FactsStore, Hint, StoreFuture};

use super::{RoutedStore, find};

impl FactsStore for RoutedStore {
    fn user<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<UserFacts>>> {
        Box::pin(find(&*self.users, reference, |home| self.home(home).facts.user(reference)))
    }

    fn card<'a>(&'a self, reference: &'a Token) -> StoreFuture<'a, Option<Arc<CardFacts>>> {
        Box::pin(find(&*self.cards, reference, |home| self.home(home).facts.card(reference)))
    }

    fn limits<'a>(&'a self, card: &'a CardFacts) -> StoreFuture<'a, Arc<LimitFacts>> {
        self.home(card.account.home()).facts.limits(card)
    }

    fn expect<'a>(&'a self, user: Option<&'a Token>, card: &'a Token) -> Hint<'a> {
        Box::pin(async move {
            match self.cards.known(card) {
                Some(home) => self.home(home).facts.expect(user, card).await,
                // What either home has is asked for along with where the card lives: one round trip.
                None => {
                    let both = Home::ALL.map(|home| self.home(home).facts.expect(user, card));
                    let both = futures_util::future::join_all(both);
                    futures_util::future::join(self.cards.route(card), both).await;
                }
            }
        })
    }

    fn outdated(&self, facts: &Facts) {
        let card = facts.card.as_ref().map(|card| card.account.home());
        let user = match &facts.cardholder {
            Cardholder::Known(user) => Some(user.home()),
            Cardholder::Owner | Cardholder::Unknown => None,
        };
        for home in Home::ALL {
            if card == Some(home) || user == Some(home) {
                self.home(home).facts.outdated(facts);
            }
        }
    }
}
