//! Every statement is prepared against the migrated schema, as the adapter would send it.

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::{AssertSqlSafe, Executor, SqlSafeStr};

use super::postgres_database::Database;

pub fn statements() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres/sql");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[tokio::test]
#[ignore = "needs servers: scripts/test"]
async fn every_statement_is_prepared_against_the_migrated_schema() {
    let database = Database::migrated().await;
    let mut connection = database.connect().await;
    let statements = statements();
    assert!(statements.len() > 45, "{}", statements.len());
    connection.execute("begin").await.unwrap(); // the tables of a snapshot go with it
    let (creates, others): (Vec<_>, Vec<_>) =
        statements.into_iter().partition(|(name, _)| name.ends_with("_create.sql"));
    for (name, sql) in creates {
        let created = connection.execute(AssertSqlSafe(sql)).await;
        created.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for (name, sql) in others {
        let prepared = (&mut connection).prepare(AssertSqlSafe(sql).into_sql_str()).await;
        prepared.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn statements_are_lower_case_name_their_columns_and_are_used() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/postgres");
    let sources: String = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    for (name, sql) in statements() {
        let code = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
        let code: String = code.collect::<Vec<_>>().join("\n");
        assert_eq!(code, code.to_lowercase(), "{name} is not lower case");
        let columns = code.replace("* 1000000", "");
        assert!(!columns.contains('*'), "{name} does not name its columns");
        assert!(sources.contains(&format!("sql/{name}")), "{name} is not used");
    }
}
