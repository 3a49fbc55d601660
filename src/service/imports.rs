//! Bulk load: users, cards and limits, a chunk of lines at a time, each chunk in few statements. What
//! is there already stays as it is, so that the same lines may be sent again after any failure.

mod limits;

use std::collections::{HashMap, HashSet};

use super::Service;
use super::cards::{account_among, may_hold};
use super::error::Error;
use crate::domain::id::{AccountId, CardId, CompanyId, Home, UserId};
use crate::domain::party::{Card, CompanyStatus, Setter, User, Wallet};
use crate::domain::policy::{PolicyStamp, Scope};
use crate::domain::token::Token;
use crate::wire::v1::card::NewCard;
use crate::wire::v1::field::Invalid;
use crate::wire::v1::import::{Import, ImportSummary, Kinds, LineFault};
use crate::wire::v1::limit::NewLimit;
use crate::wire::v1::user::NewUser;

/// Lines that are loaded together.
pub const CHUNK_LINES: usize = 500;

/// Faulty lines that are told of; more are only counted.
const FAULTS_MAX: usize = 1_000;

/// A load under way.
#[derive(Default)]
pub struct ImportRun {
    /// The lines that were not loaded, as far as they are told of.
    pub faults: Vec<LineFault>,
    /// What has been done.
    pub summary: ImportSummary,
    /// Accounts of companies that lines have named.
    accounts: HashMap<CompanyId, Result<AccountId, Barred>>,
}

/// Why a company gets nobody and nothing new.
#[derive(Clone, Copy, Debug)]
enum Barred {
    Missing,
    Closed,
}

impl Barred {
    fn fault(self, path: &str) -> Invalid {
        match self {
            Self::Missing => not_found(path),
            Self::Closed => {
                const DETAIL: &str = "the company is closed; it gets no new users or cards";
                at(Invalid::new("invalid_transition", DETAIL), path)
            }
        }
    }
}

impl ImportRun {
    /// A line that can not be loaded.
    pub fn fault(&mut self, line: u64, fault: &Invalid) {
        self.summary.faulty = self.summary.faulty.saturating_add(1);
        if self.faults.len() < FAULTS_MAX {
            let (code, detail) = (fault.code, fault.detail.to_string());
            let pointer = fault.pointer.clone();
            self.faults.push(LineFault { line, code, detail, pointer });
        }
    }

    /// Whether someone has the token of a line. Then the object is there already, or can not be, as
    /// it belongs elsewhere.
    fn is_taken<T: PartialEq>(
        &mut self,
        (line, kind): (u64, Kind),
        holder: Option<&T>,
        own: &T,
    ) -> bool {
        match holder {
            None => return false,
            Some(holder) if holder == own => *kind.of(&mut self.summary.existing) += 1,
            Some(_) => self.fault(line, &taken(kind.as_str())),
        }
        true
    }

    /// What was not created was there first.
    fn tally(&mut self, kind: Kind, asked: usize, created: usize) {
        let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        *kind.of(&mut self.summary.created) += wide(created);
        *kind.of(&mut self.summary.existing) += wide(asked.saturating_sub(created));
    }
}

/// What a line is of.
#[derive(Clone, Copy)]
enum Kind {
    User,
    Card,
    Limit,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Card => "card",
            Self::Limit => "limit",
        }
    }

    const fn of(self, kinds: &mut Kinds) -> &mut u64 {
        match self {
            Self::User => &mut kinds.users,
            Self::Card => &mut kinds.cards,
            Self::Limit => &mut kinds.limits,
        }
    }
}

/// The lines of a chunk, by kind: what a card names may be a user of the same chunk.
#[derive(Default)]
struct Sorted {
    users: Vec<(u64, NewUser)>,
    cards: Vec<(u64, NewCard)>,
    limits: Vec<(u64, NewLimit)>,
}

impl Service {
    /// Loads some lines, each with its number. An error means that not all of them were loaded; to
    /// load them again does no harm.
    pub async fn import(
        &self,
        run: &mut ImportRun,
        lines: Vec<(u64, Import)>,
    ) -> Result<(), Error> {
        let mut sorted = Sorted::default();
        for (line, import) in lines {
            match import {
                Import::User(user) => sorted.users.push((line, user)),
                Import::Card(card) => sorted.cards.push((line, card)),
                Import::Limit(limit) => sorted.limits.push((line, *limit)),
            }
        }
        self.import_users(run, sorted.users).await?;
        self.import_cards(run, sorted.cards).await?;
        self.import_limits(run, sorted.limits).await
    }

    async fn import_users(
        &self,
        run: &mut ImportRun,
        lines: Vec<(u64, NewUser)>,
    ) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let tokens = lines.iter().filter_map(|(_, user)| user.marqeta_token.clone()).collect();
        let known = self.lists.users_named(tokens).await?;
        let mut employers: HashMap<Token, Option<CompanyId>> = known
            .into_iter()
            .filter_map(|user| Some((user.marqeta_token?, user.company)))
            .collect();
        let mut new: [Vec<User>; 2] = Default::default();
        for (line, user) in lines {
            let employer = user.marqeta_token.as_ref().and_then(|token| employers.get(token));
            if run.is_taken((line, Kind::User), employer, &user.company) {
                continue;
            }
            if let Some(company) = user.company
                && let Err(barred) = self.account_in(run, company).await?
            {
                run.fault(line, &barred.fault("user/company_id"));
                continue;
            }
            let user = self.user_of_line(user);
            employers.extend(user.marqeta_token.clone().map(|token| (token, user.company)));
            new[index(user.home())].push(user);
        }
        for users in new {
            if users.is_empty() {
                continue;
            }
            let (asked, stamps) = (users.len(), self.resources.insert_users(users).await?);
            let created = count(&stamps, |scope| matches!(scope, Scope::User(_)));
            run.tally(Kind::User, asked, created);
        }
        Ok(())
    }

    async fn import_cards(
        &self,
        run: &mut ImportRun,
        lines: Vec<(u64, NewCard)>,
    ) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let owners: HashSet<Token> = lines.iter().map(|(_, card)| card.user.clone()).collect();
        let owners = self.lists.users_named(owners.into_iter().collect()).await?;
        let wallets = self.wallets_held_by(&owners).await?;
        let owners = by_name(owners, |user| (user.id.to_string(), user.marqeta_token.clone()));
        let tokens = lines.iter().filter_map(|(_, card)| card.marqeta_token.clone()).collect();
        let known = self.lists.cards_named(tokens).await?.into_iter();
        let mut holders: HashMap<Token, UserId> =
            known.filter_map(|card| Some((card.marqeta_token?, card.user))).collect();
        let mut new: [Vec<Card>; 2] = Default::default();
        for (line, card) in lines {
            let Some(owner) = owners.get(&card.user) else {
                run.fault(line, &not_found("card/user_id"));
                continue;
            };
            let holder = card.marqeta_token.as_ref().and_then(|token| holders.get(token));
            if run.is_taken((line, Kind::Card), holder, &owner.id) {
                continue;
            }
            if !may_hold(owner.status, card.status) {
                run.fault(line, &holder_may_not());
                continue;
            }
            let own = wallets.get(&owner.id).map_or(&[][..], Vec::as_slice);
            let account = match self.account_for(run, (owner, own), &card).await? {
                Ok(account) => account,
                Err(fault) => {
                    run.fault(line, &fault);
                    continue;
                }
            };
            let card = self.card_of_line(owner.id, account, card);
            holders.extend(card.marqeta_token.clone().map(|token| (token, owner.id)));
            new[index(account.home())].push(card);
        }
        for cards in new {
            if cards.is_empty() {
                continue;
            }
            let (asked, stamps) = (cards.len(), self.resources.insert_cards(cards).await?);
            let created = count(&stamps, |scope| matches!(scope, Scope::Card(_)));
            run.tally(Kind::Card, asked, created);
        }
        Ok(())
    }

    async fn account_in(
        &self,
        run: &mut ImportRun,
        company: CompanyId,
    ) -> Result<Result<AccountId, Barred>, Error> {
        if let Some(known) = run.accounts.get(&company) {
            return Ok(*known);
        }
        let account = match self.resources.company(company).await? {
            None => Err(Barred::Missing),
            Some(company) if company.status == CompanyStatus::Closed => Err(Barred::Closed),
            Some(company) => Ok(company.account),
        };
        run.accounts.insert(company, account);
        Ok(account)
    }

    /// The wallets of those who are people on their own.
    async fn wallets_held_by(
        &self,
        owners: &[User],
    ) -> Result<HashMap<UserId, Vec<Wallet>>, Error> {
        let people = owners.iter().filter(|user| user.company.is_none());
        let people = people.map(|user| user.id).collect();
        let mut wallets: HashMap<UserId, Vec<Wallet>> = HashMap::new();
        for wallet in self.lists.wallets_held_by(people).await? {
            wallets.entry(wallet.user).or_default().push(wallet);
        }
        Ok(wallets)
    }

    /// What the card draws on, or why it can draw on nothing.
    async fn account_for(
        &self,
        run: &mut ImportRun,
        (owner, wallets): (&User, &[Wallet]),
        card: &NewCard,
    ) -> Result<Result<AccountId, Invalid>, Error> {
        let Some(company) = owner.company else {
            return match account_among(wallets, card.wallet) {
                Ok(account) => Ok(Ok(account)),
                Err(Error::Invalid(fault)) => Ok(Err(fault.under("card"))),
                Err(Error::NotFound(_)) => Ok(Err(not_found("card/wallet_id"))),
                Err(error) => Err(error),
            };
        };
        if card.wallet.is_some() {
            const DETAIL: &str = "a card of a company draws on the company's account";
            let fault = Invalid::new("unknown_field", DETAIL);
            return Ok(Err(fault.under("wallet_id").under("card")));
        }
        let account = self.account_in(run, company).await?;
        Ok(account.map_err(|barred| barred.fault("card/user_id")))
    }

    fn user_of_line(&self, new: NewUser) -> User {
        User {
            id: UserId::new(self.clock.uuid()),
            company: new.company,
            marqeta_token: new.marqeta_token,
            first_name: new.first_name,
            last_name: new.last_name,
            email: new.email,
            role: new.role,
            status: new.status,
            version: 1,
            created_at: self.clock.now(),
            status_set_at: None,
            status_set_by: Some(Setter::of(self.reach)),
        }
    }

    fn card_of_line(&self, user: UserId, account: AccountId, new: NewCard) -> Card {
        Card {
            id: CardId::new(self.clock.uuid()),
            user,
            account,
            marqeta_token: new.marqeta_token,
            last_four: new.last_four,
            product: new.product,
            expires: new.expires,
            status: new.status,
            version: 1,
            created_at: self.clock.now(),
            status_set_at: None,
            status_set_by: Some(Setter::of(self.reach)),
        }
    }
}

const fn index(home: Home) -> usize {
    match home {
        Home::Business => 0,
        Home::Personal => 1,
    }
}

fn count(stamps: &[PolicyStamp], created: impl Fn(Scope) -> bool) -> usize {
    stamps.iter().filter(|stamp| created(stamp.subject)).count()
}

/// Objects under both of their names: our id and the platform's token.
fn by_name<T: Clone>(
    objects: Vec<T>,
    names: impl Fn(&T) -> (String, Option<Token>),
) -> HashMap<Token, T> {
    let mut named = HashMap::new();
    for object in objects {
        let (id, token) = names(&object);
        if let Ok(id) = id.parse() {
            named.insert(id, object.clone());
        }
        if let Some(token) = token {
            named.insert(token, object);
        }
    }
    named
}

fn not_found(path: &str) -> Invalid {
    at(Invalid::new("not_found", "there is no such object"), path)
}

fn at(fault: Invalid, path: &str) -> Invalid {
    path.rsplit('/').fold(fault, |fault, part| fault.under(part))
}

fn holder_may_not() -> Invalid {
    const DETAIL: &str = "a card of this status can not be given to a holder of that one";
    Invalid::new("invalid_transition", DETAIL).under("status").under("card")
}

fn taken(kind: &str) -> Invalid {
    const DETAIL: &str = "another object has this token already";
    Invalid::new("token_taken", DETAIL).under("marqeta_token").under(kind)
}
