//! Creates a card program over REST, many accounts at a time: companies, wallets and their money one by one,
//! users, cards and limits in bulk.

use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::profile::{Group, Kind};
use super::program::{Limits, Program, text};
use super::rest::{Admin, Rest};

/// How many accounts are set up at a time. Each waits for a commit most of the time, and commits
/// of neighbours are shared.
const AT_ONCE: u32 = 128;

/// Accounts whose users, cards and limits are loaded together.
const LOADED_AT_ONCE: usize = 200;

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
            let numbers: Vec<u32> = (worker..self.group.cards).step_by(step).collect();
            for numbers in numbers.chunks(LOADED_AT_ONCE) {
                match self.group.kind {
                    Kind::Wallet => self.wallets(&mut rest, numbers).await?,
                    _ => self.cards(&mut rest, numbers, company).await?,
                }
            }
            Ok::<_, SetupError>(())
        }))
        .await
        .map(drop)
    }

    async fn shared(&self) -> Result<(), SetupError> {
        let mut rest = Rest::open(self.admin, 0).await?;
        let mut lines = Lines::default();
        let company = self.company(&mut rest, &mut lines, 1).await?;
        rest.load(&lines.0).await?;
        self.each(Some(&company)).await
    }

    /// A company; those with an odd number have a pool of their own.
    async fn company(
        &self,
        rest: &mut Rest<'_>,
        lines: &mut Lines,
        number: u32,
    ) -> Result<Value, SetupError> {
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
            lines.add("limit", &json!({"scope": "company", "scope_id": company, "window": "day", "amount": PLENTY, "mode": "pool"}));
        }
        Ok(company)
    }

    /// Cards, each of a user of its own, of this company or of companies of their own.
    async fn cards(
        &self,
        rest: &mut Rest<'_>,
        numbers: &[u32],
        company: Option<&Value>,
    ) -> Result<(), SetupError> {
        let mut lines = Lines::default();
        for number in numbers.iter().copied() {
            let company = match company {
                Some(company) => company.clone(),
                None => self.company(rest, &mut lines, number).await?,
            };
            self.card(&mut lines, number, &company);
        }
        rest.load(&lines.0).await
    }

    /// A user of the company, and a card.
    fn card(&self, lines: &mut Lines, number: u32, company: &Value) {
        let (user, card) = self.names(number);
        lines.add("user", &json!({"company_id": company, "marqeta_token": user}));
        let status = if self.group.kind == Kind::Suspended { "SUSPENDED" } else { "ACTIVE" };
        lines.add("card", &json!({"user_id": user, "marqeta_token": card, "status": status}));
        let alone = self.group.kind != Kind::SharedCompany;
        match self.program.limits {
            Limits::One if alone && number.is_multiple_of(2) => lines.cap("user", &user, "day"),
            Limits::None | Limits::One => {}
            Limits::Four => lines.many_caps(&user, &card),
        }
        if self.group.kind == Kind::Limited {
            let limit =
                json!({"scope": "card", "scope_id": card, "window": "day", "amount": TOO_LITTLE});
            lines.add("limit", &limit);
        }
    }

    /// People with a funded wallet and a card each.
    async fn wallets(&self, rest: &mut Rest<'_>, numbers: &[u32]) -> Result<(), SetupError> {
        let mut people = Lines::default();
        for number in numbers.iter().copied() {
            people.add("user", &json!({"marqeta_token": self.names(number).0}));
        }
        rest.load(&people.0).await?;
        let mut lines = Lines::default();
        for number in numbers.iter().copied() {
            let (user, card) = self.names(number);
            fund_wallet(rest, &user).await?;
            let body = json!({"user_id": user, "marqeta_token": card, "status": "ACTIVE"});
            lines.add("card", &body);
            match self.program.limits {
                Limits::None => {}
                Limits::One => lines.cap("user", &user, "day"),
                Limits::Four => {
                    lines.cap("card", &card, "day");
                    lines.many_caps(&user, &card);
                }
            }
        }
        rest.load(&lines.0).await
    }

    /// What a user and a card are called.
    fn names(&self, number: u32) -> (String, String) {
        (text(&self.program.user(self.index, number)), text(&self.program.card(self.index, number)))
    }
}

/// A wallet of a person, with money on it.
async fn fund_wallet(rest: &mut Rest<'_>, user: &str) -> Result<(), SetupError> {
    let body = json!({"user_id": user, "currency": "EUR"});
    let wallet = rest.create("/api/v1/personal/wallets", &body).await?.id;
    let body = json!({"amount": PLENTY, "currency": "EUR"}).to_string();
    let key = format!("idempotency-key: {user}\r\n");
    let path = format!("/api/v1/accounts/{wallet}/fund");
    rest.created(&path, &key, &body).await.map(drop)
}

/// Lines of a bulk load.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, kind: &str, object: &Value) {
        self.0.push_str(&format!("{{\"{kind}\":{object}}}\n"));
    }

    /// A limit far above what a run spends.
    fn cap(&mut self, scope: &str, id: &str, window: &str) {
        let limit = json!({"scope": scope, "scope_id": id, "window": window, "amount": PLENTY});
        self.add("limit", &limit);
    }

    /// What both homes have in common where a card meets four limits.
    fn many_caps(&mut self, user: &str, card: &str) {
        self.cap("user", user, "day");
        self.cap("user", user, "week");
        let count =
            json!({"scope": "card", "scope_id": card, "window": "month", "count": 1_000_000_000});
        self.add("limit", &count);
    }
}
