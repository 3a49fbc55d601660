//! What each route needs: the one table. The access layer reads it and refuses what is not in it, the
//! OpenAPI document takes its `security` from it, and tests compare it with the router. Whoever adds a
//! route adds a row.

use std::collections::HashMap;
use std::sync::LazyLock;

use http::Method;

use crate::domain::access::{Scope, Scopes};

/// One route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// `GET` (which answers `HEAD` as well), `POST`, `PATCH`, `DELETE`.
    pub method: &'static str,
    /// The path as the router matches it.
    pub path: &'static str,
    /// Who may call it.
    pub need: Need,
    /// Whether each call that succeeds is written to the audit log.
    pub audited: bool,
}

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Everyone, without a key.
    Open,
    /// The card platform, with Basic credentials of its own.
    Platform,
    /// Callers with one of these scopes.
    AnyOf {
        /// The scopes.
        scopes: Scopes,
        /// Callers that are bound to a company are refused all the same: what the route is about is
        /// no company's.
        program_only: bool,
    },
}

const ADMIN: Scopes = Scopes::of(&[Scope::Admin]);
const OPERATE: Scopes = Scopes::of(&[Scope::Operator]);
/// What happens to everybody, as it happens.
const FOLLOW: Scopes = Scopes::of(&[Scope::Admin, Scope::Operator]);
const MANAGE: Scopes = Scopes::of(&[Scope::Admin, Scope::Simulate]);
const PROCESS: Scopes = Scopes::of(&[Scope::Processor, Scope::Admin, Scope::Simulate]);
const READ: Scopes = Scopes::of(&[Scope::Read, Scope::Admin, Scope::Operator, Scope::Simulate]);
/// What a processor has reported, it may read.
const REPORTED: Scopes =
    Scopes::of(&[Scope::Read, Scope::Admin, Scope::Operator, Scope::Simulate, Scope::Processor]);

/// The rows, by path.
pub const ROWS: &[Row] = &[
    open("/live"),
    open("/health"),
    open("/ready"),
    open("/openapi.json"),
    open("/docs"),
    open("/docs/style.css"),
    open("/docs/errors"),
    open("/docs/errors/{code}"),
    open("/console"),
    open("/console/style.css"),
    open("/console/{script}"),
    platform("/api/v1/marqeta/jit"),
    platform("/api/v1/marqeta/webhooks"),
    get("/api/v1/companies", READ),
    manage("POST", "/api/v1/companies").program_only(),
    get("/api/v1/companies/{id}", READ),
    manage("PATCH", "/api/v1/companies/{id}"),
    get("/api/v1/users", READ),
    manage("POST", "/api/v1/users"),
    get("/api/v1/users/{id}", READ),
    manage("PATCH", "/api/v1/users/{id}"),
    get("/api/v1/cards", READ),
    manage("POST", "/api/v1/cards"),
    get("/api/v1/cards/{id}", READ),
    manage("PATCH", "/api/v1/cards/{id}"),
    get("/api/v1/accounts", READ),
    get("/api/v1/accounts/{id}", READ),
    get("/api/v1/accounts/{id}/history", READ),
    // The credit that the program grants: no company grants it to itself.
    manage("PATCH", "/api/v1/accounts/{id}").program_only(),
    process("/api/v1/accounts/{id}/fund").audited(),
    get("/api/v1/spending-limits", READ),
    manage("POST", "/api/v1/spending-limits"),
    get("/api/v1/spending-limits/{id}", READ),
    manage("PATCH", "/api/v1/spending-limits/{id}"),
    manage("DELETE", "/api/v1/spending-limits/{id}"),
    get("/api/v1/spending-controls", READ),
    manage("POST", "/api/v1/spending-controls"),
    get("/api/v1/spending-controls/{id}", READ),
    manage("PATCH", "/api/v1/spending-controls/{id}"),
    manage("DELETE", "/api/v1/spending-controls/{id}"),
    get("/api/v1/personal/users", READ).program_only(),
    manage("POST", "/api/v1/personal/users").program_only(),
    get("/api/v1/personal/users/{id}", READ).program_only(),
    manage("PATCH", "/api/v1/personal/users/{id}").program_only(),
    administer("/api/v1/personal/users/{id}/erase").program_only(),
    get("/api/v1/personal/users/{id}/kyc", READ).program_only(),
    get("/api/v1/personal/kyc", READ).program_only(),
    manage("POST", "/api/v1/personal/kyc").program_only(),
    get("/api/v1/personal/kyc/{id}", READ).program_only(),
    manage("POST", "/api/v1/personal/kyc/{id}/approve").program_only(),
    manage("POST", "/api/v1/personal/kyc/{id}/reject").program_only(),
    get("/api/v1/personal/wallets", READ).program_only(),
    manage("POST", "/api/v1/personal/wallets").program_only(),
    get("/api/v1/personal/wallets/{id}", READ).program_only(),
    manage("PATCH", "/api/v1/personal/wallets/{id}").program_only(),
    process("/api/v1/personal/wallets/{id}/fund").audited().program_only(),
    get("/api/v1/personal/wallets/{id}/history", READ).program_only(),
    get("/api/v1/personal/cards", READ).program_only(),
    manage("POST", "/api/v1/personal/cards").program_only(),
    get("/api/v1/personal/cards/{id}", READ).program_only(),
    manage("PATCH", "/api/v1/personal/cards/{id}").program_only(),
    get("/api/v1/authorizations", REPORTED),
    process("/api/v1/authorizations"),
    get("/api/v1/authorizations/{id}", REPORTED),
    process("/api/v1/authorizations/{id}/increment"),
    process("/api/v1/authorizations/{id}/reverse"),
    process("/api/v1/authorizations/{id}/advise"),
    process("/api/v1/authorizations/{id}/clear"),
    process("/api/v1/authorizations/{id}/refund"),
    process("/api/v1/authorizations/{id}/expire"),
    process("/api/v1/postings"),
    process("/api/v1/transactions"),
    get("/api/v1/transactions", REPORTED),
    get("/api/v1/transactions/{id}", REPORTED),
    operate("POST", "/api/v1/transactions/{id}/retry"),
    manage("POST", "/api/v1/imports").program_only(),
    get("/api/v1/events", FOLLOW),
    get("/api/v1/profile", OPERATE).program_only(),
    get("/api/v1/dead-letters", OPERATE).program_only(),
    operate("POST", "/api/v1/dead-letters/redrive"),
    get("/api/v1/dead-letters/{id}", OPERATE).program_only(),
    operate("POST", "/api/v1/dead-letters/{id}/redrive"),
    operate("POST", "/api/v1/dead-letters/{id}/discard"),
    get("/api/v1/webhook-events", OPERATE).program_only(),
    get("/api/v1/webhook-events/{id}", OPERATE).program_only(),
    operate("POST", "/api/v1/webhook-events/{id}/retry"),
    administer("/api/v1/api-keys"),
    get("/api/v1/api-keys", ADMIN),
    get("/api/v1/api-keys/{id}", ADMIN),
    administer("/api/v1/api-keys/{id}/revoke"),
    get("/api/v1/audit", ADMIN).program_only(),
];

/// The row of a request; `None`: nobody may call this.
pub fn row(method: &Method, path: &str) -> Option<&'static Row> {
    static BY_ROUTE: LazyLock<HashMap<(&str, &str), &Row>> =
        LazyLock::new(|| ROWS.iter().map(|row| ((row.path, row.method), row)).collect());
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    BY_ROUTE.get(&(path, method)).copied()
}

const fn open(path: &'static str) -> Row {
    Row { method: "GET", path, need: Need::Open, audited: false }
}

const fn platform(path: &'static str) -> Row {
    Row { method: "POST", path, need: Need::Platform, audited: false }
}

const fn get(path: &'static str, scopes: Scopes) -> Row {
    Row { method: "GET", path, need: Need::AnyOf { scopes, program_only: false }, audited: false }
}

/// Purchases and postings: money's own record says what was done.
const fn process(path: &'static str) -> Row {
    Row { method: "POST", ..get(path, PROCESS) }
}

const fn manage(method: &'static str, path: &'static str) -> Row {
    Row { method, audited: true, ..get(path, MANAGE) }
}

/// Who issues keys decides on everything else.
const fn administer(path: &'static str) -> Row {
    Row { method: "POST", audited: true, ..get(path, ADMIN) }
}

/// What is operated is the whole program's.
const fn operate(method: &'static str, path: &'static str) -> Row {
    Row { method, audited: true, ..get(path, OPERATE).program_only() }
}

impl Row {
    const fn audited(self) -> Self {
        Self { audited: true, ..self }
    }

    const fn program_only(self) -> Self {
        let need = match self.need {
            Need::AnyOf { scopes, .. } => Need::AnyOf { scopes, program_only: true },
            other => other,
        };
        Self { need, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_request_finds_its_row_and_nothing_else_does() {
        assert_eq!(row(&Method::HEAD, "/live").map(|row| row.need), Some(Need::Open));
        assert!(row(&Method::DELETE, "/live").is_none());
        assert!(row(&Method::GET, "/api/v1/cards/crd_1").is_none(), "paths are those matched");
        let distinct: BTreeSet<_> = ROWS.iter().map(|row| (row.method, row.path)).collect();
        assert_eq!(distinct.len(), ROWS.len(), "a route has one row");
    }

    #[test]
    fn what_changes_something_needs_more_than_reading() {
        for row in ROWS {
            let Need::AnyOf { scopes, .. } = row.need else { continue };
            let reads = scopes.any_of(Scopes::of(&[Scope::Read]));
            assert!(!scopes.is_empty(), "{row:?} can be called by nobody");
            assert!(row.method == "GET" || !reads, "{row:?}");
            assert!(row.method != "GET" || !row.audited, "{row:?}");
        }
    }

    /// Methods are compared with the router over HTTP, by the test of the access matrix.
    #[test]
    fn every_path_of_the_handlers_has_a_row() {
        let known: BTreeSet<&str> = ROWS.iter().map(|row| row.path).collect();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ingress/http");
        let found = paths_in(&folder);
        assert!(found.len() > 20, "the search misses most: {found:?}");
        let missing: Vec<_> = found.iter().filter(|path| !known.contains(path.as_str())).collect();
        assert!(missing.is_empty(), "no row for {missing:?}");
    }

    /// Every literal that is a path of ours, but those in tests and those still to be put together.
    fn paths_in(folder: &Path) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(paths_in(&path));
            } else if path.file_name().is_some_and(|name| name != "tests.rs" && name != "scopes.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
                let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    let literals = line.split('"').skip(1).step_by(2);
                    let ours =
                        literals.filter(|text| text.starts_with("/api/") && !text.contains("{{"));
                    found.extend(ours.map(str::to_owned));
                }
            }
        }
        found
    }
}
