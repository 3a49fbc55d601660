//! Names of fields: those that may hold no value, and those whose value is an identifier.

/// The longest name of a field that may hold nothing, without its separators.
const SECRET_LEN_MAX: usize = 24;

/// What such names begin with: most names need no second look.
const SECRET_BEGINNINGS: [[u8; 2]; 12] = [
    *b"ca", *b"cs", *b"cv", *b"dc", *b"en", *b"ic", *b"ma", *b"pa", *b"pi", *b"pr", *b"se", *b"tr",
];

/// The same by the first letter: a bit for each second one. The five lowest bits of a letter are the
/// same in both cases.
const SECONDS: [u32; 32] = {
    let mut seconds = [0; 32];
    let mut at = 0;
    while at < SECRET_BEGINNINGS.len() {
        let [first, second] = SECRET_BEGINNINGS[at];
        seconds[first as usize % 32] |= 1 << (second % 32);
        at += 1;
    }
    seconds
};

/// Whether a field of this name holds a security code, a PIN, track data, or a card number, by its
/// name alone. Case, `_`, `-` and blanks do not matter.
pub fn is_secret(name: &str) -> bool {
    name.as_bytes()
        .first_chunk()
        .is_some_and(|[first, second]| SECONDS[usize::from(first % 32)] >> (second % 32) & 1 == 1)
        && is_secret_in_full(name)
}

fn is_secret_in_full(name: &str) -> bool {
    let mut plain = [0; SECRET_LEN_MAX];
    let mut len: usize = 0;
    for byte in name.bytes().filter(|byte| !b"_- ".contains(byte)) {
        let Some(place) = plain.get_mut(len) else { return false };
        *place = byte.to_ascii_lowercase();
        len = len.saturating_add(1);
    }
    matches!(
        plain.get(..len).unwrap_or_default(),
        b"cardnumber"
            | b"cardsecuritycode"
            | b"cardverificationcode"
            | b"cardverificationvalue"
            | b"cav2"
            | b"csc"
            | b"cvc"
            | b"cvc2"
            | b"cvn"
            | b"cvv"
            | b"cvv2"
            | b"cvvnumber"
            | b"dcvv"
            | b"encryptedpin"
            | b"encryptedpinblock"
            | b"icvv"
            | b"magneticstripe"
            | b"magstripe"
            | b"pan"
            | b"pin"
            | b"pinblock"
            | b"pindata"
            | b"primaryaccountnumber"
            | b"securitycode"
            | b"track"
            | b"track1"
            | b"track1data"
            | b"track1equivalentdata"
            | b"track2"
            | b"track2data"
            | b"track2equivalentdata"
            | b"track3"
            | b"track3data"
            | b"trackdata"
    )
}

/// Whether a field of this name holds what others know something by: tokens, ids, the merchant's id,
/// references of networks and acquirers.
pub fn is_identifier(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let endings = ["token", "tokens", "_id", "_ids"];
    matches!(name.as_str(), "mid" | "id")
        || endings.iter().any(|ending| name.ends_with(ending))
        || name.contains("reference")
}
