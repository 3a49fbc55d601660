//! Companies, people and cards to test with.

use tollgate::domain::clock::Clock;
use tollgate::domain::id::{AccountId, CardId, CompanyId, ControlId, Home, LimitId, UserId};
use tollgate::domain::money::Currency;
use tollgate::domain::party::{
    Account, Card, CardStatus, Company, CompanyStatus, Setter, User, UserStatus, Wallet,
};
use tollgate::domain::policy::{Control, Effect, Limit, LimitMode, MerchantScope, Scope};
use tollgate::domain::time::{Expiry, Window, Zone};

use super::subject::{Subject, token};

/// One user with one card: an employee of a company, or a person with a wallet.
pub struct Program {
    pub company: Option<Company>,
    pub wallet: Option<Wallet>,
    pub user: User,
    pub card: Card,
    /// What the card draws on.
    pub account: AccountId,
    /// Where the account's windows begin.
    pub zone: Zone,
}

impl Program {
    /// The company, in a store that keeps companies.
    pub fn company(&self) -> &Company {
        self.company.as_ref().unwrap()
    }

    /// Whom a colleague, or another person, belongs to.
    pub fn employer(&self) -> Option<CompanyId> {
        self.company.as_ref().map(|company| company.id)
    }

    /// Whose policies bind the card, narrowest first.
    pub fn scopes(&self) -> Vec<Scope> {
        let own = [Scope::Card(self.card.id), Scope::User(self.user.id)];
        let company = self.employer().map(Scope::Company);
        own.into_iter().chain(company).chain([Scope::Program]).collect()
    }

    /// The policy version that the subject was created with. A wallet that is added counts as a
    /// change of its user.
    pub fn first_version(&self, subject: Scope) -> i64 {
        let has_wallet = self.wallet.is_some() && subject == Scope::User(self.user.id);
        if has_wallet { 2 } else { 1 }
    }
}

impl Subject {
    /// A user called `{name}-user` with a card `{name}-card`: of a company called `name` where the
    /// store keeps companies, else a person with a wallet. Both in US dollars and Brussels' time.
    pub async fn program(&self, name: &str, limit: i64) -> Program {
        if self.homes.contains(&Home::Business) {
            self.business_program(name, limit).await
        } else {
            self.personal_program(name, limit).await
        }
    }

    async fn business_program(&self, name: &str, limit: i64) -> Program {
        let company = self.company(name);
        let (account, zone) = (company.account, company.zone.clone());
        let granted = self.account(&company, limit);
        self.resources.insert_company(company.clone(), granted).await.unwrap();
        let user = self.user(Some(company.id), &format!("{name}-user"));
        self.resources.insert_user(user.clone()).await.unwrap();
        let card = self.inserted_card(&user, account, name).await;
        Program { company: Some(company), wallet: None, user, card, account, zone }
    }

    async fn personal_program(&self, name: &str, limit: i64) -> Program {
        let user = self.user(None, &format!("{name}-user"));
        self.resources.insert_user(user.clone()).await.unwrap();
        let currency = Currency::parse("USD").unwrap();
        let wallet = Wallet { currency, ..self.wallet(&user, "Europe/Brussels") };
        let (account, zone) = (wallet.account, wallet.zone.clone());
        let granted = Account { limit, ..Account::empty(account, currency) };
        self.resources.insert_wallet(wallet.clone(), granted).await.unwrap();
        let card = self.inserted_card(&user, account, name).await;
        Program { company: None, wallet: Some(wallet), user, card, account, zone }
    }

    async fn inserted_card(&self, user: &User, account: AccountId, name: &str) -> Card {
        let card = self.card(user, account, &format!("{name}-card"));
        self.resources.insert_card(card.clone()).await.unwrap();
        card
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
            status_set_at: None,
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
            status_set_at: None,
            status_set_by: Some(Setter::Company),
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
            status_set_at: None,
            status_set_by: Some(Setter::Company),
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
