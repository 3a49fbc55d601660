//! Test: every code that an answer or an explanation can carry has a page in `docs/errors`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::domain::decision::Decision;
use crate::domain::finding::Reason;
use crate::domain::transaction::Obstacle;

/// The calls that put a code into an answer, wherever they are in the sources.
const MAKERS: [&str; 5] =
    ["Problem::new(", "Invalid::new(", "text::word(", "parsed(raw, ", "(StatusCode::"];

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

/// The codes that answers can carry.
pub(super) fn codes_of_answers() -> BTreeSet<String> {
    let sources = sources(&root().join("src"));
    sources.iter().flat_map(|(_, source)| made_in(source, &MAKERS)).collect()
}

/// The finer codes of refusals, which explanations carry.
fn codes_of_explanations() -> BTreeSet<String> {
    let mut codes = BTreeSet::from([Decision::LATE.to_owned()]);
    codes.extend(Reason::ALL.map(|reason| reason.as_str().to_owned()));
    codes.extend(Obstacle::ALL.map(|obstacle| obstacle.as_str().to_owned()));
    for (path, source) in sources(&root().join("src")) {
        codes.extend(made_in(&source, &["Refusal::new("]));
        if path.starts_with(root().join("src/decision")) {
            codes.extend(dotted_in(&source));
        }
    }
    codes
}

/// The codes that have a page.
pub(super) fn pages() -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join("docs/errors")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let codes = names.filter_map(|name| name.strip_suffix(".md").map(str::to_owned));
    codes.filter(|code| code != "README").collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes = &codes_of_answers() | &codes_of_explanations();
    for known in ["invalid_amount", "invalid_mcc", "version_conflict", "card.suspended"] {
        assert!(codes.contains(known), "the search misses {known}");
    }
    let pages = pages();
    let missing: Vec<_> = codes.difference(&pages).collect();
    assert!(missing.is_empty(), "no page in docs/errors for {missing:?}");
    let sources = sources(&root().join("src"));
    let is_named = |code: &str| {
        let literal = format!("\"{code}\"");
        sources.iter().any(|(_, source)| source.contains(&literal))
    };
    let nginx = std::fs::read_to_string(root().join("nginx.conf")).unwrap();
    let of_nginx = |code: &str| nginx.contains(&format!("/docs/errors/{code}\""));
    let mut idle = &pages - &codes;
    idle.retain(|code| !is_named(code) && !of_nginx(code));
    assert!(idle.is_empty(), "nothing is answered with {idle:?} any more");
}

#[test]
fn every_page_names_its_code_and_says_what_to_do() {
    for code in pages() {
        let path = root().join("docs/errors").join(format!("{code}.md"));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.starts_with(&format!("# `{code}`\n")), "{code}: the title is not its code");
        assert!(text.contains("\n**What to do.** "), "{code}: it does not say what to do");
    }
}

#[test]
fn the_search_finds_codes_however_a_call_is_broken_into_lines() {
    let source = "Problem::new(\n    StatusCode::OK,\n    \"too_deep\",\n); \
         Refusal::new(Reason::X, \"card.suspended\"); Refusal::new(reason, code); \"other\";";
    let makers = ["Problem::new(", "Refusal::new("];
    assert_eq!(Vec::from_iter(made_in(source, &makers)), ["card.suspended", "too_deep"]);
    let source = r#"Some((Reason::X, "user.closed")), Finding::new("card.held"), "a sentence. x""#;
    assert_eq!(Vec::from_iter(dotted_in(source)), ["user.closed"]);
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
fn made_in(source: &str, makers: &[&str]) -> BTreeSet<String> {
    let calls = makers.iter().flat_map(|maker| source.match_indices(maker));
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
