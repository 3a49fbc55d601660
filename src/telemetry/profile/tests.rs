//! The profiler's numbers, minutes and alerts.

use super::*;

fn sample(door: Door, total_us: u64, ended: Ended) -> Sample {
    let stages = StageTimes { decision_us: 3, lane_wait_us: total_us / 2, ..Default::default() };
    Sample { door, stages, commit_us: total_us / 4, total_us, ended }
}

fn at(second: u64) -> (Timestamp, Monotonic) {
    let micros = second * 1_000_000;
    (Timestamp::from_micros(micros as i64), Monotonic::from_micros(micros))
}

fn tick(profiler: &Profiler, second: u64) {
    let (now, monotonic) = at(second);
    profiler.tick(now, monotonic);
}

fn stage<'a>(path: &'a PathReport, name: &str) -> &'a StageReport {
    path.stages.iter().find(|(stage, _)| *stage == name).map(|(_, report)| report).unwrap()
}

#[test]
fn counts_averages_and_quantiles_are_right() {
    let profiler = Profiler::default();
    for total_us in 1..=1000 {
        profiler.record(&sample(Door::Marqeta, total_us, Ended::Approved));
    }
    let declined = Ended::Declined(Reason::InsufficientFunds);
    profiler.record(&sample(Door::Rest, 2_000, declined));
    profiler.record(&sample(Door::Rest, 10, Ended::Unavailable));
    let report = profiler.report(at(1).0, 1).since_start;

    let marqeta = &report.doors["marqeta"];
    let total = stage(marqeta, "total");
    assert_eq!((total.count, total.min_us, total.max_us), (1000, 1, 1000));
    assert_eq!(total.average_us, 500.5);
    assert_eq!((total.p50_us, total.p95_us, total.p99_us, total.p999_us), (500, 950, 990, 999));
    assert_eq!((marqeta.approved, marqeta.approval_rate), (1000, Some(1.0)));

    let all = &report.all;
    assert_eq!((all.count, all.approved, all.declined, all.unavailable), (1002, 1000, 1, 1));
    assert_eq!(all.reasons, [("INSUFFICIENT_FUNDS", 1)].into());
    assert_eq!(all.approval_rate, Some(1000.0 / 1001.0));
    assert_eq!(stage(all, "user_lookup").count, 1001, "not reached without a decision");
    assert_eq!(stage(all, "total").max_us, 2_000);
    let names: Vec<_> = all.stages.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, Stage::ALL.map(Stage::as_str));
}

#[test]
fn an_empty_profile_says_nothing() {
    let report = Profiler::default().report(at(0).0, 60);
    assert_eq!(report.since_start.all.count, 0);
    assert_eq!(report.since_start.all.approval_rate, None);
    assert!(serde_json::to_value(&report).is_ok());
}

#[test]
fn minutes_leave_the_recent_window_but_not_the_whole() {
    let profiler = Profiler::default();
    tick(&profiler, 0);
    for minute in 1..=70 {
        profiler.record(&sample(Door::Marqeta, minute, Ended::Approved));
        tick(&profiler, minute * 60);
    }
    profiler.record(&sample(Door::Marqeta, 71, Ended::Approved));
    let recent = |minutes| profiler.report(at(0).0, minutes).recent.all;
    assert_eq!(recent(1).count, 1, "the running minute");
    assert_eq!(recent(3).count, 3);
    let total = *stage(&recent(3), "total");
    assert_eq!((total.min_us, total.max_us, total.p50_us), (69, 71, 70));
    assert_eq!(recent(60).count, 60);
    assert_eq!(recent(1000).count, 60);
    let report = profiler.report(at(0).0, 1);
    assert_eq!(report.since_start.all.count, 71);
    assert_eq!(stage(&report.since_start.all, "total").min_us, 1);
}

#[test]
fn very_long_durations_are_kept() {
    let profiler = Profiler::default();
    tick(&profiler, 0);
    profiler.record(&sample(Door::Marqeta, u64::MAX / 2, Ended::Approved));
    tick(&profiler, 60);
    let report = profiler.report(at(60).0, 2);
    assert_eq!(stage(&report.recent.all, "total").max_us, u64::MAX / 2);
    assert_eq!(stage(&report.since_start.all, "total").count, 1);
}

#[test]
fn slow_totals_raise_alerts_that_blame_a_stage_and_end_by_themselves() {
    let profiler = Profiler::default();
    tick(&profiler, 100);
    for _ in 0..3 {
        profiler.record(&sample(Door::Marqeta, 60_000, Ended::Approved));
    }
    let mut slow = sample(Door::Marqeta, 150_000, Ended::Approved);
    slow.commit_us = 100_000;
    profiler.record(&slow);
    profiler.record(&sample(Door::Marqeta, 50_000, Ended::Approved)); // not above
    let alerts = profiler.report(at(100).0, 1).alerts;
    let seen: Vec<_> = alerts
        .iter()
        .map(|a| {
            let slow = a.slow.unwrap();
            (a.kind, a.level, slow.stage, slow.total_us, slow.stage_us, a.count, a.active)
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("total", "warning", "lane_wait", 60_000, 30_000, 3, true),
            ("total", "critical", "commit", 150_000, 100_000, 1, true),
        ]
    );
    tick(&profiler, 161);
    assert!(profiler.report(at(161).0, 1).alerts.iter().all(|alert| !alert.active));
}

#[test]
fn a_stage_above_its_budget_raises_an_alert_of_its_own() {
    let profiler = Profiler::default();
    let mut slow = sample(Door::Rest, 20_000, Ended::Approved);
    slow.stages.card_lookup_us = 10_001;
    slow.stages.decision_us = 5_000; // at its budget, not above
    profiler.record(&slow);
    let alerts = profiler.report(at(0).0, 1).alerts;
    assert_eq!(alerts.len(), 1);
    let slow = alerts[0].slow.unwrap();
    assert_eq!((alerts[0].kind, slow.stage, slow.stage_us), ("stage", "card_lookup", 10_001));
}

#[test]
fn time_outside_the_stages_is_blamed_too() {
    let profiler = Profiler::default();
    let ended = Ended::Approved;
    let stages = StageTimes { lane_wait_us: 1_000, ..Default::default() };
    profiler.record(&Sample { door: Door::Rest, stages, commit_us: 0, total_us: 80_000, ended });
    let alerts = profiler.report(at(0).0, 1).alerts;
    let slow = alerts[0].slow.unwrap();
    assert_eq!((slow.stage, slow.stage_us), ("outside", 79_000));
}

#[test]
fn threads_do_not_lose_samples() {
    let profiler = Profiler::default();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for n in 0..1_000 {
                    profiler.record(&sample(Door::Marqeta, n, Ended::Approved));
                }
            });
        }
        tick(&profiler, 0);
        tick(&profiler, 60);
    });
    assert_eq!(profiler.report(at(60).0, 60).since_start.all.count, 8_000);
}
