//! What the role of a service may do where the tables are another's: read, add, change what changes, and
//! take away what is done with. What was decided, posted and written down is never taken away, and the
//! schema is its owner's.

use std::fmt::Write;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::error::{translate, unreadable};
use super::unfit::{Unfit, failed};
use crate::store::StoreError;

const MISSING: &str = include_str!("sql/rights_missing.sql");
const QUOTED: &str = include_str!("sql/names_quote.sql");
const FREE: &str = include_str!("sql/role_free.sql");
const MAY_CREATE: &str = include_str!("sql/creation_allowed.sql");
const MAY_SUM: &str = include_str!("sql/temporary_allowed.sql");

/// One instance at a time gives rights: PostgreSQL does not let two change those of a table at once.
const LOCK: i64 = 7_340_032;

const READ: &[&str] = &["select"];
const ADD: &[&str] = &["select", "insert"];
const WORK_OFF: &[&str] = &["select", "insert", "delete"];

/// What statements call that is not PostgreSQL's own.
const FUNCTION: &str = "token_text(bytea)";

/// Of every table and view: what may be done with its rows, and the columns that may be changed. Where a
/// release needs a right no longer it goes in the release after: the one before still runs beside it. One
/// that is added comes with a migration, so that the release before refuses to take it again.
const RIGHTS: &[(&str, &[&str], &[&str])] = &[
    ("_sqlx_migrations", READ, &[]),
    ("accounts", ADD, &["limit_minor", "funded", "held", "posted", "version"]),
    ("api_keys", ADD, &["revoked_at", "last_used_at"]),
    ("audit_head", READ, &["number", "hash"]),
    ("audit_log", ADD, &[]),
    // An approval is taken back, a repeat marked, a token judged anew, and an old explanation thinned. Triggers
    // refuse what they can tell from that.
    ("authorizations", ADD, &["fingerprint", "reason", "code", "balances", "repeated", "details"]),
    (
        "cards",
        ADD,
        &[
            "marqeta_token",
            "last_four",
            "product",
            "expires",
            "status",
            "version",
            "status_set_at",
            "status_set_by",
        ],
    ),
    ("companies", ADD, &["marqeta_token", "name", "status", "zone", "version", "status_set_at"]),
    ("counters", WORK_OFF, &["window_start", "amount", "count"]),
    ("daily_runs", ADD, &["day", "runner", "claimed_until", "is_done", "done_at"]),
    ("dead_letter_acts", ADD, &[]),
    ("dead_letters", ADD, &["state", "fingerprint"]),
    ("events", READ, &[]),
    ("explanations_thinned", READ, &["up_to"]),
    (
        "holds",
        ADD,
        &[
            "amount",
            "state",
            "postings",
            "opened_at",
            "expires_at",
            "last_use_at",
            "merged_into",
            "details",
        ],
    ),
    ("inbox", WORK_OFF, &["attempts", "at"]),
    ("intents", ADD, &[]),
    ("links", ADD, &["chain_id"]),
    ("merchants", ADD, &[]),
    ("outbox", WORK_OFF, &[]),
    ("outbox_leases", READ, &["body"]),
    ("policy_versions", ADD, &["version"]),
    ("postings", ADD, &[]),
    ("spending_controls", WORK_OFF, &["body"]),
    ("spending_limits", WORK_OFF, &["version", "body"]),
    ("transactions", ADD, &[]),
    (
        "users",
        ADD,
        &[
            "marqeta_token",
            "first_name",
            "last_name",
            "email",
            "role",
            "status",
            "version",
            "status_set_at",
            "status_set_by",
        ],
    ),
    ("webhook_events", WORK_OFF, &["leased_until", "attempts", "next_at", "status", "reason"]),
];

/// Gives the role these rights and takes all others from it, and from everyone (whose rights it has, too), at
/// once or not at all. Asked for by the owner of the tables; a role that is the owner itself has all rights as
/// ever.
pub(super) async fn grant(owner: &mut PgConnection, role: &str) -> Result<(), StoreError> {
    let asked = sqlx::query_as(QUOTED).bind(role);
    let (quoted, schema, is_own): (String, String, bool) =
        asked.fetch_one(&mut *owner).await.map_err(translate)?;
    if is_own {
        return Ok(());
    }
    let asked = sqlx::query_scalar(FREE).bind(role).bind(tables());
    if asked.fetch_one(&mut *owner).await.map_err(translate)? {
        return Err(failed(Unfit::TooFree(role.to_owned())));
    }
    let granting = AssertSqlSafe(grants(&quoted, &schema).map_err(unreadable)?);
    let mut whole = owner.begin().await.map_err(translate)?;
    sqlx::raw_sql(granting).execute(&mut *whole).await.map_err(translate)?;
    let asked = sqlx::query_scalar(MAY_CREATE).bind(role);
    if asked.fetch_one(&mut *whole).await.map_err(translate)? {
        whole.rollback().await.map_err(translate)?;
        return Err(failed(Unfit::Open { role: role.to_owned(), schema }));
    }
    whole.commit().await.map_err(translate)
}

fn tables() -> Vec<&'static str> {
    RIGHTS.iter().map(|(table, _, _)| *table).collect()
}

/// The statements, which belong into one transaction.
fn grants(role: &str, schema: &str) -> Result<String, std::fmt::Error> {
    let mut sql = format!(
        "select pg_advisory_xact_lock({LOCK});
        revoke create on schema {schema} from public, {role};
        grant usage on schema {schema} to {role};
        revoke all on {} from public, {role};
        grant execute on function {FUNCTION} to {role};\n",
        tables().join(", ")
    );
    for (table, verbs, columns) in RIGHTS {
        write!(sql, "grant {}", verbs.join(", "))?;
        if !columns.is_empty() {
            write!(sql, ", update ({})", columns.join(", "))?;
        }
        writeln!(sql, " on {table} to {role};")?;
    }
    Ok(sql)
}

/// Whether the role that asks has all that a service needs.
pub(super) async fn check(connection: &mut PgConnection, role: &str) -> Result<(), StoreError> {
    let (mut relations, mut verbs, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
    for (table, whole, columns) in RIGHTS {
        let whole = whole.iter().map(|verb| (*verb, None));
        let single = columns.iter().map(|column| ("update", Some(*column)));
        for (verb, attribute) in whole.chain(single) {
            relations.push(*table);
            verbs.push(verb);
            attributes.push(attribute);
        }
    }
    let asked = sqlx::query_as(MISSING).bind(relations).bind(verbs).bind(attributes).bind(FUNCTION);
    let missing: Vec<(String, String)> =
        asked.fetch_all(&mut *connection).await.map_err(translate)?;
    if let Some((verb, object)) = missing.into_iter().next() {
        return Err(failed(Unfit::Lacking { role: role.to_owned(), verb, object }));
    }
    // The database need not belong to the owner of the tables, who then can not give this.
    if sqlx::query_scalar(MAY_SUM).fetch_one(connection).await.map_err(translate)? {
        Ok(())
    } else {
        Err(failed(Unfit::NoTemporary(role.to_owned())))
    }
}
