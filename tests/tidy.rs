//! Keeps the rooms apart: each row says what a room may import, and every file is held to its row. Nor
//! does any compare a code of authentication in a way whose time tells of it, or make a query of what a
//! client sends.
//!
//! Reads the sources as text (comments, strings and test modules left out, where they are not what is looked
//! for), so it needs no build of the crate and fails with a file name and a sentence.

#[path = "tidy/check.rs"]
mod check;
#[path = "tidy/codes.rs"]
mod codes;
#[path = "tidy/paths.rs"]
mod paths;
#[path = "tidy/queries.rs"]
mod queries;
#[path = "tidy/rooms.rs"]
mod rooms;

use std::path::{Path, PathBuf};

use check::complaints;

#[test]
fn every_file_keeps_to_the_row_of_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    assert!(files.len() > 20, "only {} files found under {}", files.len(), root.display());
    let mut found = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let mut complained = complaints(&name, &text);
        if !name.ends_with("tests.rs") {
            complained.extend(codes::complaints(&text));
            complained.extend(queries::complaints(&name, &text));
        }
        found.extend(complained.into_iter().map(|text| format!("src/{name}: {text}")));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn every_folder_of_the_sources_has_a_row() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let name = entry.file_name().into_string().unwrap();
            assert!(rooms::row(&name).is_some(), "src/{name} has no row in tests/tidy/rooms.rs");
        }
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the sources can be listed");
    let mut entries: Vec<_> =
        entries.map(|entry| entry.expect("the sources can be listed").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The checks themselves can fail: each snippet is one offence, and its cure.
#[test]
fn each_offence_is_found_and_its_cure_is_not() {
    let cases = [
        ("decision/x.rs", "use crate::store::FactsStore;", "use crate::domain::facts::Facts;"),
        ("pipeline/x.rs", "use crate::{domain::id, ingress::http};", "use crate::{domain::id};"),
        ("ledger/x.rs", "fn f() { crate::telemetry::f() }", "fn f() { crate::decision::f() }"),
        (
            "wire/v1/x.rs",
            "use super::super::super::store::Page;",
            "use super::super::marqeta::Page;",
        ),
        ("pipeline/x.rs", "use sqlx::SqliteConnection;", "use tokio::sync::mpsc;"),
        ("service/x.rs", "fn f() { axum::serve(l, r); }", "fn f() { tokio::spawn(r); }"),
        ("telemetry/x.rs", "use ::config::Config;", "use crate::config::log::Log;"),
        ("commands/x.rs", "use crate::pipeline::Pipeline;", "use crate::service::verify::verify;"),
        ("commands/x.rs", "use crate::store::sqlite::Sqlite;", "use crate::store::Audit;"),
        ("store/cached.rs", "use super::sqlite::Sqlite;", "use super::FactsStore;"),
        ("service/x.rs", "use crate::cache::memory::M;", "use crate::cache::FactsCache;"),
        ("store/routed.rs", "use sqlx::Row;", "use tracing::warn;"),
        ("domain/x.rs", "use std::time::{Duration, Instant};", "use std::time::Duration;"),
        ("wire/x.rs", "use std::{fmt, fs};", "use std::{fmt, str};"),
        ("ledger/x.rs", "fn f() { std::env::var(\"X\"); }", "fn f() { std::mem::take(x); }"),
        ("decision/x.rs", "async fn f() {}", "fn f() {}"),
        ("domain/x.rs", "use rand::random;", "use sha2::Sha256;"),
        ("service/x.rs", "pub use crate::domain::id::CardId;", "pub use cards::CardService;"),
        ("service/x.rs", "fn f() -> anyhow::Result<()> {}", "fn f() -> Result<(), Error> {}"),
        ("ingress/http/x.rs", "use crate::store::History;", "use crate::service::Service;"),
        ("attic/x.rs", "use crate::domain::id;", ""),
    ];
    for (file, bad, good) in cases {
        let text = |code: &str| format!("//! A sentence.\n{code}\n");
        assert_eq!(complaints(file, &text(bad)).len(), 1, "{file}: {bad}");
        if !good.is_empty() {
            assert_eq!(complaints(file, &text(good)), Vec::<String>::new(), "{file}: {good}");
        }
    }
}

#[test]
fn a_code_of_authentication_that_is_compared_with_equality_is_found() {
    for bad in [
        "fn f() -> bool { mac == sent }",
        "fn f() -> bool { sent[..] != self.mac.finalize().into_bytes()[..] }",
        "fn f() { if is_set && sent_signature == &given[..] {} }",
        "fn f() -> bool { given == secret.expose_secret().as_bytes() }",
        "use subtle::Choice; fn f() -> bool { Sha256::digest(a)[..] == b[..] }",
    ] {
        assert_eq!(codes::complaints(bad).len(), 1, "{bad}");
    }
    for good in [
        "use subtle::Choice; fn f() -> Choice { digest(a).ct_eq(&b[..]) }",
        "fn f() -> bool { mac.verify_slice(signature).is_ok() }",
        "fn f() -> bool { signature.len() == 32 && a >= b }",
        "fn f() -> bool { length_of(signature) == 32 }",
        "fn f() -> bool { digest != checksum(text) }",
        "// mac == sent\n#[cfg(test)] fn f() -> bool { mac == sent }",
    ] {
        assert_eq!(codes::complaints(good), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn a_query_that_is_made_of_something_is_found() {
    for (file, bad, good) in [
        (
            "store/postgres/x.rs",
            "sqlx::query(sqlx::AssertSqlSafe(format!(\"select {name}\")))",
            "sqlx::query(SELECT).bind(name)",
        ),
        ("broker/embedded/x.rs", "QueryBuilder::new(sql)", "sqlx::query_as(NEXT)"),
        ("store/sqlite/x.rs", "sqlx::query(sql.leak())", "sqlx::raw_sql(\"begin immediate\")"),
        ("store/mongodb/x.rs", "doc! { \"$where\": script }", "doc! { \"_id\": script }"),
        (
            "store/mongodb/x.rs",
            "doc! { \"$max\": format!(\n    \"${name}\"\n) }",
            "doc! { \"$max\": \"$amount\" }",
        ),
        (
            "store/mongodb/x.rs",
            "doc! { \"name\": { \"$regex\": name } }",
            "doc! { \"name\": { \"$gte\": name } }",
        ),
    ] {
        assert_eq!(queries::complaints(file, bad).len(), 1, "{bad}");
        assert_eq!(queries::complaints(file, good), Vec::<String>::new(), "{good}");
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (file, mark, times, reason) in queries::PLACES {
        assert_eq!(queries::complaints(file, "").len(), listed(file), "{mark} is gone: {reason}");
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let once_more = format!("{text}{mark}");
        assert_eq!(queries::complaints(file, &once_more).len(), 1, "{file}: {mark} {times} times");
    }
}

/// How many marks are listed for a file.
fn listed(file: &str) -> usize {
    queries::PLACES.iter().filter(|(listed, ..)| *listed == file).count()
}

#[test]
fn a_file_without_an_opening_sentence_is_found() {
    assert_eq!(complaints("domain/x.rs", "use std::fmt;\n").len(), 1);
    assert_eq!(complaints("domain/x.rs", "\n//! Late.\n").len(), 1);
    assert_eq!(complaints("main.rs", "fn main() {}\n").len(), 1);
}

#[test]
fn comments_strings_and_tests_are_not_code() {
    let text = r##"//! Never names crate::store here.
// crate::store::sqlite
/* crate::store /* nested crate::store */ crate::store */
/// [`crate::store::MoneyHome`]
const A: &str = "crate::store \" crate::store";
const B: &str = r#"crate::store " crate::store"#;
const C: char = '"';
fn lifetime<'a>(x: &'a str) -> &'a str { x }
#[cfg(test)]
mod tests {
    use crate::store::FactsStore;
    fn brace() { let _ = "}"; }
}
#[cfg(test)]
fn helper() { std::fs::read("x"); }
"##;
    assert_eq!(complaints("decision/x.rs", text), Vec::<String>::new());
    let after = format!("{text}use crate::store::FactsStore;\n");
    assert_eq!(complaints("decision/x.rs", &after).len(), 1, "what follows a test module counts");
}

#[test]
fn a_name_of_our_own_shadows_a_crate() {
    let own = "//! A.\nuse crate::config;\nfn f() { config::load(); }\n";
    assert_eq!(complaints("commands/x.rs", own), Vec::<String>::new());
    let foreign = "//! A.\nfn f() { config::load(); }\n";
    assert_eq!(complaints("commands/x.rs", foreign).len(), 1);
}
