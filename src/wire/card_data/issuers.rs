//! Which numbers issuers give out: prefixes and lengths of the schemes (ISO/IEC 7812).
//!
//! Compiled from <https://en.wikipedia.org/wiki/Payment_card_number> (W) and
//! <https://github.com/braintree/credit-card-type> (B). Left out are lengths and schemes that other
//! numbers have far more often: Maestro with 12 digits (retrieval references) to 15 (bar codes of
//! Britain begin with 50), and UATP, a 1 and 14 more digits.

/// The least and the greatest first six digits, and how many digits a number that begins so may have.
type Range = (u32, u32, &'static [usize]);

const FROM_16_TO_19: &[usize] = &[16, 17, 18, 19];

const RANGES: [Range; 30] = [
    // Visa (W; 19: B).
    (400_000, 499_999, &[13, 16, 19]),
    // Mastercard (W).
    (510_000, 559_999, &[16]),
    (222_100, 272_099, &[16]),
    // American Express (W).
    (340_000, 349_999, &[15]),
    (370_000, 379_999, &[15]),
    // Diners Club (W; lengths: B). 38 is Hipercard's as well: 384100, 384140, 384160 (B).
    (300_000, 305_999, &[14, 16, 19]),
    (309_500, 309_599, &[14, 16, 19]),
    (360_000, 369_999, &[14, 16, 19]),
    (380_000, 399_999, &[14, 16, 19]),
    // Discover (W); 65 is RuPay's, Troy's and Elo's as well.
    (601_100, 601_199, FROM_16_TO_19),
    (644_000, 659_999, FROM_16_TO_19),
    // JCB (W). The two old ones are 15 digits long; with more they are the microseconds and
    // nanoseconds of our years.
    (352_800, 358_999, FROM_16_TO_19),
    (213_100, 213_199, &[15]),
    (180_000, 180_099, &[15]),
    // UnionPay (W, B); Discover's 622126 to 622925 are among them.
    (620_000, 629_999, FROM_16_TO_19),
    (810_000, 817_199, FROM_16_TO_19),
    // Maestro (W), as it is given out today.
    (501_800, 501_899, FROM_16_TO_19),
    (502_000, 502_099, FROM_16_TO_19),
    (503_800, 503_899, FROM_16_TO_19),
    (589_300, 589_399, FROM_16_TO_19),
    (630_400, 630_499, FROM_16_TO_19),
    (675_900, 675_999, FROM_16_TO_19),
    (676_100, 676_399, FROM_16_TO_19),
    // All of Maestro (W: 50, 56 to 69), and who else has a part of that: Elo 504175, 506699 to
    // 506778, 509, 627780, 636297, 636368; Hipercard 606282, 637095 and others (B); RuPay 508, 60;
    // Dankort 5019.
    (500_000, 509_999, &[16]),
    (560_000, 699_999, &[16]),
    // Verve (W).
    (506_099, 506_198, &[16, 18, 19]),
    (507_865, 507_964, &[16, 18, 19]),
    // Mir, and BORICA with 2205 (W).
    (220_000, 220_599, FROM_16_TO_19),
    // RuPay: 81, 82 (W).
    (810_000, 829_999, &[16]),
    // Troy: 9792 (W).
    (979_200, 979_299, &[16]),
];

/// By the first two digits: a bit for each length that numbers may have which begin so. Most of what is no
/// card number needs no second look.
const LENGTHS: [u8; 100] = {
    let mut lengths = [0; 100];
    let mut at = 0;
    while at < RANGES.len() {
        let (first, last, digits) = RANGES[at];
        let mut two = first / 10_000;
        while two <= last / 10_000 {
            let mut place = 0;
            while place < digits.len() {
                lengths[two as usize] |= bit(digits[place]);
                place += 1;
            }
            two += 1;
        }
        at += 1;
    }
    lengths
};

/// No two lengths between 13 and 19 have the same.
const fn bit(digits: usize) -> u8 {
    1 << (digits % 8)
}

/// Whether an issuer may have given out a number of so many digits, with these for its first six.
pub(super) fn gave_out(first_six: u32, digits: usize) -> bool {
    let lengths = LENGTHS.get(first_six as usize / 10_000).copied().unwrap_or_default();
    let among = |(first, last, lengths): &Range| {
        (*first..=*last).contains(&first_six) && lengths.contains(&digits)
    };
    lengths & bit(digits) != 0 && RANGES.iter().any(among)
}

#[cfg(test)]
mod tests {
    use super::super::number::is_in;

    #[test]
    fn numbers_of_every_scheme_are_found() {
        for (scheme, numbers) in [
            ("Visa", &["4307418529637", "4307418529630747", "4307418529630741857"][..]),
            ("Mastercard", &["5130741852963074", "2221307418529630", "2720307418529636"]),
            ("American Express", &["343074185296309", "378282246310005"]),
            ("Diners Club, 30", &["30030741852967", "3003074185296307417", "3095307418529631"]),
            ("Diners Club", &["36307418529639", "3630741852963074181", "38307418529637"]),
            ("Discover", &["6011307418529635", "6011307418529630746", "6221263074185293"]),
            ("Discover, others", &["6443074185296305", "6530741852963074180"]),
            ("JCB", &["3528307418529638", "3528307418529630742", "213130741852964"]),
            ("JCB, old", &["180030741852965"]),
            ("UnionPay", &["6230741852963071", "62307418529630745", "623074185296307415"]),
            ("UnionPay, others", &["6230741852963074187", "8103074185296307410"]),
            ("UnionPay, 81", &["8171307418529637"]),
            ("Maestro", &["5018307418529630", "501830741852963075", "5018307418529630742"]),
            ("Maestro, 67", &["6759307418529631", "675930741852963076", "6759307418529630740"]),
            ("Maestro, the rest", &["5030741852963075", "5730741852963078", "6930741852963074"]),
            ("Mir", &["2200307418529635", "2200307418529630749", "2204307418529631"]),
            ("BORICA", &["2205307418529630"]),
            ("RuPay", &["6030741852963073", "8230741852963077", "5083074185296302"]),
            ("Troy", &["9792307418529634", "6530741852963078"]),
            ("Elo", &["5041753074185293", "5090003074185293", "6362973074185296"]),
            ("Elo, 65", &["6500313074185298"]),
            ("Hipercard", &["6062823074185296", "3841003074185290", "6370953074185298"]),
            ("Verve", &["5060993074185291", "506099307418529639", "507865307418529639"]),
        ] {
            for number in numbers {
                assert!(is_in(number), "{scheme}: {number}");
            }
        }
    }

    /// Each has a right check digit.
    #[test]
    fn numbers_that_nobody_gives_out_are_not() {
        for number in [
            "7030741852963071",
            "2206307418529639",
            "2721307418529635",
            "8330741852963076",
            "9793307418529633",
            "3527307418529639",
            "30630741852964",
            // Maestro, but of 12 and 13 digits; and of 18 where it has 16.
            "675930741854",
            "5018307418522",
            "501999307418529631",
            // UATP.
            "123430741852967",
        ] {
            assert!(!is_in(number), "{number}");
        }
    }
}
