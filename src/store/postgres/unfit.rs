//! Why a server can not be used.

use crate::store::StoreError;

/// Why this server can not be used, in one line that holds no secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("PostgreSQL refuses the user or the password")]
    Refused,
    #[error("PostgreSQL refuses the user or the password of store.postgres.migrate_url")]
    OwnerRefused,
    #[error("PostgreSQL has no such database")]
    NoDatabase,
    #[error("PostgreSQL is older than version 14 (it says {0})")]
    Old(i32),
    #[error("the database's encoding is {0}, not UTF8")]
    Encoding(String),
    #[error("the default isolation of transactions is {0}, not read committed")]
    Isolation(String),
    #[error(
        "{0} is off: an acknowledged approval could be lost (store.postgres.allow_unsafe_commit)"
    )]
    Unsafe(&'static str),
    #[error("the database's schema is newer than this release")]
    Newer,
    #[error("migration {0} of the database is not the one of this release")]
    Changed(i64),
    #[error(
        "migration {version} is missing, and role {role} may not change the schema: run `tollgate \
         migrate` with the owner's URL in store.postgres.migrate_url"
    )]
    Behind {
        /// The first one that is missing.
        version: i64,
        /// Who has asked.
        role: String,
    },
    #[error(
        "role {role} may not {verb} {object}: run `tollgate migrate` with the owner's URL in \
         store.postgres.migrate_url"
    )]
    Lacking {
        /// Who has asked.
        role: String,
        /// The first right that is missing.
        verb: String,
        /// To this table or function.
        object: String,
    },
    #[error(
        "role {0} may not make temporary tables, which sums need: the owner of the database grants \
         temporary on it"
    )]
    NoTemporary(String),
    #[error(
        "role {0} of store.postgres.url may change the schema, as a superuser, a maker of roles, an \
         owner or one of theirs: give the service a role of its own"
    )]
    TooFree(String),
    #[error(
        "role {role} of store.postgres.url may make tables in schema {schema}, by itself or as \
         PUBLIC, and the role of store.postgres.migrate_url can not take that: the one to whom the \
         schema belongs gives it to that role, or revokes create on it"
    )]
    Open {
        /// The service's.
        role: String,
        /// Where the tables are.
        schema: String,
    },
}

pub(super) fn failed(unfit: Unfit) -> StoreError {
    StoreError::Failed(Box::new(unfit))
}
