//! Every change of state there could be, written out as the protocol reference has it (section 8).

use super::*;

/// A table: who may become what, a row for each state, a column for each, in the same order.
fn check<S: Copy + std::fmt::Debug, const N: usize>(
    states: [S; N],
    table: [&str; N],
    may_become: impl Fn(S, S) -> bool,
) {
    for (from, row) in states.into_iter().zip(table) {
        let marks: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(marks.len(), N, "a mark for each state: {row}");
        for (to, mark) in states.into_iter().zip(marks) {
            let allowed = match mark {
                "yes" | "same" => true,
                "no" => false,
                other => panic!("{other} is no mark"),
            };
            assert_eq!(may_become(from, to), allowed, "{from:?} to {to:?}");
        }
    }
}

#[test]
fn cards_change_as_the_platform_s_do() {
    use CardStatus::{Active, Limited, Suspended, Terminated, Unactivated};
    check(
        [Unactivated, Active, Suspended, Terminated, Limited],
        [
            // UNACTIVATED ACTIVE SUSPENDED TERMINATED LIMITED
            "same yes yes yes yes", // UNACTIVATED
            "no same yes yes yes",  // ACTIVE
            "no yes same yes yes",  // SUSPENDED
            "no no no same no",     // TERMINATED: for ever
            "no yes yes yes same",  // LIMITED
        ],
        CardStatus::may_become,
    );
}

#[test]
fn users_change_as_the_platform_s_do() {
    use UserStatus::{Active, Closed, Limited, Suspended, Unverified};
    check(
        [Unverified, Limited, Active, Suspended, Closed],
        [
            // UNVERIFIED LIMITED ACTIVE SUSPENDED CLOSED
            "same no yes no yes",   // UNVERIFIED
            "no same yes yes yes",  // LIMITED
            "yes no same yes yes",  // ACTIVE
            "yes yes yes same yes", // SUSPENDED
            "no no no no same",     // CLOSED: the platform's exceptions are its own affair
        ],
        UserStatus::may_become,
    );
}

#[test]
fn companies_change_as_the_platform_s_businesses_do() {
    use CompanyStatus::{Active, Closed, Suspended};
    check(
        [Active, Suspended, Closed],
        [
            // ACTIVE SUSPENDED CLOSED
            "same yes yes", // ACTIVE
            "yes same yes", // SUSPENDED
            "no no same",   // CLOSED: for ever
        ],
        CompanyStatus::may_become,
    );
}

#[test]
fn only_active_and_limited_users_activate_and_load() {
    use UserStatus::{Active, Closed, Limited, Suspended, Unverified};
    for (status, may) in
        [(Unverified, false), (Limited, true), (Active, true), (Suspended, false), (Closed, false)]
    {
        assert_eq!(status.may_activate_and_load(), may, "{status:?}");
    }
}

#[test]
fn states_are_read_as_they_are_written() {
    for text in ["UNACTIVATED", "ACTIVE", "SUSPENDED", "TERMINATED", "LIMITED"] {
        assert_eq!(CardStatus::parse(text).map(CardStatus::as_str), Some(text));
    }
    for text in ["UNVERIFIED", "LIMITED", "ACTIVE", "SUSPENDED", "CLOSED"] {
        assert_eq!(UserStatus::parse(text).map(UserStatus::as_str), Some(text));
    }
    for text in ["ACTIVE", "SUSPENDED", "CLOSED"] {
        assert_eq!(CompanyStatus::parse(text).map(CompanyStatus::as_str), Some(text));
    }
    for text in ["", "active", "UNSUPPORTED", "VIRTUAL"] {
        assert_eq!(CardStatus::parse(text), None, "{text}");
        assert_eq!(UserStatus::parse(text), None, "{text}");
        assert_eq!(CompanyStatus::parse(text), None, "{text}");
    }
}
