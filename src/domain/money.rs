//! Money: a signed 64-bit count of minor units and a currency. Never a float, not even for display.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest amount any message may ask for, in minor units. Far above a card purchase, far below
/// the range of `i64`, so that a million of them still add up without overflow.
pub const AMOUNT_MAX_MINOR: i64 = 1_000_000_000_000;

/// An ISO 4217 currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Reads the three-letter alphabetic code, upper case only.
    pub fn parse(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).map(Self)
    }

    /// The three-letter alphabetic code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the major unit has: 0 for JPY, 2 for USD, 3 for KWD.
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).ok_or_else(|| serde::de::Error::custom("not an ISO 4217 currency code"))
    }
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not `digits[.digits]`: a sign, an exponent, a separator, a space, a leading zero.
    #[error("an amount is digits, optionally followed by a point and more digits")]
    Invalid,
    /// More decimals than the currency has.
    #[error("more decimals than the currency has")]
    TooManyDecimals,
    /// Above [`AMOUNT_MAX_MINOR`].
    #[error("the amount is out of range")]
    OutOfRange,
}

/// An amount of one currency in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    #[serde(rename = "amount")]
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Zero of a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The count of minor units.
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The same currency with another count of minor units.
    pub const fn with_minor(self, minor: i64) -> Self {
        Self { minor, ..self }
    }

    /// The sum; `None` on overflow or when the currencies differ.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(self.with_minor(self.minor.checked_add(other.minor)?))
    }

    /// Reads major units from literal text: `digits[.digits]`, no sign, no exponent, no leading
    /// zero, at most the currency's decimals, at most [`AMOUNT_MAX_MINOR`].
    pub fn parse_major(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return Err(AmountError::Invalid),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if whole.is_empty() || leading_zero || !digits(whole) || !digits(fraction) {
            return Err(AmountError::Invalid);
        }
        let decimals = usize::try_from(currency.decimals()).unwrap_or(0);
        if fraction.len() > decimals {
            return Err(AmountError::TooManyDecimals);
        }
        let padding = std::iter::repeat_n(b'0', decimals.saturating_sub(fraction.len()));
        whole
            .bytes()
            .chain(fraction.bytes())
            .chain(padding)
            .try_fold(0_i64, |sum, byte| {
                let digit = i64::from(byte.wrapping_sub(b'0'));
                sum.checked_mul(10)?.checked_add(digit).filter(|sum| *sum <= AMOUNT_MAX_MINOR)
            })
            .map(|minor| Self { minor, currency })
            .ok_or(AmountError::OutOfRange)
    }
}

/// Major units with exactly the currency's decimals: `48.35`, `1000`, `-0.005`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let scale = 10_u64.checked_pow(self.currency.decimals()).unwrap_or(1);
        let minor = self.minor.unsigned_abs();
        let whole = minor.checked_div(scale).unwrap_or(minor);
        if scale == 1 {
            return write!(f, "{sign}{whole}");
        }
        let rest = minor.checked_rem(scale).unwrap_or(0);
        let width = usize::try_from(self.currency.decimals()).unwrap_or(0);
        write!(f, "{sign}{whole}.{rest:0width$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, code: &str, expected: Result<i64, AmountError>) {
        let currency = Currency::parse(code).unwrap();
        assert_eq!(Money::parse_major(text, currency).map(Money::minor), expected, "{text} {code}");
    }

    #[test]
    fn amounts_are_read_from_literal_text() {
        for text in ["10", "10.0", "10.00"] {
            check(text, "USD", Ok(1000));
        }
        check("0", "USD", Ok(0));
        check("0.00", "USD", Ok(0));
        check("48.35", "EUR", Ok(4835));
        check("1500", "JPY", Ok(1500));
        check("1.234", "KWD", Ok(1234));
        check("10000000000.00", "USD", Ok(AMOUNT_MAX_MINOR));
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for text in [
            "", "-1", "-0", "+1", "01", "00", ".5", "5.", "1e2", "1E+2", "1e309", "NaN",
            "Infinity", "0x10", "1_000", "1,000.00", " 10", "10 ", "$10", "١٢", "10.0.0", "1.-5",
        ] {
            check(text, "USD", Err(AmountError::Invalid));
        }
        check("10.999", "USD", Err(AmountError::TooManyDecimals));
        check("10.000", "USD", Err(AmountError::TooManyDecimals));
        check("1.5", "JPY", Err(AmountError::TooManyDecimals));
        check("1.2345", "KWD", Err(AmountError::TooManyDecimals));
        check("10.009999999999999999999", "USD", Err(AmountError::TooManyDecimals));
        check("10000000000.01", "USD", Err(AmountError::OutOfRange));
        check("9223372036854775808", "USD", Err(AmountError::OutOfRange));
        check(&"9".repeat(1_000_000), "USD", Err(AmountError::OutOfRange));
    }

    #[test]
    fn display_writes_back_what_was_read() {
        for (text, code) in
            [("48.35", "EUR"), ("0.05", "USD"), ("1500", "JPY"), ("0.001", "KWD"), ("7.00", "USD")]
        {
            let currency = Currency::parse(code).unwrap();
            assert_eq!(Money::parse_major(text, currency).unwrap().to_string(), text);
        }
        assert_eq!(Money::new(-5, Currency::parse("USD").unwrap()).to_string(), "-0.05");
    }

    proptest::proptest! {
        #[test]
        fn every_amount_survives_a_round_trip(minor in 0..=AMOUNT_MAX_MINOR) {
            for code in ["JPY", "USD", "KWD"] {
                let money = Money::new(minor, Currency::parse(code).unwrap());
                proptest::prop_assert_eq!(
                    Money::parse_major(&money.to_string(), money.currency()), Ok(money)
                );
            }
        }
    }
}
