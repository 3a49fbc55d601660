//! Names of fields: those that may hold no value, and those whose value is an identifier.
//!
//! A name is taken word by word: `card_cvv`, `cardCVV` and `cvv-code` all tell of a security code, and
//! `cvv_result` tells of what came of one. Most names are out after a look at how their words begin.

/// The longest name that is looked at, with a blank between its words.
const NAME_LEN_MAX: usize = 64;

/// What a field holds by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// A card number. It may be there in part.
    Number,
    /// A security code, a PIN, track data.
    Secret,
}

/// Whether a field of this name may hold nothing.
#[inline]
pub fn is_secret(name: &str) -> bool {
    held(name).is_some()
}

/// What a field of this name holds that none may. Case does not matter, nor what is between its words.
#[inline]
pub fn held(name: &str) -> Option<Held> {
    if may_hold(name.as_bytes()) { by_words(name) } else { None }
}

/// What words begin with that are looked at any further.
const BEGINNINGS: [[u8; 2]; 15] = [
    *b"ca", *b"ci", *b"cs", *b"cv", *b"dc", *b"en", *b"ic", *b"ma", *b"pa", *b"pi", *b"pr", *b"pv",
    *b"se", *b"tr", *b"ve",
];

/// The same by the first letter: a bit for each second one. The five lowest bits of a letter are the
/// same in both cases.
const SECONDS: [u32; 32] = {
    let mut seconds = [0; 32];
    let mut at = 0;
    while at < BEGINNINGS.len() {
        let [first, second] = BEGINNINGS[at];
        seconds[first as usize % 32] |= 1 << (second % 32);
        at += 1;
    }
    seconds
};

/// Whether a word of the name begins like one that tells of card data. Eight bytes at a time; the last
/// eight, or four of a short name, are partly looked at twice.
#[inline]
fn may_hold(name: &[u8]) -> bool {
    const SMALL_LETTERS: u64 = u64::from_le_bytes([0, 0, 0, 0, b'a', b'a', b'a', b'a']);
    let four = |bytes: &[u8; 4]| u64::from(u32::from_le_bytes(*bytes)) | SMALL_LETTERS;
    if begins(name) {
        return true;
    }
    if let Some(last) = name.last_chunk::<8>() {
        let (chunks, _) = name.as_chunks::<8>();
        let mut from = 0;
        for chunk in chunks {
            if begins_behind(name, from, u64::from_le_bytes(*chunk)) {
                return true;
            }
            from += chunk.len();
        }
        begins_behind(name, name.len() - last.len(), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        begins_behind(name, 0, four(first)) || begins_behind(name, name.len() - 4, four(last))
    } else {
        false
    }
}

/// The same of the words that begin among these eight bytes of the name, or right behind them.
#[inline]
fn begins_behind(name: &[u8], from: usize, eight: u64) -> bool {
    const SIXTH: u64 = u64::from_le_bytes([1 << 6; 8]);
    // Of letters and digits, only small letters have both of these bits.
    let mut breaks = !(eight & eight << 1) & SIXTH;
    while breaks != 0 {
        let at = from + breaks.trailing_zeros() as usize / 8;
        let is_capital = name.get(at).is_some_and(u8::is_ascii_uppercase);
        let word = name.get(at + usize::from(!is_capital)..);
        if word.is_some_and(begins) {
            return true;
        }
        breaks &= breaks - 1;
    }
    false
}

#[inline]
fn begins(word: &[u8]) -> bool {
    word.first_chunk()
        .is_some_and(|[first, second]| SECONDS[usize::from(first % 32)] >> (second % 32) & 1 == 1)
        && begins_further(word)
}

fn begins_further(word: &[u8]) -> bool {
    let letter = |at: usize| word.get(at).map_or(b' ', u8::to_ascii_lowercase);
    let letter_behind = |at: usize| match letter(at) {
        b'_' | b'-' | b' ' => letter(at + 1),
        letter => letter,
    };
    match &[letter(0), letter(1), letter(2)] {
        b"cav" | b"cid" | b"csc" | b"cvc" | b"cvd" | b"cvn" | b"cvv" | b"dcv" | b"enc" | b"icv"
        | b"mag" | b"pan" | b"pin" | b"pri" | b"pvv" | b"sec" => true,
        b"car" => {
            letter(3) == b'd'
                && (matches!(letter(4), b'c' | b'p' | b's')
                    || matches!(letter_behind(4), b'n' | b'v'))
        }
        b"tra" => letter(3) == b'c' && letter(4) == b'k',
        b"ver" => matches!(letter_behind("verification".len()), b'c' | b'v'),
        _ => false,
    }
}

/// What the words of a name tell, and that none of them takes it back.
fn by_words(name: &str) -> Option<Held> {
    let mut plain = [0; NAME_LEN_MAX];
    let words = words(name, &mut plain)?;
    let (mut held, mut of_card, mut tells_about) = (None, false, false);
    let mut before = "";
    for word in words.split(' ') {
        match (before, word) {
            ("verification", "value" | "code") if word == "value" || of_card => {
                (held, tells_about) = (Some(Held::Secret), false);
            }
            _ => match pair(before, word).or_else(|| compound(word)) {
                Some(found) => held = held.or(Some(found)),
                None if ABOUT.contains(&word) => return None,
                None => {}
            },
        }
        tells_about |= word == "verification";
        of_card |= word == "card";
        before = word;
    }
    if tells_about {
        return None;
    }
    let mut plain = [0; NAME_LEN_MAX];
    held.or_else(|| match joined(words, &mut plain)? {
        "track" => Some(Held::Secret),
        whole => compound(whole),
    })
}

/// Words that say that a field tells about a secret, and is none: whether it was there, how it was
/// entered, what came of it, what stands in its place.
const ABOUT: [&str; 55] = [
    "at",
    "attempt",
    "attempts",
    "by",
    "capability",
    "capable",
    "check",
    "checked",
    "count",
    "counter",
    "created",
    "date",
    "debit",
    "enabled",
    "entry",
    "error",
    "exceeded",
    "expiration",
    "expiry",
    "failed",
    "failure",
    "failures",
    "id",
    "ids",
    "indicator",
    "is",
    "last",
    "length",
    "limit",
    "match",
    "matched",
    "method",
    "mode",
    "presence",
    "present",
    "reason",
    "reference",
    "references",
    "remaining",
    "required",
    "response",
    "result",
    "results",
    "retries",
    "sequence",
    "status",
    "supported",
    "time",
    "token",
    "tokens",
    "tries",
    "type",
    "valid",
    "validation",
    "verified",
];

/// What two words tell that stand together.
fn pair(one: &str, other: &str) -> Option<Held> {
    match (one, other) {
        ("card", "number") => Some(Held::Number),
        ("mag" | "magnetic", "stripe")
        | ("security", "code")
        | ("track", "1" | "2" | "3" | "data" | "equivalent")
        | ("card" | "encrypted" | "full" | "raw", "track") => Some(Held::Secret),
        _ => None,
    }
}

/// What one word tells, or several that are written as one.
fn compound(word: &str) -> Option<Held> {
    match word {
        "cardnumber" | "pan" | "primaryaccountnumber" => Some(Held::Number),
        "cardcvv"
        | "cardpin"
        | "cardsecuritycode"
        | "cardverificationcode"
        | "cardverificationvalue"
        | "cav"
        | "cavv"
        | "cid"
        | "csc"
        | "cvc"
        | "cvccode"
        | "cvd"
        | "cvn"
        | "cvv"
        | "cvvcode"
        | "cvvnumber"
        | "dcvv"
        | "encryptedpin"
        | "encryptedpinblock"
        | "icvv"
        | "magneticstripe"
        | "magstripe"
        | "pin"
        | "pinblock"
        | "pincode"
        | "pindata"
        | "pinnumber"
        | "pvv"
        | "securitycode"
        | "trackdata" => Some(Held::Secret),
        _ => None,
    }
}

/// The words of a name in small letters, a blank between them; `None`: it is too long to be one.
fn words<'a>(name: &str, plain: &'a mut [u8; NAME_LEN_MAX]) -> Option<&'a str> {
    let bytes = name.as_bytes();
    let mut len = 0;
    let mut before = b' ';
    for (at, byte) in bytes.iter().copied().enumerate() {
        let next = bytes.get(at + 1).copied().unwrap_or(b' ');
        if is_in_word(byte) {
            if len > 0 && begins_word(before, byte, next) {
                *plain.get_mut(len)? = b' ';
                len += 1;
            }
            *plain.get_mut(len)? = byte.to_ascii_lowercase();
            len += 1;
        }
        before = byte;
    }
    std::str::from_utf8(plain.get(..len)?).ok()
}

/// The same words, written as one.
fn joined<'a>(words: &str, plain: &'a mut [u8; NAME_LEN_MAX]) -> Option<&'a str> {
    let mut len = 0;
    for byte in words.bytes().filter(|byte| *byte != b' ') {
        *plain.get_mut(len)? = byte;
        len += 1;
    }
    std::str::from_utf8(plain.get(..len)?).ok()
}

/// A word begins behind what is in none, between letters and digits, at a capital behind a small
/// letter, and at the last of several capitals.
fn begins_word(before: u8, byte: u8, next: u8) -> bool {
    let behind_capital = before.is_ascii_uppercase() && next.is_ascii_lowercase();
    !is_in_word(before)
        || before.is_ascii_digit() != byte.is_ascii_digit()
        || byte.is_ascii_uppercase() && (before.is_ascii_lowercase() || behind_capital)
}

fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Whether a field of this name holds what others know something by: tokens, ids, the merchant's id,
/// references of networks and acquirers. (A preference is none.)
pub fn is_identifier(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let endings = ["token", "tokens", "_id", "_ids"];
    let before = |(at, _)| name.get(..at).unwrap_or_default();
    matches!(name.as_str(), "mid" | "id")
        || endings.iter().any(|ending| name.ends_with(ending))
        || name.match_indices("reference").map(before).any(|before| !before.ends_with('p'))
}
