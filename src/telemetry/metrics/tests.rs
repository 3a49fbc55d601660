//! Tests: each metric is described, and what is recorded is rendered.

use super::*;

#[test]
fn every_metric_says_what_it_is_and_ends_in_what_it_counts() {
    for metric in COUNTERS {
        assert!(metric.name.ends_with("_total"), "{}", metric.name);
    }
    for metric in COUNTERS.iter().chain(GAUGES).chain(HISTOGRAMS) {
        assert!(metric.name.starts_with("tollgate_") && !metric.help.is_empty());
        let seconds = metric.name.ends_with("_seconds");
        assert_eq!(seconds, metric.unit == Unit::Seconds, "{}", metric.name);
    }
}

#[test]
fn what_is_counted_and_recorded_is_rendered() {
    let redis = cache::RedisMetrics::new();
    count(cache::LOOKUPS, &[("level", "memory"), ("kind", "test"), ("result", "hit")], 7);
    redis.took_us(150);
    keep_up();
    let text = render();
    let line = r#"tollgate_cache_lookups_total{level="memory",kind="test",result="hit"} 7"#;
    assert!(text.contains(line), "{text}");
    assert!(text.contains(r#"tollgate_redis_call_seconds_bucket{le="0.0002"}"#), "{text}");
    assert!(text.contains("# TYPE tollgate_redis_available gauge"), "{text}");
}
