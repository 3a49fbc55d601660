//! Bulk load: users, cards and limits, a chunk of lines at a time, each chunk in few statements. What
//! is there already stays as it is, so that the same lines may be sent again after any failure.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::Service;
use super::cards::may_hold;
use super::error::Error;
use crate::domain::decision::Fingerprint;
use crate::domain::event::further_id;
use crate::domain::id::{AccountId, CardId, CompanyId, Home, LimitId, UserId};
use crate::domain::party::{Card, CompanyStatus, User};
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

/// Limits of a chunk, or owners of them, that are worked at a time.
const LIMITS_AT_ONCE: usize = 8;

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
            if let Some(there) = user.marqeta_token.as_ref().and_then(|it| employers.get(it)) {
                if *there == user.company {
                    run.summary.existing.users += 1;
                } else {
                    run.fault(line, &taken("user"));
                }
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
            tally(&mut run.summary, asked, created, |kinds| &mut kinds.users);
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
        let owners = by_name(self.lists.users_named(owners.into_iter().collect()).await?);
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
            if let Some(there) = card.marqeta_token.as_ref().and_then(|it| holders.get(it)) {
                if *there == owner.id {
                    run.summary.existing.cards += 1;
                } else {
                    run.fault(line, &taken("card"));
                }
                continue;
            }
            if !may_hold(owner.status, card.status) {
                run.fault(line, &holder_may_not());
                continue;
            }
            let account = match self.account_for(run, owner, &card).await? {
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
            tally(&mut run.summary, asked, created, |kinds| &mut kinds.cards);
        }
        Ok(())
    }

    /// A limit is known again by whom it binds and what it counts. Those of one owner are written one
    /// after the other, as each is compared with those before it.
    async fn import_limits(
        &self,
        run: &mut ImportRun,
        lines: Vec<(u64, NewLimit)>,
    ) -> Result<(), Error> {
        let naming = stream::iter(lines)
            .map(async |(line, new)| (line, self.scope(new.scope.clone()).await, new))
            .buffered(LIMITS_AT_ONCE);
        let named: Vec<_> = naming.collect().await;
        let mut written = Vec::new();
        let mut owners: BTreeMap<Scope, Vec<(u64, NewLimit)>> = BTreeMap::new();
        for (line, scope, new) in named {
            match scope {
                Ok(scope) => owners.entry(scope).or_default().push((line, new)),
                Err(error) => written.push((line, Err(error))),
            }
        }
        let writing = stream::iter(owners)
            .map(async |(scope, lines)| self.import_limits_of(scope, lines).await)
            .buffer_unordered(LIMITS_AT_ONCE);
        let owners: Vec<_> = writing.collect().await;
        for owner in owners {
            written.extend(owner?);
        }
        for (line, written) in written {
            match written {
                Ok(()) => run.summary.created.limits += 1,
                Err(Error::TokenTaken("id")) => run.summary.existing.limits += 1,
                Err(Error::Invalid(fault)) => run.fault(line, &fault.under("limit")),
                Err(Error::NotFound(_)) => run.fault(line, &not_found("limit/scope_id")),
                Err(Error::LimitConflict { detail, pointer }) => {
                    let fault = Invalid::new("limit_conflict", detail);
                    run.fault(line, &fault.under(pointer.trim_start_matches('/')).under("limit"));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn import_limits_of(
        &self,
        scope: Scope,
        lines: Vec<(u64, NewLimit)>,
    ) -> Result<Vec<(u64, Result<(), Error>)>, Error> {
        let mut owned = self.limits_of(scope).await?;
        let mut written = Vec::new();
        for (line, new) in lines {
            let id = name_of(scope, &new);
            let added = self.add_limit(id, scope, new, &owned).await;
            written.push((line, added.map(|limit| owned.push(limit))));
        }
        Ok(written)
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

    /// What the card draws on, or why it can draw on nothing.
    async fn account_for(
        &self,
        run: &mut ImportRun,
        owner: &User,
        card: &NewCard,
    ) -> Result<Result<AccountId, Invalid>, Error> {
        let Some(company) = owner.company else {
            return match self.wallet_account(owner.id, card.wallet).await {
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

/// What was not created was there first.
fn tally(
    summary: &mut ImportSummary,
    asked: usize,
    created: usize,
    kind: impl Fn(&mut Kinds) -> &mut u64,
) {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    *kind(&mut summary.created) += wide(created);
    *kind(&mut summary.existing) += wide(asked.saturating_sub(created));
}

/// Users under both of their names.
fn by_name(users: Vec<User>) -> HashMap<Token, User> {
    let mut named = HashMap::new();
    for user in users {
        if let Ok(id) = user.id.to_string().parse() {
            named.insert(id, user.clone());
        }
        if let Some(token) = user.marqeta_token.clone() {
            named.insert(token, user);
        }
    }
    named
}

/// The same limit has the same id, whenever it is loaded.
fn name_of(scope: Scope, new: &NewLimit) -> LimitId {
    let whom = match scope {
        Scope::Program => Uuid::nil(),
        Scope::Company(id) => id.uuid(),
        Scope::User(id) => id.uuid(),
        Scope::Card(id) => id.uuid(),
    };
    let merchant = serde_json::to_string(&new.merchant).unwrap_or_default();
    let mode = serde_json::to_string(&new.mode).unwrap_or_default();
    let currency = new.currency.map_or("", |currency| currency.code()).to_owned();
    let print = Fingerprint::of(&[new.window.as_str(), &merchant, &mode, &currency]).to_bytes();
    let half = print.first_chunk::<8>().copied().unwrap_or_default();
    LimitId::new(further_id(whom, u64::from_be_bytes(half)).uuid())
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
