//! What may be asked of the lists of resources, in query strings.

use super::field::Read;
use super::limit::ScopeRef;
use super::query::{PageOf, Pairs, Query, id, parameter, time, word};
use crate::domain::id::{AccountId, AuthorizationId, CardId, CompanyId, UserId};
use crate::domain::party::{CardStatus, CompanyStatus, UserStatus};
use crate::domain::posting::Place;
use crate::domain::time::Timestamp;
use crate::domain::token::Token;

/// Which companies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyList {
    /// This one. No parameter: callers who are bound to a company see no other.
    pub company: Option<CompanyId>,
    /// In this state.
    pub status: Option<CompanyStatus>,
    /// With this token of the platform's.
    pub marqeta_token: Option<Token>,
    /// Which part.
    pub page: PageOf<CompanyId>,
}

impl CompanyList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "companies";

    /// Reads the parameters.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        const STATUSES: &str = "status is ACTIVE, SUSPENDED or CLOSED";
        let mut query = Query::of(pairs)?;
        let list = Self {
            company: None,
            status: query.take("status", word(STATUSES, CompanyStatus::parse))?,
            marqeta_token: query.take("marqeta_token", id)?,
            page: query.page(Self::NAME)?,
        };
        query.end()?;
        Ok(list)
    }
}

/// Which users, of companies or on their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserList {
    /// Of this company.
    pub company: Option<CompanyId>,
    /// In this state.
    pub status: Option<UserStatus>,
    /// With this token of the platform's.
    pub marqeta_token: Option<Token>,
    /// Which part.
    pub page: PageOf<UserId>,
}

impl UserList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "users";

    /// Reads the parameters of a list of companies' users.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let company = query.take("company", id)?;
        Ok(Self { company, ..Self::rest(query)? })
    }

    /// Reads the parameters of a list of people on their own, who have no company.
    pub fn parse_personal(pairs: &Pairs) -> Read<Self> {
        Self::rest(Query::of(pairs)?)
    }

    fn rest(mut query: Query<'_>) -> Read<Self> {
        const STATUSES: &str = "status is UNVERIFIED, LIMITED, ACTIVE, SUSPENDED or CLOSED";
        let list = Self {
            company: None,
            status: query.take("status", word(STATUSES, UserStatus::parse))?,
            marqeta_token: query.take("marqeta_token", id)?,
            page: query.page(Self::NAME)?,
        };
        query.end()?;
        Ok(list)
    }
}

/// Which cards, of companies or of people on their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardList {
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Of this user.
    pub user: Option<Token>,
    /// That draw on this account, or wallet.
    pub account: Option<AccountId>,
    /// In this state.
    pub status: Option<CardStatus>,
    /// With this token of the platform's.
    pub marqeta_token: Option<Token>,
    /// Which part.
    pub page: PageOf<CardId>,
}

impl CardList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "cards";

    /// Reads the parameters of a list of companies' cards.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let company = query.take("company", id)?;
        let account = query.take("account", id)?;
        Ok(Self { company, account, ..Self::rest(query)? })
    }

    /// Reads the parameters of a list of people's own cards.
    pub fn parse_personal(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let account = query.take("wallet", id)?;
        Ok(Self { account, ..Self::rest(query)? })
    }

    fn rest(mut query: Query<'_>) -> Read<Self> {
        const STATUSES: &str = "status is UNACTIVATED, ACTIVE, SUSPENDED, TERMINATED or LIMITED";
        let list = Self {
            company: None,
            account: None,
            user: query.take("user", id)?,
            status: query.take("status", word(STATUSES, CardStatus::parse))?,
            marqeta_token: query.take("marqeta_token", id)?,
            page: query.page(Self::NAME)?,
        };
        query.end()?;
        Ok(list)
    }
}

/// Which accounts of companies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountList {
    /// Of this company.
    pub company: Option<CompanyId>,
    /// Which part.
    pub page: PageOf<AccountId>,
}

impl AccountList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "accounts";

    /// Reads the parameters.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let company = query.take("company", id)?;
        let list = Self { company, page: query.page(Self::NAME)? };
        query.end()?;
        Ok(list)
    }
}

/// Which wallets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletList {
    /// Of this person.
    pub user: Option<Token>,
    /// Which part.
    pub page: PageOf<AccountId>,
}

impl WalletList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "wallets";

    /// Reads the parameters.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let user = query.take("user", id)?;
        let list = Self { user, page: query.page(Self::NAME)? };
        query.end()?;
        Ok(list)
    }
}

/// Whom limits or controls bind, as a query names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BoundRef {
    /// Someone of this kind.
    Kind(&'static str),
    /// This very one.
    One(ScopeRef),
}

/// Which limits, or controls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyList<I> {
    /// That bind this company, its users or its cards.
    pub company: Option<CompanyId>,
    /// That bind this one, or this kind.
    pub bound: Option<BoundRef>,
    /// Which part.
    pub page: PageOf<I>,
}

impl<I: std::str::FromStr + std::fmt::Display> PolicyList<I> {
    /// Reads the parameters of the list that is called `name`.
    pub fn parse(name: &str, pairs: &Pairs) -> Read<Self> {
        const KINDS: [&str; 4] = ["program", "company", "user", "card"];
        const SCOPES: &str = "scope is program, company, user or card";
        let mut query = Query::of(pairs)?;
        let company = query.take("company", id)?;
        let find = |value: &str| KINDS.into_iter().find(|kind| *kind == value);
        let kind = query.take("scope", word(SCOPES, find))?;
        let whom = query.take("scope_id", |value| Ok(value.to_owned()))?;
        let bound = match (kind, whom) {
            (None, None) => None,
            (None, Some(_)) => return Err(parameter("scope_id needs scope beside it")),
            (Some(kind), None) => Some(BoundRef::Kind(kind)),
            (Some(kind), Some(whom)) => Some(BoundRef::One(one(kind, &whom)?)),
        };
        let list = Self { company, bound, page: query.page(name)? };
        query.end()?;
        Ok(list)
    }
}

fn one(kind: &str, whom: &str) -> Read<ScopeRef> {
    match kind {
        "company" => id(whom).map(ScopeRef::Company),
        "user" => id(whom).map(ScopeRef::User),
        "card" => id(whom).map(ScopeRef::Card),
        _ => Err(parameter("the program has no id")),
    }
}

/// Which authorizations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationList {
    /// On the account of this company.
    pub company: Option<CompanyId>,
    /// On this account, or wallet.
    pub account: Option<AccountId>,
    /// Of this card.
    pub card: Option<Token>,
    /// Approved ones, or declined ones.
    pub approved: Option<bool>,
    /// Decided at this time or later.
    pub from: Option<Timestamp>,
    /// Decided earlier than this.
    pub to: Option<Timestamp>,
    /// Which part.
    pub page: PageOf<AuthorizationId>,
}

impl AuthorizationList {
    /// What cursors of this list are marked with.
    pub const NAME: &str = "authorizations";

    /// Reads the parameters.
    pub fn parse(pairs: &Pairs) -> Read<Self> {
        let mut query = Query::of(pairs)?;
        let approved = |value: &str| match value {
            "approved" => Some(true),
            "declined" => Some(false),
            _ => None,
        };
        let list = Self {
            company: query.take("company", id)?,
            account: query.take("account", id)?,
            card: query.take("card", id)?,
            approved: query.take("decision", word("decision is approved or declined", approved))?,
            from: query.take("from", time)?,
            to: query.take("to", time)?,
            page: query.page(Self::NAME)?,
        };
        query.end()?;
        Ok(list)
    }
}

/// Which part of the history of an account.
pub fn history(pairs: &Pairs) -> Read<PageOf<Place>> {
    let mut query = Query::of(pairs)?;
    let page = query.page(HISTORY)?;
    query.end()?;
    Ok(page)
}

/// What cursors of histories are marked with.
pub const HISTORY: &str = "history";

/// What cursors of limits are marked with.
pub const LIMITS: &str = "spending-limits";

/// What cursors of controls are marked with.
pub const CONTROLS: &str = "spending-controls";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::LimitId;
    use crate::wire::v1::query::tests::pairs;

    fn limits(query: &[(&str, &str)]) -> Read<PolicyList<LimitId>> {
        PolicyList::parse(LIMITS, &pairs(query))
    }

    #[test]
    fn whom_limits_bind_is_a_kind_or_one_of_it() {
        assert_eq!(limits(&[]).map(|list| list.bound), Ok(None));
        let kind = limits(&[("scope", "card")]).map(|list| list.bound);
        assert_eq!(kind, Ok(Some(BoundRef::Kind("card"))));
        let one = limits(&[("scope", "user"), ("scope_id", "wren")]).map(|list| list.bound);
        assert_eq!(one, Ok(Some(BoundRef::One(ScopeRef::User("wren".parse().unwrap())))));
        for (query, code) in [
            (&[("scope", "team")][..], "invalid_parameter"),
            (&[("scope_id", "wren")], "invalid_parameter"),
            (&[("scope", "program"), ("scope_id", "p")], "invalid_parameter"),
            (&[("scope", "company"), ("scope_id", "wren")], "invalid_id"),
            (&[("company", "wren")], "invalid_id"),
        ] {
            assert_eq!(limits(query).unwrap_err().code, code, "{query:?}");
        }
    }

    #[test]
    fn filters_are_of_their_own_list() {
        assert!(UserList::parse(&pairs(&[("status", "LIMITED"), ("marqeta_token", "t")])).is_ok());
        let faults = [
            UserList::parse(&pairs(&[("card", "c")])).err(),
            UserList::parse_personal(&pairs(&[("company", "x")])).err(),
            UserList::parse(&pairs(&[("status", "active")])).err(),
            CardList::parse(&pairs(&[("wallet", "x")])).err(),
            CompanyList::parse(&pairs(&[("company", "x")])).err(),
            AuthorizationList::parse(&pairs(&[("decision", "maybe")])).err(),
            WalletList::parse(&pairs(&[("status", "ACTIVE")])).err(),
        ];
        for fault in faults {
            assert_eq!(fault.map(|fault| fault.code), Some("invalid_parameter"));
        }
        let to = AuthorizationList::parse(&pairs(&[("to", "yesterday")]));
        assert_eq!(to.unwrap_err().code, "invalid_timestamp");
    }
}
