//! Looks for card numbers (PANs) in texts that must not carry any.

use std::borrow::Cow;

use super::issuers;

/// Digits of the longest number.
const DIGITS_MAX: usize = 19;

/// Digits of the shortest.
pub const DIGITS_MIN: usize = 13;

/// Hexadecimal digits of an id that is not to be taken for a number.
const HEX_ID_LEN: usize = 32;

/// Whether the text holds digits, with single spaces or hyphens between them, that an issuer could
/// have given out: right prefix, right length, right check digit. Such a number may stand among
/// other groups of digits (an expiry date, a security code). One in ten random numbers of such a
/// form passes for one; the digits of a UUID are not looked at.
pub fn is_in(text: &str) -> bool {
    let bytes = text.as_bytes();
    let other_script = |found, byte: &u8| found | LEADS[usize::from(*byte)];
    if !text.is_ascii() && bytes.iter().fold(false, other_script) {
        return in_ascii(in_plain_digits(text).as_bytes());
    }
    has_long_run(bytes) && in_ascii(bytes)
}

/// Whether there is a run of digits that is long enough, whatever its groups and whatever it is a part
/// of: nearly every text is out after a look at every twelfth byte, as no run that is long enough lies
/// between two of them.
fn has_long_run(text: &[u8]) -> bool {
    const STEP: usize = DIGITS_MIN - 1;
    let in_run = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
    let mut at = STEP;
    while let Some(byte) = text.get(at) {
        if in_run(byte) {
            let (before, rest) = text.split_at_checked(at).unwrap_or_default();
            let before = before.iter().rev().take_while(|byte| in_run(byte));
            let digits = |run: &mut dyn Iterator<Item = &u8>| {
                run.filter(|byte| byte.is_ascii_digit()).count()
            };
            let found = digits(&mut before.clone());
            let behind = rest.iter().take_while(|byte| in_run(byte));
            if found.saturating_add(digits(&mut behind.clone())) >= DIGITS_MIN {
                return true;
            }
            at = at.saturating_add(behind.count());
        }
        at = at.saturating_add(STEP);
    }
    false
}

/// Whether the text is nothing but a card number.
pub fn is_whole(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let legal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b' ' | b'-');
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits) && text.bytes().all(legal) && is_in(text)
}

/// Whether no more of a card number is left than may be shown (PCI DSS 3.4.1): the issuer's six digits
/// and the last four, with signs in place of the rest.
pub fn is_masked(text: &str) -> bool {
    const DIGITS_LEFT_MAX: usize = 10;
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits <= DIGITS_LEFT_MAX && text.chars().all(|c| c.is_ascii_digit() || "*_xX#•. -".contains(c))
}

/// First bytes of the digits, spaces and dashes of other scripts.
const LEADS: [bool; 256] = {
    let mut leads = [false; 256];
    let of = [0xc2, 0xd9, 0xdb, 0xe0, 0xe2, 0xe3, 0xef];
    let mut at = 0;
    while at < of.len() {
        leads[of[at]] = true;
        at += 1;
    }
    leads
};

/// The text with the digits, spaces and dashes of other scripts as ASCII has them.
fn in_plain_digits(text: &str) -> Cow<'_, str> {
    const ZEROS: [u32; 4] = [0x0660, 0x06f0, 0x0966, 0xff10];
    let plain = |c: char| match c {
        c if c.is_ascii() => c,
        '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => '-',
        c => {
            let values = ZEROS.iter().filter_map(|zero| u32::from(c).checked_sub(*zero));
            let value = values.into_iter().find_map(|value| char::from_digit(value, 10));
            value.unwrap_or('\u{1a}')
        }
    };
    Cow::Owned(text.chars().map(plain).collect())
}

/// The last digits of a run: groups with single separators between them, until something else comes.
/// No more of them are kept than the longest number has.
#[derive(Default)]
struct Run {
    digits: [Digit; DIGITS_MAX],
    len: usize,
    separated: bool,
}

#[derive(Clone, Copy, Default)]
struct Digit {
    value: u8,
    begins_group: bool,
}

impl Run {
    /// Takes a digit. Whether the group before it, which it ends if it begins another, was the end of
    /// a number.
    fn digit(&mut self, byte: u8) -> bool {
        let found = self.separated && self.ends_number();
        let begins_group = self.len == 0 || self.separated;
        if self.len == DIGITS_MAX {
            self.digits.rotate_left(1);
            self.len = DIGITS_MAX.saturating_sub(1);
        }
        if let Some(place) = self.digits.get_mut(self.len) {
            *place = Digit { value: byte.wrapping_sub(b'0'), begins_group };
        }
        self.len = self.len.saturating_add(1);
        self.separated = false;
        found
    }

    /// Whether some of the last groups are a card number together.
    fn ends_number(&self) -> bool {
        let digits = self.digits.get(..self.len).unwrap_or_default();
        let starts = digits.iter().enumerate().filter(|(_, digit)| digit.begins_group);
        let mut starts = starts.map(|(place, _)| digits.get(place..).unwrap_or_default());
        self.len >= DIGITS_MIN && starts.any(is_card_number)
    }

    fn clear(&mut self) {
        self.len = 0;
        self.separated = false;
    }
}

fn in_ascii(text: &[u8]) -> bool {
    let mut run = Run::default();
    let mut at = 0;
    let mut in_word = false;
    while let Some(byte) = text.get(at) {
        if !in_word && let Some(len) = id_at(text.get(at..).unwrap_or_default()) {
            if run.ends_number() {
                return true;
            }
            run.clear();
            at = at.saturating_add(len);
            in_word = true;
            continue;
        }
        match byte {
            b'0'..=b'9' => {
                if run.digit(*byte) {
                    return true;
                }
            }
            b' ' | b'-' if run.len > 0 && !run.separated => run.separated = true,
            _ => {
                if run.ends_number() {
                    return true;
                }
                run.clear();
            }
        }
        in_word = byte.is_ascii_alphanumeric();
        at = at.saturating_add(1);
    }
    run.ends_number()
}

/// The length of a UUID that the text begins with, plain or with hyphens.
fn id_at(text: &[u8]) -> Option<usize> {
    const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];
    let hex = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let ends = |len: usize| !text.get(len).is_some_and(u8::is_ascii_alphanumeric);
    if let Some(plain) = text.get(..HEX_ID_LEN)
        && ends(HEX_ID_LEN)
        && plain.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && plain.iter().any(u8::is_ascii_lowercase)
    {
        return Some(HEX_ID_LEN);
    }
    let mut at: usize = 0;
    for (place, len) in GROUPS.into_iter().enumerate() {
        if place > 0 {
            text.get(at).filter(|byte| **byte == b'-')?;
            at = at.saturating_add(1);
        }
        let end = at.saturating_add(len);
        text.get(at..end).filter(|part| hex(part))?;
        at = end;
    }
    ends(at).then_some(at)
}

fn is_card_number(digits: &[Digit]) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && is_issued(digits)
        && has_check_digit(digits)
}

/// Whether its prefix and its length are those of a scheme.
fn is_issued(digits: &[Digit]) -> bool {
    let first_six = digits.iter().take(6).map(|digit| u32::from(digit.value));
    let first_six =
        first_six.fold(0_u32, |six, digit| six.saturating_mul(10).saturating_add(digit));
    issuers::gave_out(first_six, digits.len())
}

/// Luhn: every second digit from the right counts double.
fn has_check_digit(digits: &[Digit]) -> bool {
    let value = |(place, digit): (usize, &Digit)| {
        let digit = u32::from(digit.value);
        match (place % 2, digit) {
            (0, digit) => digit,
            (_, 0..=4) => digit.saturating_mul(2),
            (_, _) => digit.saturating_mul(2).saturating_sub(9),
        }
    };
    let sum: u32 = digits.iter().rev().enumerate().map(value).sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found_however_they_are_written() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "x5555-5555-5555-4444y",
            "378282246310005",
            "3782 822463 10005",
            "6011000990139424",
            "4222222222222",
            "30569309025904",
            "6205500000000000004",
            "{\"a\":4111111111111111}",
            "4111111111111111 12/27",
            "4111 1111 1111 1111 123",
            "12 4111-1111-1111-1111",
            "%B4111111111111111^WREN/JENNY^2712",
            ";4111111111111111=27121010000012300000?",
            "4111111111111111D2712",
            "01901234-5678-7abc-8def-0123456789ab 4111111111111111",
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111–1111–1111–1111",
            "４１１１１１１１１１１１１１１１",
        ] {
            assert!(is_in(text), "{text}");
        }
        assert!(is_whole("4111 1111-1111 1111") && !is_whole("x4111111111111111"));
    }

    #[test]
    fn what_is_left_of_a_masked_number_is_no_more_than_ten_digits() {
        for text in
            ["111111______0042", "411111******1111", "4111 11XX XXXX 1111", "••••1111", "1111"]
        {
            assert!(is_masked(text), "{text}");
        }
        for text in ["41111111****1111", "4111111111111111", "41y"] {
            assert!(!is_masked(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "",
            "4111111111111112",
            "1234567890123456",
            "41111111111111110000",
            "4111  1111  1111  1111",
            "4111.1111.1111.1111",
            "01901234-5678-7abc-8def-0123456789ab",
            "41111111-1111-1111-8def-0123456789ab",
            "crd_4111111111111111b123456789012345",
            "2026-11-20T12:00:00.000000Z",
            "1763683200000000",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }

    #[test]
    fn a_long_run_of_groups_costs_little() {
        assert!(!is_in(&"1 ".repeat(100_000)));
        assert!(!is_in(&"1".repeat(100_000)));
    }
}
