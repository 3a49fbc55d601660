//! Every event that the code tells is documented, and the other way round.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

/// Where events are told.
const SOURCES: [&str; 3] =
    ["src/domain/event.rs", "src/ledger/events.rs", "src/telemetry/notices.rs"];

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// `word.word`, as types of events are spelled; a hyphen is a letter, as in names of queues.
fn is_kind(text: &str) -> bool {
    let words: Vec<&str> = text.split('.').collect();
    let is_word = |word: &&str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || b"_-".contains(&byte))
    };
    words.len() == 2 && words.iter().all(is_word)
}

fn told() -> BTreeSet<String> {
    let sources = SOURCES.map(read).concat();
    let literals = sources.split('"').skip(1).step_by(2);
    literals.filter(|text| is_kind(text)).map(str::to_owned).collect()
}

/// The sections of the page: their headings, and the examples below them.
fn documented() -> Vec<(String, String)> {
    let page = read("docs/events.md");
    let sections = page.split("\n### `").skip(1);
    sections
        .map(|section| {
            let (kind, rest) = section.split_once('`').unwrap();
            let (_, example) = rest.split_once("```json\n").expect("an example");
            (kind.to_owned(), example.split_once("```").unwrap().0.to_owned())
        })
        .collect()
}

#[test]
fn every_event_has_a_section_with_its_example() {
    let documented = documented();
    let headings: BTreeSet<String> = documented.iter().map(|(kind, _)| kind.clone()).collect();
    assert_eq!(headings, told());
    for (kind, example) in documented {
        let event: Value = serde_json::from_str(&example).expect(&kind);
        assert_eq!(event["type"], *kind);
        for field in ["id", "version", "key", "at", "payload"] {
            assert!(!event[field].is_null(), "{kind} has no {field}");
        }
    }
}
