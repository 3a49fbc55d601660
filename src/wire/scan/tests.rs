//! The scanner against a table of every refusal, and against serde_json on random input.

use std::collections::HashSet;
use std::fmt::Write;

use proptest::prelude::*;
use serde::de::IgnoredAny;

use super::*;

fn check(body: impl AsRef<[u8]>, expected: Result<(), &str>) {
    let body = body.as_ref();
    let found = scan(body).map(drop).map_err(ScanError::code);
    assert_eq!(found, expected, "{:?}", String::from_utf8_lossy(&body[..body.len().min(200)]));
}

fn nested(depth: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1))
}

#[test]
fn well_formed_objects_pass() {
    for body in [
        "{}",
        " \t\r\n{ } \n",
        r#"{"a":1,"b":[],"c":{},"d":[{},[1,2.5e-3]],"e":null,"f":true,"g":false,"h":""}"#,
        r#"{"a":{"x":1},"b":{"x":1},"x":{"a":{"a":1}}}"#,
        r#"{"ü":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00😀","":0}"#,
        r#"{"n":[0,-0,0.0,10.00,-1.5E+10,1e5,123456789012345678901234567890]}"#,
        r#"{"a":[{"k":1},{"k":2},{"k":3}]}"#,
    ] {
        check(body, Ok(()));
    }
}

#[test]
fn what_is_not_one_object_is_refused() {
    for body in ["", " ", "\n\t"] {
        check(body, Err("empty_body"));
    }
    for body in ["null", "5", "-5", "\"x\"", "true", "false", "[5]", "[{}]", &"[".repeat(100_000)] {
        check(body, Err("not_an_object"));
    }
    for body in ["{} x", "{}{}", "{},", "x", "'a'", "}", "// {}", "\u{feff}{}", "\0{}", "{}\0"] {
        check(body, Err("malformed_json"));
    }
}

#[test]
fn the_grammar_is_strict_in_ignored_values_too() {
    for value in [
        "",
        "1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\":1,}",
        "{,}",
        "{\"a\"}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "'x'",
        "NaN",
        "Infinity",
        "-Infinity",
        "+1",
        "01",
        "-01",
        "0x10",
        "1_000",
        ".5",
        "5.",
        "1e",
        "1e+",
        "-",
        "--1",
        "1.2.3",
        "1e2e3",
        "1.e2",
        "tru",
        "True",
        "nul",
        "nulll",
        "undefined",
        "1 // one",
        "/* */ 1",
        "\"a",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\0\"",
        "[}",
        "{]",
        "[1}",
        "١٢",
        "１０",
    ] {
        check(format!("{{\"a\":{value}}}"), Err("malformed_json"));
    }
    let whole = r#"{"amount":1,"b":["x",{"c":null}]}"#;
    for cut in 1..whole.len() {
        check(&whole[..cut], Err("malformed_json"));
    }
}

#[test]
fn bad_text_is_refused_wherever_it_stands() {
    for bytes in
        [&b"{\"a\":\"\xff\"}"[..], b"{\"\xc3\":1}", b"{\"a\":\"\xed\xa0\x80\"}", b"\xff\xfe"]
    {
        check(bytes, Err("invalid_utf8"));
    }
    for text in ["\\ud800", "\\udc00", "\\ud800x", "\\ud800\\n", "\\ud800\\ud800", "\\ude00\\ud83d"]
    {
        check(format!("{{\"ignored\":{{\"deep\":[\"{text}\"]}}}}"), Err("invalid_unicode"));
        check(format!("{{\"{text}\":1}}"), Err("invalid_unicode"));
    }
    check(r#"{"a":"x\u0000"}"#, Err("invalid_characters"));
    check(r#"{"\u0000":1}"#, Err("invalid_characters"));
}

#[test]
fn equal_keys_are_found_at_any_depth_and_however_escaped() {
    for body in [
        r#"{"amount":1,"amount":2}"#,
        r#"{"amount":1,"am\u006funt":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":[{"b":{"c":1,"d":2,"c":3}}]}"#,
        r#"{"a":{"x":1},"b":1,"a":2}"#,
    ] {
        check(body, Err("duplicate_key"));
    }
    for count in [2, 63, 64, 65, 66, 500, 1999] {
        let mut body = String::from("{");
        for n in 0..count {
            write!(body, "\"key_{n}\":{n},").unwrap();
        }
        check(format!("{body}\"last\":0}}"), Ok(()));
        check(format!("{body}\"key_0\":0}}"), Err("duplicate_key"));
        check(format!("{body}\"key_{}\":0}}", count - 1), Err("duplicate_key"));
    }
}

#[test]
fn keys_that_look_alike_are_told_apart() {
    let mut body = String::from("{");
    for n in 0..60 {
        write!(body, "\"same_head_{n:03}_same_tail\":{n},").unwrap();
    }
    check(format!("{body}\"z\":0}}"), Ok(()));
    check(format!("{body}\"same_head_030_same_tail\":0}}"), Err("duplicate_key"));
}

#[test]
fn everything_that_can_grow_has_a_limit() {
    check(nested(16), Ok(()));
    for depth in [17, 128, 10_000, 100_000] {
        check(nested(depth), Err("too_deep"));
    }
    check("{\"a\":".repeat(100_000), Err("too_deep"));

    let keys = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"{n}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    check(keys(KEYS_MAX), Ok(()));
    check(keys(KEYS_MAX + 1), Err("too_many_fields"));
    check(keys(10_000), Err("too_many_fields"));
    let apart = vec!["{\"a\":0}"; KEYS_MAX].join(",");
    check(format!("{{\"list\":[{apart}]}}"), Err("too_many_fields"));

    let string = |len: usize| "é".repeat(len / 2);
    check(format!("{{\"a\":\"{}\"}}", string(STRING_BYTES_MAX)), Ok(()));
    check(format!("{{\"a\":\"{}\"}}", "\\u0041".repeat(STRING_BYTES_MAX)), Ok(()));
    check(format!("{{\"a\":\"{}\"}}", string(STRING_BYTES_MAX + 2)), Err("string_too_long"));
    check(format!("{{\"{}\":1}}", string(STRING_BYTES_MAX + 2)), Err("string_too_long"));

    check(format!("{{\"a\":{}}}", "9".repeat(NUMBER_LEN_MAX)), Ok(()));
    check(format!("{{\"a\":{}}}", "9".repeat(NUMBER_LEN_MAX + 1)), Err("invalid_amount"));
    check(format!("{{\"a\":{}}}", "9".repeat(1_000_000)), Err("invalid_amount"));
}

/// JSON-ish text: fragments that are often, but not always, put together well.
fn jsonish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            "{", "}", "[", "]", ":", ",", "\"a\"", "\"b\"", "\"\"", "1", "-0.5", "1e3", "01", "true",
            "false", "null", " ", "\n", "\"\\u0061\"", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "\"",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| format!("{{{}}}", pieces.concat()))
}

#[derive(Clone, Debug)]
enum Tree {
    Leaf(&'static str),
    List(Vec<Tree>),
    Object(Vec<(&'static str, Tree)>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop::sample::select(vec!["1", "-2.50", "\"x\"", "null", "true", "\"\\\"{\""]);
    let key = prop::sample::select(vec!["a", "b", "c", "d", "e", "\\u0061", "\\u0062", "f", "ü"]);
    leaf.prop_map(Tree::Leaf).prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::List),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(Tree::Object),
        ]
    })
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Leaf(text) => (*text).to_owned(),
            Self::List(items) => {
                format!("[{}]", items.iter().map(Self::text).collect::<Vec<_>>().join(" ,"))
            }
            Self::Object(members) => {
                let member = |(key, value): &(&str, Self)| format!("\"{key}\": {}", value.text());
                format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
            }
        }
    }

    fn repeats_a_key(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::List(items) => items.iter().any(Self::repeats_a_key),
            Self::Object(members) => {
                let plain = |key: &str| key.replace("\\u0061", "a").replace("\\u0062", "b");
                let mut seen = HashSet::new();
                members.iter().any(|(key, value)| !seen.insert(plain(key)) || value.repeats_a_key())
            }
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = scan(&bytes);
        let _ = scan(&[b"{\"", &bytes[..]].concat());
    }

    #[test]
    fn the_grammar_is_that_of_serde_json(text in jsonish()) {
        let valid = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        match scan(text.as_bytes()) {
            Ok(_) => prop_assert!(valid),
            Err(ScanError::MalformedJson) => prop_assert!(!valid),
            Err(ScanError::DuplicateKey | ScanError::InvalidUnicode) => {}
            Err(other) => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn duplicate_keys_are_those_that_a_set_finds(members in prop::collection::vec(
        (prop::sample::select(vec!["a", "b", "c", "\\u0061", "x", "y", "z"]), tree()), 0..6)) {
        let tree = Tree::Object(members);
        let expected = if tree.repeats_a_key() { Err(ScanError::DuplicateKey) } else { Ok(()) };
        prop_assert_eq!(scan(tree.text().as_bytes()).map(drop), expected);
    }
}
