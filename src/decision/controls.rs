//! Controls: where and how a card may be used.
//!
//! Each list of a control stands for itself. A value on a deny-list is refused. Where a scope has
//! allow-lists of a kind, the value must be on one of them; every scope's must pass, and a value
//! that the message does not tell is on none.

use crate::domain::finding::{Finding, Reason, Refusal};
use crate::domain::id::ControlId;
use crate::domain::policy::{Control, Effect};

use super::Case;

/// One kind of list: how to find it in a control, and whether the purchase is on it.
struct Kind {
    check: &'static str,
    reason: Reason,
    listed: fn(&Control) -> bool,
    matches: fn(&Control, &Case<'_>) -> bool,
}

const KINDS: [Kind; 5] = [
    Kind {
        check: "control.merchant",
        reason: Reason::InvalidMerchant,
        listed: |control| !control.merchants.is_empty(),
        matches: |control, case| {
            case.request.merchant.mid.as_ref().is_some_and(|mid| control.merchants.contains(mid))
        },
    },
    Kind {
        check: "control.mcc",
        reason: Reason::InvalidMerchant,
        listed: |control| !control.mccs.is_empty() || !control.mcc_groups.is_empty(),
        matches: |control, case| {
            let merchant = &case.request.merchant;
            let in_range = merchant
                .mcc
                .is_some_and(|mcc| control.mccs.iter().any(|range| range.contains(mcc)));
            in_range || merchant.mcc_groups.iter().any(|group| control.mcc_groups.contains(group))
        },
    },
    Kind {
        check: "control.country",
        reason: Reason::TransactionNotPermitted,
        listed: |control| !control.countries.is_empty(),
        matches: |control, case| {
            case.request
                .merchant
                .country
                .is_some_and(|country| control.countries.contains(&country))
        },
    },
    Kind {
        check: "control.entry_mode",
        reason: Reason::TransactionNotPermitted,
        listed: |control| !control.entry_modes.is_empty(),
        matches: |control, case| {
            case.request.entry_mode.as_ref().is_some_and(|mode| control.entry_modes.contains(mode))
        },
    },
    Kind {
        check: "control.channel",
        reason: Reason::TransactionNotPermitted,
        listed: |control| !control.channels.is_empty(),
        matches: |control, case| {
            case.request.channel.as_ref().is_some_and(|channel| control.channels.contains(channel))
        },
    },
];

/// All kinds of list, in the order of checks. Without controls there is nothing to say.
pub(super) fn all(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let now = case.standing.now;
    for kind in &KINDS {
        let in_force = case
            .facts
            .limits
            .controls
            .iter()
            .filter(|control| control.in_force(now) && (kind.listed)(control));
        if in_force.clone().next().is_none() {
            continue;
        }
        let refused_by = refused_by(in_force, |control| (kind.matches)(control, case));
        let refusal = refused_by.map(|_| Refusal::new(kind.reason, kind.check));
        findings.push(Finding { control: refused_by, ..Finding::new(kind.check, refusal) });
    }
}

/// The control that refuses, if any.
fn refused_by<'a>(
    controls: impl Iterator<Item = &'a Control> + Clone,
    matches: impl Fn(&Control) -> bool,
) -> Option<ControlId> {
    let of = |effect| controls.clone().filter(move |control| control.effect == effect);
    let denied = of(Effect::Deny).find(|control| matches(control));
    let missed = || {
        of(Effect::Allow).find(|missed| {
            !of(Effect::Allow).any(|other| other.scope == missed.scope && matches(other))
        })
    };
    denied.or_else(missed).map(|control| control.id)
}
