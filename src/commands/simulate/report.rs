//! What `simulate` prints: each flow, the notifications, the comparison of the books.

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::books::Comparison;
use super::flows::{self, Outcome, Played};
use super::notices::Tally;

/// How wide the column of names is.
const NAME_WIDTH: usize = 42;

/// Differences that are printed; all are counted.
const PRINTED_MAX: usize = 20;

/// Prints everything; whether all is well.
pub(super) fn print(played: &[Played], tally: &Tally, compared: &Comparison) -> bool {
    println!();
    let mut flows_sound = true;
    for flow in 0..flows::COUNT {
        let own = || played.iter().filter(|played| played.flow == flow);
        if own().next().is_none() {
            continue;
        }
        let count = |outcome| own().filter(|played| played.outcome == outcome).count();
        let (well, undecided) = (count(Outcome::Well), count(Outcome::Undecided));
        let fault = own().find_map(|played| match &played.outcome {
            Outcome::Fault(fault) => Some(format!("  {fault}")),
            Outcome::Well | Outcome::Undecided => None,
        });
        let mut verdict = fault.clone().unwrap_or_default();
        if undecided > 0 {
            verdict.push_str(&format!("  {undecided} could not be decided"));
        }
        flows_sound &= fault.is_none() && well > 0;
        let name = flows::name(flow);
        println!("  {name:NAME_WIDTH$} {well:>4} of {:<4}{verdict}", own().count());
    }
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let lost = read(&tally.lost);
    println!(
        "\nnotifications: {}; deliveries acknowledged: {} ({} of them duplicates), sent again: {}, \
         never acknowledged: {lost}",
        read(&tally.notices),
        read(&tally.acknowledged),
        read(&tally.duplicates),
        read(&tally.repeated),
    );
    if lost > 0 {
        let last = tally.last.lock().unwrap_or_else(PoisonError::into_inner);
        println!("  the last of those was answered: {last}");
    }
    let differences = compared.differences.len();
    println!(
        "books: {} accounts ({} of them wallets), {} purchases and {} cards compared, {differences} \
         differences",
        compared.accounts, compared.wallets, compared.purchases, compared.cards
    );
    for difference in compared.differences.iter().take(PRINTED_MAX) {
        println!("  {difference}");
    }
    let sound = flows_sound && lost == 0 && differences == 0;
    println!("{}", if sound { "both sides agree" } else { "the two sides do NOT agree" });
    sound
}
