//! Amounts, currencies, times.

use utoipa::ToSchema;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

use super::build::{refused, terms, text, whole, words};
use crate::domain::money::AMOUNT_MAX_MINOR;

terms! {
    /// An amount in minor units of its currency: 1050 EUR is 10.50.
    Amount = whole(1, AMOUNT_MAX_MINOR, "invalid_amount", 1_050);
    /// An amount in minor units of its currency; it may be 0.
    AmountOrZero = whole(0, AMOUNT_MAX_MINOR, "invalid_amount", 100_000);
    /// Credit granted to an account, in minor units.
    Credit = whole(0, AMOUNT_MAX_MINOR, "invalid_limit", 5_000_000);
    /// A number of times or seconds.
    Count = whole(0, AMOUNT_MAX_MINOR, "invalid_count", 5);
    /// How many items a page has at most.
    PageSize = whole(1, 200, "invalid_parameter", 50);
    /// How many minutes back.
    Minutes = whole(1, 60, "invalid_query", 5);
    /// How many messages a second.
    Rate = whole(1, 1_000, "invalid_count", 100);
    /// How many messages.
    Many = whole(1, 1_000, "invalid_count", 1_000);
    /// A sum in minor units; it may be negative.
    Sum = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    /// A currency (ISO 4217).
    Currency = words(CURRENCIES.iter().map(String::as_str), Some("invalid_currency")).examples(["EUR"]);
    /// A time zone by its IANA name. Calendar days, weeks and months are counted in it.
    TimeZone = refused(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("time-zone".to_owned()))),
        &["invalid_time_zone"],
    )
    .examples(["Europe/Brussels"]);
    /// A point in time (RFC 3339), with a zone; answered in UTC, to the microsecond.
    Timestamp = refused(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        &["invalid_timestamp"],
    )
    .examples(["2026-01-31T12:00:00Z"]);
    /// The point in time (RFC 3339), with a zone, at which something ends.
    EndTime = refused(
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))),
        &["invalid_timestamp"],
    )
    .examples(["2999-12-31T00:00:00Z"]);
    /// A month: the last one in which a card is good.
    Month = text("^[0-9]{4}-(0[1-9]|1[0-2])$", "invalid_expiry", "2029-12");
}

/// The codes that are read, in alphabetical order.
static CURRENCIES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
    let letters = || 'A'..='Z';
    let codes = letters().flat_map(move |a| letters().map(move |b| [a, b]));
    let codes = codes.flat_map(move |[a, b]| letters().map(move |c| String::from_iter([a, b, c])));
    codes.filter(|code| crate::domain::money::Currency::parse(code).is_some()).collect()
});

/// An amount of a currency.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for `domain::money::Money` in the document")]
pub struct Money {
    /// In minor units.
    #[schema(value_type = Sum)]
    amount: (),
    #[schema(value_type = Currency)]
    currency: (),
}

/// Sums over the messages of a purchase, in minor units. They only ever grow.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for `domain::chain::Totals` in the document")]
pub struct Totals {
    /// First authorizations.
    authorized: i64,
    /// Increments.
    incremented: i64,
    /// Partial reversals.
    reversed: i64,
    /// Advices.
    shrunk: i64,
    /// Clearings.
    cleared: i64,
    /// Refunds.
    refunded: i64,
    /// Credits that were announced; absent where there are none.
    expected: Option<i64>,
    /// Announced credits that will not come; absent where there are none.
    cancelled: Option<i64>,
    /// Provisional credits of disputes, less what was taken back; absent where there are none.
    disputed: Option<i64>,
}

/// What ended a purchase. Each, once set, stays.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for `domain::chain::Closings` in the document")]
pub struct Closings {
    /// The final clearing has come.
    cleared: bool,
    /// It was reversed in full.
    reversed: bool,
    /// The hold ran out.
    expired: bool,
    /// The approval never reached the card platform.
    voided: bool,
}

/// How long each step of a decision took, in microseconds. The commit that follows is not in here.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for `domain::authorization::StageTimes` in the document")]
pub struct StageTimes {
    /// Stage 1.
    user_lookup_us: u64,
    /// Stage 2.
    card_lookup_us: u64,
    /// Stage 3.
    spending_limits_us: u64,
    /// Waiting for the account's lane, and for what it reads.
    lane_wait_us: u64,
    /// Stage 4: the judge alone.
    decision_us: u64,
}
