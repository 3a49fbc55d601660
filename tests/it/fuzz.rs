//! The fuzz entries on any toolchain: seeds of `fuzz/corpus`, mutated for as long as `FUZZ_SECONDS` says
//! (2 for each), by a generator whose seed (`FUZZ_SEED`) is printed. An input that came to something new
//! joins the pool, and is kept in the corpus if `FUZZ_KEEP` is set.

#[path = "../../fuzz/entries.rs"]
mod entries;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use entries::Entry;

use crate::support::dice::Dice;

/// Longer inputs are cut.
const BYTES_MAX: usize = 80 * 1024;

/// Inputs that are kept at most: what comes to something new is new for a while only.
const POOL_MAX: usize = 2_000;

/// What numbers, names and escapes are made of.
const WORDS: [&[u8]; 40] = [
    b"{",
    b"}",
    b"[",
    b"]",
    b"\"",
    b":",
    b",",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\u0061",
    b"null",
    b"true",
    b"-0",
    b"1e309",
    b"0.00",
    b"10.999",
    b"9223372036854775808",
    b"99999999999999999999",
    b"4111111111111111",
    b"5555-5555-5555-4444",
    b"\"cvv2\":",
    b"\"pin\":",
    b"\"track2\":{",
    b"\"jit_funding\":",
    b"\"gpa_order\":",
    b"\"gpa_order_unload\":",
    b"\"token\":",
    b"\"amount\":",
    b"\"method\":",
    b"\"currency_code\":",
    b"\"card_acceptor\":",
    b"\"transactions\":",
    b"\"pings\":",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\n\n",
    b" ",
];

fn mutated(dice: &mut Dice, pool: &[Vec<u8>]) -> Vec<u8> {
    let mut input = pool[dice.below(pool.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(input.len() + 1);
        let to = (at + 1 + dice.below(32)).min(input.len());
        match dice.below(8) {
            0 if at < input.len() => input[at] ^= 1 << dice.below(8),
            1 => input.insert(at, u8::try_from(dice.below(256)).unwrap()),
            2 if at < to => drop(input.drain(at..to)),
            3 if at < to => {
                let part = input[at..to].to_vec();
                let again = dice.below(input.len() + 1);
                input.splice(again..again, part);
            }
            4 | 5 => {
                let word = WORDS[dice.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            6 => {
                let other = &pool[dice.below(pool.len())];
                let from = dice.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            _ => {
                let word = WORDS[dice.below(WORDS.len())];
                let many = dice.below(200);
                input.splice(at..at, word.iter().copied().cycle().take(word.len() * many));
            }
        }
        input.truncate(BYTES_MAX);
    }
    input
}

fn corpus(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name)
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

fn fuzz(name: &str) {
    let entry: Entry = entries::ENTRIES.iter().find(|(known, _)| *known == name).unwrap().1;
    let seed = number("FUZZ_SEED").unwrap_or(20_261_121);
    let lasts = Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(2));
    let keep = std::env::var_os("FUZZ_KEEP").is_some();
    let mut paths: Vec<_> =
        std::fs::read_dir(corpus(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort(); // folders come in any order
    let mut pool: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(!pool.is_empty());
    let mut outcomes: HashSet<String> = pool.iter().map(|input| entry(input)).collect();
    let mut dice = Dice(seed);
    let (began, mut runs) = (tokio::time::Instant::now(), 0_u64);
    while began.elapsed() < lasts {
        let input = mutated(&mut dice, &pool);
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| entry(&input)));
        let Ok(outcome) = outcome else {
            let path = std::env::temp_dir().join(format!("fuzz-{name}-{seed}-{runs}"));
            std::fs::write(&path, &input).unwrap();
            panic!("{name} fell over input {runs} of seed {seed}: {}", path.display());
        };
        runs += 1;
        if outcomes.insert(outcome) && pool.len() < POOL_MAX {
            if keep && input.len() < 4_096 {
                let path = corpus(name).join(format!("found-{seed}-{runs}"));
                std::fs::write(path, &input).unwrap();
            }
            pool.push(input);
        }
    }
    eprintln!("{name}: {runs} inputs of seed {seed}, {} outcomes, no crash", outcomes.len());
}

#[test]
fn no_body_of_the_jit_door_makes_it_fall() {
    fuzz("jit_body");
}

#[test]
fn no_notification_and_no_signature_makes_its_door_fall() {
    fuzz("webhook_body");
}

#[test]
fn every_amount_is_read_exactly_or_not_at_all() {
    fuzz("amount");
}

#[test]
fn no_message_makes_a_consumer_fall() {
    fuzz("queue_envelope");
}
