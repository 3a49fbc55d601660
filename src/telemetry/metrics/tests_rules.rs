//! Tests: the alert rules ask for nothing that is not exported.

use super::*;

const RULES: &str = include_str!("../../../deploy/prometheus/tollgate.rules.yml");

#[test]
fn rules_name_only_metrics_that_there_are() {
    let words = RULES.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named: Vec<&str> = words.filter(|word| word.starts_with("tollgate_")).collect();
    assert!(named.len() > 15, "{named:?}");
    let is_of = |word: &str, metric: &Metric, suffixes: &[&str]| {
        let suffix = word.strip_prefix(metric.name);
        suffix.is_some_and(|suffix| suffixes.contains(&suffix))
    };
    for word in named {
        let mut single = COUNTERS.iter().chain(GAUGES);
        let known = single.any(|metric| is_of(word, metric, &[""]))
            || HISTOGRAMS.iter().any(|metric| is_of(word, metric, &["_bucket", "_sum", "_count"]));
        assert!(known, "{word} is no metric");
    }
}

/// By what the series of metrics that rules name are told apart.
const LABELS: [(Metric, &[&str]); 18] = [
    (PROBE_SECONDS, &["server"]),
    (POOL_CONNECTIONS, &["server", "pool", "state"]),
    (cache::LOOKUPS, &["home", "level", "kind", "result"]),
    (cache::REDIS_CALL_SECONDS, &[]),
    (cache::REDIS_MEMORY, &[]),
    (broker::PUBLISH_SECONDS, &[]),
    (broker::CONSUME_SECONDS, &["queue"]),
    (broker::QUEUE_DEPTH, &["queue"]),
    (broker::EXPIRED, &[]),
    (STAGE_SECONDS, &["stage", "quantile"]),
    (REQUESTS, &["door", "outcome"]),
    (doors::REQUEST_SECONDS, &["door"]),
    (ALERT_ACTIVE, &["kind", "level", "stage"]),
    (PAN_SEEN, &["place", "what"]),
    (outbox::UNREADABLE, &["home"]),
    (outbox::SET_ASIDE, &["home"]),
    (feed::HEARS, &[]),
    (feed::OPEN, &[]),
];

/// The names at the beginning of what stands behind each `open`, up to `close`, between commas.
fn names_in<'a>(text: &'a str, open: &str, close: char) -> Vec<&'a str> {
    let lists = text.split(open).skip(1).map(|rest| rest.split(close).next().unwrap());
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let names = lists.flat_map(|list| list.split(',')).map(str::trim_start);
    names.map(|name| name.split(|c| !is_name(c)).next().unwrap()).collect()
}

#[test]
fn rules_name_only_labels_that_their_metrics_have() {
    for rule in RULES.split("- alert: ").skip(1) {
        let named: Vec<_> =
            LABELS.iter().filter(|(metric, _)| rule.contains(metric.name)).collect();
        assert!(!named.is_empty(), "no metric that is listed here: {rule}");
        let mut labels = names_in(rule, "by (", ')');
        labels.extend(names_in(rule, "$labels.", ' '));
        for (metric, _) in &named {
            for suffix in ["", "_bucket", "_sum", "_count"] {
                labels.extend(names_in(rule, &format!("{}{suffix}{{", metric.name), '}'));
            }
        }
        for label in labels {
            let known = named.iter().any(|(_, labels)| labels.contains(&label));
            assert!(known || ["instance", "le"].contains(&label), "{label}: {rule}");
        }
    }
}

#[test]
fn counts_that_rules_ask_to_have_grown_are_there_before_their_first_case() {
    let text = render();
    for place in ["body", "target", "header", "notification", "message"] {
        for what in ["number", "secret", "identifier"] {
            let line = format!("tollgate_pan_seen_total{{place=\"{place}\",what=\"{what}\"}} ");
            assert!(text.contains(&line), "{line} in {text}");
        }
    }
}
