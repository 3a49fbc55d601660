//! Looks for card numbers (PANs) in texts that must not carry any.

/// Digits of the longest number.
const DIGITS_MAX: usize = 19;

/// Digits of the shortest.
const DIGITS_MIN: usize = 13;

/// Whether the text holds a run of digits, with single spaces or hyphens between them, that an issuer
/// could have given out: right prefix, right length, right check digit. One in ten random numbers of
/// such a form passes for one.
pub fn is_in(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut digits: Vec<u8> = Vec::with_capacity(DIGITS_MAX);
    let mut separated = false;
    let mut longest = false;
    for byte in bytes.iter().chain(b"\0") {
        match byte {
            b'0'..=b'9' => {
                longest |= digits.len() >= DIGITS_MAX;
                digits.push(byte.wrapping_sub(b'0'));
                separated = false;
            }
            b' ' | b'-' if !digits.is_empty() && !separated => separated = true,
            _ => {
                if !longest && is_card_number(&digits) {
                    return true;
                }
                digits.clear();
                (separated, longest) = (false, false);
            }
        }
    }
    false
}

fn is_card_number(digits: &[u8]) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && is_issued(digits)
        && has_check_digit(digits)
}

/// Prefixes and lengths of the large schemes.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = |count: usize| {
        let digits = digits.iter().take(count);
        digits.fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(*digit)))
    };
    match digits.len() {
        13 => prefix(1) == 4,
        14 => matches!(prefix(2), 36 | 38 | 39) || matches!(prefix(3), 300..=305),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            prefix(1) == 4
                || matches!(prefix(2), 51..=55 | 65 | 62)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(4), 2221..=2720 | 3528..=3589 | 6011)
        }
        17 | 18 => prefix(2) == 62,
        19 => prefix(1) == 4 || prefix(2) == 62 || prefix(4) == 6011,
        _ => false,
    }
}

/// Luhn: every second digit from the right counts double.
fn has_check_digit(digits: &[u8]) -> bool {
    let value = |(place, digit): (usize, &u8)| {
        let digit = u32::from(*digit);
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
    fn card_numbers_are_found_and_other_numbers_are_not() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "x5555-5555-5555-4444y",
            "378282246310005",
            "6011000990139424",
            "{\"a\":4111111111111111}",
        ] {
            assert!(is_in(text), "{text}");
        }
        for text in [
            "",
            "4111111111111112",
            "1234567890123456",
            "41111111111111110000",
            "4111  1111  1111  1111",
            "01901234-5678-7abc-8def-0123456789ab",
            "2026-11-20T12:00:00.000000Z",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }
}
