//! Companies, people and cards to test with.

use tollgate::domain::clock::Clock;
use tollgate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, LimitId, UserId};
use tollgate::domain::money::Currency;
use tollgate::domain::party::{
    Account, Card, CardStatus, Company, CompanyStatus, User, UserStatus, Wallet,
};
use tollgate::domain::policy::{Control, Effect, Limit, LimitMode, MerchantScope, Scope};
use tollgate::domain::time::{Expiry, Window, Zone};

use super::subject::{Subject, token};

/// A company with one employee, who has one card.
pub struct Program {
    pub company: Company,
    pub user: User,
    pub card: Card,
}

impl Subject {
    /// A company called `name`, whose user is `{name}-user` and card `{name}-card`.
    pub async fn program(&self, name: &str, limit: i64) -> Program {
        let company = self.company(name);
        let account = self.account(&company, limit);
        self.resources.insert_company(company.clone(), account).await.unwrap();
        let user = self.user(Some(company.id), &format!("{name}-user"));
        self.resources.insert_user(user.clone()).await.unwrap();
        let card = self.card(&user, company.account, &format!("{name}-card"));
        self.resources.insert_card(card.clone()).await.unwrap();
        Program { company, user, card }
    }

    pub fn company(&self, name: &str) -> Company {
        Company {
            id: CompanyId::new(self.clock.uuid()),
            marqeta_token: Some(token(name)),
            name: name.into(),
            status: CompanyStatus::Active,
            currency: Currency::parse("USD").unwrap(),
            zone: Zone::parse("Europe/Brussels").unwrap(),
            account: AccountId::new(Home::Business, self.clock.uuid()),
            version: 1,
            created_at: self.clock.now(),
        }
    }

    pub fn account(&self, company: &Company, limit: i64) -> Account {
        Account { limit, ..Account::empty(company.account, company.currency) }
    }

    pub fn user(&self, company: Option<CompanyId>, name: &str) -> User {
        User {
            id: UserId::new(self.clock.uuid()),
            company,
            marqeta_token: Some(token(name)),
            first_name: Some("Zoë".into()),
            last_name: Some("O'Hara \"Z\"".into()),
            email: None,
            role: Some("buyer".into()),
            status: UserStatus::Active,
            version: 1,
            created_at: self.clock.now(),
        }
    }

    pub fn card(&self, user: &User, account: AccountId, name: &str) -> Card {
        Card {
            id: CardId::new(self.clock.uuid()),
            user: user.id,
            account,
            marqeta_token: Some(token(name)),
            last_four: Some("4242".into()),
            product: Some(token("gold")),
            expires: Expiry::parse("2030-12"),
            status: CardStatus::Active,
            version: 1,
            created_at: self.clock.now(),
        }
    }

    pub fn wallet(&self, user: &User, zone: &str) -> Wallet {
        Wallet {
            account: AccountId::new(Home::Personal, self.clock.uuid()),
            user: user.id,
            currency: Currency::parse("EUR").unwrap(),
            zone: Zone::parse(zone).unwrap(),
            version: 1,
            created_at: self.clock.now(),
        }
    }

    pub fn limit(&self, scope: Scope, window: Window, amount: i64) -> Limit {
        Limit {
            id: LimitId::new(self.clock.uuid()),
            scope,
            merchant: MerchantScope::Any,
            window,
            amount: Some(amount),
            count: None,
            currency: None,
            mode: LimitMode::Cap,
            version: 1,
            created_at: self.clock.now(),
        }
    }

    pub fn control(&self, scope: Scope) -> Control {
        Control {
            id: ControlId::new(self.clock.uuid()),
            scope,
            effect: Effect::Deny,
            mccs: vec!["7995".parse().unwrap(), "3000-3299".parse().unwrap()],
            mcc_groups: vec!["travel".into()],
            merchants: Vec::new(),
            countries: vec!["PRK".parse().unwrap()],
            entry_modes: Vec::new(),
            channels: vec!["ECOMMERCE".into()],
            starts_at: Some(self.clock.now()),
            ends_at: None,
            version: 1,
            created_at: self.clock.now(),
        }
    }
}
