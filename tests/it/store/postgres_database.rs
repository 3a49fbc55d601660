//! A database of a test's own on the PostgreSQL server, copied from one that was migrated before. Its tables
//! are the owner's, and stores work in it as a role that may do no more than a service has to.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tollgate::store::Prepare;
use tollgate::store::postgres::{PostgresOptions, PostgresStore};

use crate::support::servers;

/// Dropped with everything that is connected to it.
pub struct Database {
    /// As the owner.
    pub url: String,
    /// As a service.
    service_url: String,
    name: String,
    migrated: bool,
}

/// The server's URL in this variable with another database.
fn url_of(variable: &str, database: &str) -> String {
    let url = servers::url(variable);
    let (server, _) = url.rsplit_once('/').expect("a URL that names a database");
    format!("{server}/{database}")
}

pub async fn connect(url: &str) -> PgConnection {
    PgConnectOptions::from_str(url).unwrap().connect().await.unwrap()
}

pub async fn run(connection: &mut PgConnection, sql: impl Into<String>) {
    let sql = sql.into();
    sqlx::raw_sql(AssertSqlSafe(sql.clone()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Names the schema of this checkout, and who may do what in it.
fn template() -> String {
    let mut hasher = DefaultHasher::new();
    for migration in sqlx::migrate!("migrations/postgres").iter() {
        migration.checksum.hash(&mut hasher);
    }
    include_str!("../../../src/store/postgres/rights.rs").hash(&mut hasher);
    format!("tollgate_template_{:016x}", hasher.finish())
}

impl Database {
    /// One without anything in it.
    pub async fn empty() -> Self {
        Self::from("template0", false).await
    }

    /// One with the schema. The first test that asks makes the template.
    pub async fn migrated() -> Self {
        let template = template();
        let mut server = connect(&servers::url("DATABASE_URL")).await;
        run(&mut server, "select pg_advisory_lock(7340031)").await;
        let there = sqlx::query("select 1 from pg_database where datname = $1").bind(&template);
        if there.fetch_optional(&mut server).await.unwrap().is_none() {
            let made = Self::empty().await;
            prepared(made.split_options()).await.close().await;
            run(&mut server, format!("alter database {} rename to {template}", made.name)).await;
            std::mem::forget(made); // it stays, under another name
        }
        run(&mut server, "select pg_advisory_unlock(7340031)").await;
        server.close().await.unwrap();
        Self::from(&template, true).await
    }

    async fn from(template: &str, migrated: bool) -> Self {
        let name = servers::unique();
        let mut server = connect(&servers::url("DATABASE_URL")).await;
        run(&mut server, format!("create database {name} template {template}")).await;
        server.close().await.unwrap();
        let (url, service_url) = (url_of("DATABASE_URL", &name), url_of("DATABASE_APP_URL", &name));
        Self { url, service_url, name, migrated }
    }

    /// As a service, which finds its schema made.
    pub fn service_url(&self) -> &str {
        &self.service_url
    }

    /// As a service; where there is no schema yet, as the owner.
    pub fn options(&self) -> PostgresOptions {
        let url = if self.migrated { &self.service_url } else { &self.url };
        PostgresOptions::new(url).unwrap()
    }

    /// As a service, with a schema that the owner makes.
    pub fn split_options(&self) -> PostgresOptions {
        PostgresOptions::new(&self.service_url).unwrap().made_by(&self.url).unwrap()
    }

    pub async fn connect(&self) -> PgConnection {
        connect(&self.url).await
    }
}

/// A prepared store.
pub async fn prepared(options: PostgresOptions) -> Arc<PostgresStore> {
    let store = PostgresStore::new(options);
    store.prepare().await.unwrap();
    store
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("drop database if exists {} with (force)", self.name);
        let url = servers::url("DATABASE_URL");
        // Asynchronous work on a thread of its own: the test's runtime may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async { run(&mut connect(&url).await, drop).await });
        });
        let _ = dropped.join(); // a database that stays is no reason to fail
    }
}
