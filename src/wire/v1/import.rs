//! Bulk load: one object a line, named by what it is, and a report.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::card::{CreatePersonalCard, NewCard};
use super::field::{Field, Invalid, Read};
use super::limit::{CreateLimit, NewLimit};
use super::read;
use super::user::{CreatePersonalUser, CreateUser, NewUser};

/// A line: `{"user": …}`, `{"card": …}` or `{"limit": …}`, each as its own route takes it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ImportLine {
    /// `marqeta_token` has to be there.
    #[schema(value_type = Option<ImportUser>)]
    user: Field,
    /// A card, of whichever kind its user is. `marqeta_token` has to be there.
    #[schema(value_type = Option<CreatePersonalCard>)]
    card: Field,
    #[schema(value_type = Option<CreateLimit>)]
    limit: Field,
}

/// A user of the company that it names, or else a person on their own.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum ImportUser {
    /// Of a company.
    Business(CreateUser),
    /// On their own.
    Personal(CreatePersonalUser),
}

/// A line of the answer: what is wrong with one line, or, as the last, what it has all come to.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum ImportReport {
    /// A line that was not loaded.
    Fault(LineFault),
    /// The last line.
    Summary(ImportSummary),
}

/// What the schema of [`ImportLine`] says of several fields at once.
pub const CONDITIONS: &str = r##"[
    {"oneOf":[
        {"properties":{"user":{"type":"object","required":["marqeta_token"]},"card":{"type":"null"},"limit":{"type":"null"}},"required":["user"]},
        {"properties":{"card":{"type":"object","required":["marqeta_token"]},"user":{"type":"null"},"limit":{"type":"null"}},"required":["card"]},
        {"properties":{"limit":{"type":"object"},"user":{"type":"null"},"card":{"type":"null"}},"required":["limit"]}
    ]}
]"##;

/// What a line asks for.
pub enum Import {
    /// A user: of the company that is named, or a person on their own.
    User(NewUser),
    /// A card, of whichever kind its user is.
    Card(NewCard),
    /// A limit.
    Limit(Box<NewLimit>),
}

impl ImportLine {
    /// Reads the only object of the line. Users and cards are known again by the platform's token.
    pub fn parse(&self) -> Read<Import> {
        let user = self.user.optional("user", |raw| {
            let business: CreateUser = read::object(raw)?;
            let user = if business.names_company() {
                business.parse()?
            } else {
                read::object::<CreatePersonalUser>(raw)?.parse()?
            };
            named(user.marqeta_token.is_some())?;
            Ok(Import::User(user))
        })?;
        let card = self.card.optional("card", |raw| {
            let card = read::object::<CreatePersonalCard>(raw)?.parse()?;
            named(card.marqeta_token.is_some())?;
            Ok(Import::Card(card))
        })?;
        let limit = self.limit.optional("limit", |raw| {
            let limit = read::object::<CreateLimit>(raw)?.parse()?;
            Ok(Import::Limit(Box::new(limit)))
        })?;
        match (user, card, limit) {
            (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => Ok(one),
            _ => {
                const DETAIL: &str =
                    "a line is one object with exactly one of user, card and limit";
                Err(Invalid::new("invalid_line", DETAIL))
            }
        }
    }
}

fn named(by_token: bool) -> Read<()> {
    const DETAIL: &str = "what is loaded in bulk is known again by its marqeta_token";
    let fault = || Invalid::new("missing_field", DETAIL).under("marqeta_token");
    if by_token { Ok(()) } else { Err(fault()) }
}

/// A line that was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LineFault {
    /// The number of the line, from 1.
    pub line: u64,
    /// A stable code.
    pub code: &'static str,
    /// What is wrong with it.
    pub detail: String,
    /// The field, where it is one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pointer: String,
}

/// How many of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ImportKinds)]
pub struct Kinds {
    /// Users.
    pub users: u64,
    /// Cards.
    pub cards: u64,
    /// Limits.
    pub limits: u64,
}

/// What a load has come to: the last line of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ImportSummary {
    /// Whether all lines were looked at. If not, the same lines may be sent again, from
    /// `next_line` on or from the beginning.
    pub complete: bool,
    /// Lines that were looked at.
    pub lines: u64,
    /// What there was not before.
    pub created: Kinds,
    /// What there was already, and is as it was.
    pub existing: Kinds,
    /// Lines that were not loaded. Only the first of them are told of.
    pub faulty: u64,
    /// The first line that was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_line: Option<u64>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(json: &str) -> Result<&'static str, (&'static str, String)> {
        let line: ImportLine = serde_json::from_str(json).unwrap();
        match line.parse() {
            Ok(Import::User(user)) if user.company.is_some() => Ok("employee"),
            Ok(Import::User(_)) => Ok("person"),
            Ok(Import::Card(_)) => Ok("card"),
            Ok(Import::Limit(_)) => Ok("limit"),
            Err(fault) => Err((fault.code, fault.pointer)),
        }
    }

    #[test]
    fn a_line_is_one_object_and_says_whose_it_is() {
        let company = "cmp_01901234567878ab8def0123456789ab";
        let employee = format!(r#"{{"user":{{"company_id":"{company}","marqeta_token":"u"}}}}"#);
        assert_eq!(line(&employee), Ok("employee"));
        assert_eq!(line(r#"{"user":{"marqeta_token":"u"}}"#), Ok("person"));
        assert_eq!(line(r#"{"card":{"user_id":"u","marqeta_token":"c"}}"#), Ok("card"));
        let limit = r#"{"limit":{"scope":"program","window":"day","count":1}}"#;
        assert_eq!(line(limit), Ok("limit"));
        for (json, code, pointer) in [
            ("{}", "invalid_line", ""),
            (
                r#"{"user":{"marqeta_token":"u"},"card":{"user_id":"u","marqeta_token":"c"}}"#,
                "invalid_line",
                "",
            ),
            (r#"{"card":{"user_id":"u"}}"#, "missing_field", "/card/marqeta_token"),
            (r#"{"card":{"marqeta_token":"c"}}"#, "missing_field", "/card/user_id"),
            (r#"{"card":[]}"#, "invalid_type", "/card"),
            (r#"{"user":{"marqeta_token":"u","rank":"x"}}"#, "unknown_field", "/user"),
        ] {
            assert_eq!(line(json), Err((code, pointer.to_owned())), "{json}");
        }
    }
}
