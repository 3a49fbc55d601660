//! Codes of authentication are compared in constant time: how long `==` takes tells how much was right.

use super::paths::code;

/// What such a code is called, or comes out of.
const CODES: [&str; 5] = ["mac", "hmac", "signature", "finalize", "expose_secret"];

/// What else is one where any of these crates is used.
const MORE: [&str; 4] = ["digest", "hash", "password", "secret"];
const CRATES: [&str; 2] = ["hmac", "subtle"];

/// What may be asked of one and compared with `==`.
const HARMLESS: [&str; 6] = ["len", "is_some", "is_none", "is_empty", "is_ok", "is_err"];

const OPENING: [&str; 2] = ["(", "["];
const CLOSING: [&str; 2] = [")", "]"];

/// What is wrong with a file.
pub fn complaints(text: &str) -> Vec<String> {
    let words = code(text);
    let is_keyed = words.iter().any(|word| CRATES.contains(&word.as_str()));
    let is_code = |word: &str| {
        let named = |codes: &[&str]| {
            codes.contains(&word) || word.split('_').any(|part| codes.contains(&part))
        };
        named(&CODES) || (is_keyed && named(&MORE))
    };
    let mut found = Vec::new();
    for at in 1..words.len() {
        let is_equality = words[at] == "=" && (words[at - 1] == "=" || words[at - 1] == "!");
        if !is_equality {
            continue;
        }
        let left = operand(words[..at - 1].iter().rev(), CLOSING, OPENING);
        let right = operand(words[at + 1..].iter(), OPENING, CLOSING);
        for operand in [left, right] {
            let is_harmless = operand.iter().any(|word| HARMLESS.contains(word));
            if let Some(name) = operand.iter().find(|word| is_code(word))
                && !is_harmless
            {
                found.push(format!(
                    "`{name}` is compared with `==`: use `subtle::ConstantTimeEq` or `verify_slice`"
                ));
            }
        }
    }
    found
}

/// The words of an operand, from the operator on, without those in brackets.
fn operand<'a>(
    words: impl Iterator<Item = &'a String>,
    opening: [&str; 2],
    closing: [&str; 2],
) -> Vec<&'a str> {
    let (mut found, mut depth, mut before) = (Vec::new(), 0_usize, "");
    for word in words.map(String::as_str) {
        let is_and = word == "&" && before == "&";
        if opening.contains(&word) {
            depth += 1;
        } else if closing.contains(&word) {
            if depth == 0 {
                break;
            }
            depth -= 1;
        } else if depth == 0 {
            if is_and || matches!(word, ";" | "{" | "}" | "," | "|" | "=") {
                break;
            }
            found.push(word);
        }
        before = word;
    }
    found
}
