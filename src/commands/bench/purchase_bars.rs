//! What purchases are to reach on servers. The embedded store has no bars, and neither has a target, whose
//! insides nobody sees.

use super::bars::{Bar, Bars};
use super::profile::Profile;
use super::report::Report;

/// The bars of a profile. `uncontended_per_s` is the peak of that profile, where the same run has
/// measured it before.
pub(super) fn of(profile: Profile, report: &Report, uncontended_per_s: Option<f64>) -> Bars {
    let mut bars = Bars::default();
    let on = |server: &str| report.stores.iter().any(|store| store == server);
    let (business, personal) = (on("postgres"), on("mongod"));
    let rate = Some(report.decisions_per_s);
    match profile {
        Profile::Uncontended if business => {
            bars.tell("decisions_per_s", rate, Bar::AtLeast(10_000.0));
            bars.tell("ratio_bare_batch", report.ratio_bare_batch, Bar::AtLeast(0.5));
            let cpu = report.service_cpu_us.zip(report.store_cpu_us);
            let cpu_us = cpu.map(|(service, store)| service + store);
            bars.tell("service_and_store_cpu_us", cpu_us, Bar::Below(120.0));
            bars.tell("p99_ms", p99_at_half_the_peak(report), Bar::Below(25.0));
        }
        Profile::HotAccount if business => {
            let uncontended = uncontended_per_s.filter(|per_s| *per_s > 0.0);
            let share = uncontended.map(|per_s| report.decisions_per_s / per_s);
            bars.tell("ratio_uncontended", share, Bar::AtLeast(0.5));
            let shared = rate.filter(|_| report.instances > 1);
            bars.tell("decisions_per_s", shared, Bar::AtLeast(3_000.0));
        }
        Profile::Personal if personal => {
            bars.tell("decisions_per_s", rate, Bar::AtLeast(8_000.0));
        }
        _ => {}
    }
    if business || personal {
        bars.tell("rss_mb", report.rss_mb, Bar::Below(150.0));
    }
    bars
}

/// `None`: purchases arrived faster than that.
fn p99_at_half_the_peak(report: &Report) -> Option<f64> {
    let arrivals = f64::from(report.open_loop.as_ref()?.arrival_rate?);
    // A rate is a whole number.
    (arrivals <= report.decisions_per_s / 2.0 + 1.0).then_some(report.p99_ms)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::load::Phase;
    use super::super::report::{Cpu, PhaseReport};
    use super::*;

    fn report(store: &str, per_s: f64, arrivals: u32) -> Report {
        let phase = Phase { elapsed: Duration::from_secs(1), ..Phase::empty() };
        Report {
            stores: vec![store.to_owned()],
            instances: 1,
            decisions_per_s: per_s,
            p99_ms: 30.0,
            ratio_bare_batch: Some(0.5),
            service_cpu_us: Some(40.0),
            store_cpu_us: Some(79.0),
            rss_mb: Some(100.0),
            open_loop: Some(PhaseReport::of(&phase, 1, Some(arrivals), Cpu::default())),
            ..Report::default()
        }
    }

    fn check(profile: Profile, report: &Report, uncontended: Option<f64>, missed: &[&str]) {
        let found: Vec<_> = of(profile, report, uncontended).missed().collect();
        assert_eq!(found, missed, "{profile:?}");
    }

    #[test]
    fn each_profile_has_bars_of_its_own() {
        use Profile::{HotAccount, MixedHomes, Personal, Uncontended};
        let good = report("postgres", 10_000.0, 8_000);
        check(Uncontended, &good, None, &[]);
        let half = report("postgres", 10_000.0, 5_000);
        check(Uncontended, &half, None, &["p99_ms 30.00, below 25"]);
        let slow = Report { store_cpu_us: Some(80.0), ..report("postgres", 9_000.0, 8_000) };
        check(
            Uncontended,
            &slow,
            None,
            &[
                "decisions_per_s 9000.00, at least 10000",
                "service_and_store_cpu_us 120.00, below 120",
            ],
        );
        check(HotAccount, &slow, None, &[]);
        check(HotAccount, &slow, Some(20_000.0), &["ratio_uncontended 0.45, at least 0.5"]);
        let racing = Report { instances: 2, ..report("postgres", 2_000.0, 1) };
        check(HotAccount, &racing, None, &["decisions_per_s 2000.00, at least 3000"]);
        let personal = report("mongod", 7_000.0, 1);
        check(Personal, &personal, None, &["decisions_per_s 7000.00, at least 8000"]);
        let large = Report { rss_mb: Some(150.0), ..personal };
        check(MixedHomes, &large, None, &["rss_mb 150.00, below 150"]);
    }

    #[test]
    fn neither_the_embedded_store_nor_a_target_has_bars() {
        for store in ["embedded", "http://127.0.0.1:8080"] {
            let slow = Report { rss_mb: Some(1_000.0), ..report(store, 1.0, 1) };
            for profile in Profile::ALL {
                check(profile, &slow, Some(1_000.0), &[]);
            }
        }
    }
}
