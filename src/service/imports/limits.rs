//! Limits of a load: known again by whom they bind and what they count, and written together.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use uuid::Uuid;

use super::{Barred, ImportRun, Kind, by_name, not_found};
use crate::domain::decision::Fingerprint;
use crate::domain::event::further_id;
use crate::domain::id::{Home, LimitId};
use crate::domain::policy::{Limit, Scope};
use crate::domain::token::Token;
use crate::service::Service;
use crate::service::error::Error;
use crate::wire::v1::field::Invalid;
use crate::wire::v1::limit::{NewLimit, ScopeRef};

/// Whom a limit binds, and where that is kept; `None`: in both homes.
type Owner = (Scope, Option<Home>);

impl Service {
    /// Each limit is compared with those that its owner has, and with those before it.
    pub(super) async fn import_limits(
        &self,
        run: &mut ImportRun,
        lines: Vec<(u64, NewLimit)>,
    ) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        let lines = self.with_owners(run, lines).await?;
        let owners: BTreeSet<Scope> = lines.iter().map(|(_, (scope, _), _)| *scope).collect();
        let mut owned: BTreeMap<Scope, Vec<Limit>> = BTreeMap::new();
        for limit in self.lists.limits_binding(owners.into_iter().collect()).await? {
            // What the personal home alone has of the program's is gone, and only not gone there yet.
            let is_gone =
                limit.scope == Scope::Program && self.resources.limit(limit.id).await?.is_none();
            if !is_gone {
                owned.entry(limit.scope).or_default().push(limit);
            }
        }
        let mut new: BTreeMap<Option<Home>, Vec<Limit>> = BTreeMap::new();
        for (line, (scope, home), limit) in lines {
            let owned = owned.entry(scope).or_default();
            let id = name_of(scope, &limit);
            match self.new_limit(id, scope, limit, owned) {
                Ok(limit) => {
                    owned.push(limit.clone());
                    new.entry(home).or_default().push(limit);
                }
                Err(Error::TokenTaken("id")) => {
                    match owned.iter().find(|known| known.id == id) {
                        // It may be in one of both homes alone: it is brought to the other.
                        Some(known) if home.is_none() => {
                            new.entry(home).or_default().push(known.clone());
                        }
                        _ => run.summary.existing.limits += 1,
                    }
                }
                Err(Error::Invalid(fault)) => run.fault(line, &fault.under("limit")),
                Err(Error::LimitConflict { detail, pointer }) => {
                    let fault = Invalid::new("limit_conflict", detail);
                    run.fault(line, &fault.under(pointer.trim_start_matches('/')).under("limit"));
                }
                Err(error) => return Err(error),
            }
        }
        for limits in new.into_values() {
            let (asked, stamps) = (limits.len(), self.resources.insert_limits(limits).await?);
            run.tally(Kind::Limit, asked, stamps.len());
        }
        Ok(())
    }

    /// The lines whose owners there are.
    async fn with_owners(
        &self,
        run: &mut ImportRun,
        lines: Vec<(u64, NewLimit)>,
    ) -> Result<Vec<(u64, Owner, NewLimit)>, Error> {
        let users = names(&lines, |scope| match scope {
            ScopeRef::User(name) => Some(name),
            ScopeRef::Program | ScopeRef::Company(_) | ScopeRef::Card(_) => None,
        });
        let cards = names(&lines, |scope| match scope {
            ScopeRef::Card(name) => Some(name),
            ScopeRef::Program | ScopeRef::Company(_) | ScopeRef::User(_) => None,
        });
        let users = by_name(self.lists.users_named(users).await?, |user| {
            (user.id.to_string(), user.marqeta_token.clone())
        });
        let cards = by_name(self.lists.cards_named(cards).await?, |card| {
            (card.id.to_string(), card.marqeta_token.clone())
        });
        let mut owned = Vec::with_capacity(lines.len());
        for (line, limit) in lines {
            let owner: Option<Owner> = match &limit.scope {
                ScopeRef::Program => Some((Scope::Program, None)),
                ScopeRef::Company(id) => match self.account_in(run, *id).await? {
                    Ok(_) | Err(Barred::Closed) => {
                        Some((Scope::Company(*id), Some(Home::Business)))
                    }
                    Err(Barred::Missing) => None,
                },
                ScopeRef::User(name) => {
                    users.get(name).map(|user| (Scope::User(user.id), Some(user.home())))
                }
                ScopeRef::Card(name) => {
                    cards.get(name).map(|card| (Scope::Card(card.id), Some(card.account.home())))
                }
            };
            match owner {
                Some(owner) => owned.push((line, owner, limit)),
                None => run.fault(line, &not_found("limit/scope_id")),
            }
        }
        Ok(owned)
    }
}

/// What lines name of one kind, each once.
fn names<'a>(
    lines: &'a [(u64, NewLimit)],
    of_kind: impl Fn(&'a ScopeRef) -> Option<&'a Token>,
) -> Vec<Token> {
    let named = lines.iter().filter_map(|(_, limit)| of_kind(&limit.scope));
    named.collect::<HashSet<_>>().into_iter().cloned().collect()
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
