//! Test: every code that an answer or an explanation can carry has a page in `docs/errors`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::domain::decision::Decision;
use crate::domain::finding::Reason;

/// The calls that put a code into an answer or an explanation, wherever they are in the sources.
const MAKERS: [&str; 6] = [
    "Problem::new(",
    "Refusal::new(",
    "Invalid::new(",
    "text::word(",
    "parsed(raw, ",
    "(StatusCode::",
];

/// Names of checks: they look like codes in `decision`, but refuse nothing by themselves.
const CHECKS: [&str; 9] = [
    "account.open",
    "card.expiry",
    "card.held",
    "card.known",
    "card.status",
    "company.status",
    "funds.available",
    "purchase.open",
    "user.status",
];

#[test]
fn every_code_has_a_page() {
    let mut codes = BTreeSet::from([Decision::LATE.to_owned()]);
    codes.extend(Reason::ALL.map(|reason| reason.as_str().to_owned()));
    for (path, source) in sources(&root().join("src")) {
        codes.extend(made_in(&source));
        if path.starts_with(root().join("src/decision")) {
            codes.extend(dotted_in(&source));
        }
    }
    for known in ["invalid_amount", "invalid_mcc", "version_conflict", "card.suspended"] {
        assert!(codes.contains(known), "the search misses {known}");
    }
    codes.retain(|code| !page(code).is_file());
    assert!(codes.is_empty(), "no page in docs/errors for {codes:?}");
}

#[test]
fn every_page_names_its_code_and_says_what_to_do() {
    let folder = root().join("docs/errors");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let code = path.file_stem().and_then(|stem| stem.to_str()).unwrap().to_owned();
        if code == "README" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(&format!("# `{code}`\n")), "{code}: the title is not its code");
        assert!(text.contains("\n**What to do.** "), "{code}: it does not say what to do");
    }
}

#[test]
fn the_search_finds_codes_however_a_call_is_broken_into_lines() {
    let source = "Problem::new(\n    StatusCode::OK,\n    \"too_deep\",\n); \
         Refusal::new(Reason::X, \"card.suspended\"); Refusal::new(reason, code); \"other\";";
    assert_eq!(Vec::from_iter(made_in(source)), ["card.suspended", "too_deep"]);
    let source = r#"Some((Reason::X, "user.closed")), Finding::new("card.held"), "a sentence. x""#;
    assert_eq!(Vec::from_iter(dotted_in(source)), ["user.closed"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(code: &str) -> PathBuf {
    root().join("docs/errors").join(format!("{code}.md"))
}

/// Every source file under a folder, without its tests.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if !matches!(path.file_name(), Some(name) if name == "tests.rs" || name == "error_pages.rs")
        {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            found.push((path, code.to_owned()));
        }
    }
    found
}

/// The first literal of each call that makes a code.
fn made_in(source: &str) -> BTreeSet<String> {
    let calls = MAKERS.iter().flat_map(|maker| source.match_indices(maker));
    let literals = calls.filter_map(|(at, maker)| {
        let rest = &source[at + maker.len()..];
        let call = rest.split(';').next().unwrap_or_default();
        call.split('"').nth(1)
    });
    literals.filter(|text| is_code(text)).map(str::to_owned).collect()
}

/// Every literal that has the form of a finer code.
fn dotted_in(source: &str) -> BTreeSet<String> {
    let literals = source.split('"').skip(1).step_by(2);
    let codes = literals.filter(|text| is_code(text) && text.contains('.'));
    codes.filter(|text| !CHECKS.contains(text)).map(str::to_owned).collect()
}

fn is_code(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_lowercase() || b"_.".contains(&byte);
    text.len() > 2 && text.bytes().all(legal) && !text.ends_with('.')
}
