//! Creates a card program over REST, many accounts at a time.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::profile::{Group, Kind};
use super::program::{Limits, Program, text};
use super::rest::{Admin, Rest};

/// How many accounts are set up at a time. Each waits for a commit most of the time, and commits
/// of neighbours are shared.
const AT_ONCE: u32 = 128;

/// More than any run spends, in minor units.
const PLENTY: u64 = 1_000_000_000_000;

/// Less than one purchase, in minor units.
const TOO_LITTLE: u64 = 1;

/// Why the program could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No answer.
    #[error("the service does not answer")]
    Io(#[from] std::io::Error),
    /// An answer that is not a creation.
    #[error("{path} answered {status}: {body}")]
    Refused {
        /// The route.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
    /// A program that was kept by an earlier run is not in this store.
    #[error("card {0} of the kept program is not there: another store, or another file")]
    NotThere(String),
}

/// Creates everything in a program.
pub async fn set_up(admin: &Admin, program: &Program) -> Result<(), SetupError> {
    for (index, group) in program.groups.iter().enumerate() {
        let group = &Batch { admin, program, index, group: *group };
        match group.group.kind {
            Kind::Unknown => {}
            Kind::SharedCompany => group.shared().await?,
            _ => group.each(None).await?,
        }
    }
    Ok(())
}

/// Whether the last card of each group is there.
pub async fn check(admin: &Admin, program: &Program) -> Result<(), SetupError> {
    let mut rest = Rest::open(admin, 0).await?;
    let created = |(_, group): &(usize, &Group)| group.kind != Kind::Unknown;
    for (index, group) in program.groups.iter().enumerate().filter(created) {
        let card = text(&program.card(index, group.cards.saturating_sub(1)));
        let route = match group.kind {
            Kind::Wallet => "/api/v1/personal/cards/",
            _ => "/api/v1/cards/",
        };
        if rest.ask("GET", &format!("{route}{card}"), "", "").await?.0 != 200 {
            return Err(SetupError::NotThere(card));
        }
    }
    Ok(())
}

/// The cards of one group.
struct Batch<'a> {
    admin: &'a Admin,
    program: &'a Program,
    index: usize,
    group: Group,
}

impl Batch<'_> {
    /// Every card, with an account of its own unless a company is given.
    async fn each(&self, company: Option<&Value>) -> Result<(), SetupError> {
        let workers = AT_ONCE.min(self.group.cards);
        let step = usize::try_from(workers.max(1)).unwrap_or(1);
        try_join_all((0..workers).map(|worker| async move {
            let mut rest = Rest::open(self.admin, worker).await?;
            for number in (worker..self.group.cards).step_by(step) {
                match (self.group.kind, company) {
                    (Kind::Wallet, _) => self.wallet(&mut rest, number).await?,
                    (_, Some(company)) => self.card(&mut rest, number, company).await?,
                    (_, None) => {
                        let company = self.company(&mut rest, number).await?;
                        self.card(&mut rest, number, &company).await?;
                    }
                }
            }
            Ok::<_, SetupError>(())
        }))
        .await
        .map(drop)
    }

    async fn shared(&self) -> Result<(), SetupError> {
        let company = self.company(&mut Rest::open(self.admin, 0).await?, 1).await?;
        self.each(Some(&company)).await
    }

    /// A company; those with an odd number have a pool of their own.
    async fn company(&self, rest: &mut Rest<'_>, number: u32) -> Result<Value, SetupError> {
        let credit = if self.group.kind == Kind::Poor { 0 } else { PLENTY };
        let name = format!("Bench {}", text(&self.program.card(self.index, number)));
        let body = json!({"name": name, "currency": "EUR", "credit_limit": credit});
        let company = Value::from(rest.create("/api/v1/companies", &body).await?.id);
        let pool = match self.program.limits {
            Limits::None => false,
            Limits::One => !number.is_multiple_of(2),
            Limits::Four => true,
        };
        if pool {
            let limit = json!({"scope": "company", "scope_id": company, "window": "day", "amount": PLENTY, "mode": "pool"});
            rest.limit(&limit).await?;
        }
        Ok(company)
    }

    /// A user of the company, and a card.
    async fn card(
        &self,
        rest: &mut Rest<'_>,
        number: u32,
        company: &Value,
    ) -> Result<(), SetupError> {
        let user = text(&self.program.user(self.index, number));
        let body = json!({"company_id": company, "marqeta_token": user});
        let user = Value::from(rest.create("/api/v1/users", &body).await?.id);
        let status = if self.group.kind == Kind::Suspended { "SUSPENDED" } else { "ACTIVE" };
        let card = text(&self.program.card(self.index, number));
        let body = json!({"user_id": user, "marqeta_token": card, "status": status});
        let card = Value::from(rest.create("/api/v1/cards", &body).await?.id);
        let alone = self.group.kind != Kind::SharedCompany;
        match self.program.limits {
            Limits::One if alone && number.is_multiple_of(2) => {
                rest.cap("user", &user, "day").await?
            }
            Limits::None | Limits::One => {}
            Limits::Four => rest.many_caps(&user, &card).await?,
        }
        if self.group.kind == Kind::Limited {
            let limit =
                json!({"scope": "card", "scope_id": card, "window": "day", "amount": TOO_LITTLE});
            rest.limit(&limit).await?;
        }
        Ok(())
    }

    /// A person with a funded wallet and a card.
    async fn wallet(&self, rest: &mut Rest<'_>, number: u32) -> Result<(), SetupError> {
        let token = text(&self.program.user(self.index, number));
        let body = json!({"marqeta_token": token});
        let user = Value::from(rest.create("/api/v1/personal/users", &body).await?.id);
        let body = json!({"user_id": user, "currency": "EUR"});
        let wallet = rest.create("/api/v1/personal/wallets", &body).await?.id;
        let body = json!({"amount": PLENTY, "currency": "EUR"}).to_string();
        let key = format!("idempotency-key: {token}\r\n");
        let path = format!("/api/v1/accounts/{wallet}/fund");
        rest.created(&path, &key, &body).await?;
        let card = text(&self.program.card(self.index, number));
        let body = json!({"user_id": user, "marqeta_token": card, "status": "ACTIVE"});
        let card = Value::from(rest.create("/api/v1/personal/cards", &body).await?.id);
        match self.program.limits {
            Limits::None => Ok(()),
            Limits::One => rest.cap("user", &user, "day").await,
            Limits::Four => {
                rest.cap("card", &card, "day").await?;
                rest.many_caps(&user, &card).await
            }
        }
    }
}

/// Limits far above what a run spends.
impl Rest<'_> {
    async fn limit(&mut self, limit: &Value) -> Result<(), SetupError> {
        self.create("/api/v1/spending-limits", limit).await.map(drop)
    }

    async fn cap(&mut self, scope: &str, id: &Value, window: &str) -> Result<(), SetupError> {
        self.limit(&json!({"scope": scope, "scope_id": id, "window": window, "amount": PLENTY}))
            .await
    }

    /// What both homes have in common where a card meets four limits.
    async fn many_caps(&mut self, user: &Value, card: &Value) -> Result<(), SetupError> {
        self.cap("user", user, "day").await?;
        self.cap("user", user, "week").await?;
        let count =
            json!({"scope": "card", "scope_id": card, "window": "month", "count": 1_000_000_000});
        self.limit(&count).await
    }
}
