//! Exported metrics as numbers: what a service tells whoever watches it.

use crate::telemetry::metrics::Metric;

/// The sum of a metric's samples that carry a label (`outcome="processed"`; empty: all of them). Homes
/// and instances add up.
pub fn sum(text: &str, metric: Metric, label: &str) -> f64 {
    let value = |line: &str| -> Option<f64> {
        let rest = line.strip_prefix(metric.name)?;
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => rest.split_once("} ")?,
            None => ("", rest.strip_prefix(' ')?),
        };
        if labels.contains(label) { value.trim().parse().ok() } else { None }
    };
    text.lines().filter_map(value).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::INGEST_ATTEMPTS;
    use crate::telemetry::outbox;

    #[test]
    fn samples_of_one_metric_add_up() {
        let text = "# TYPE tollgate_outbox_rows gauge\n\
            tollgate_outbox_rows 7\n\
            tollgate_outbox_rows_of_another 9\n\
            tollgate_events_published_total{home=\"postgres\"} 30\n\
            tollgate_events_published_total{home=\"mongodb\"} 12\n\
            tollgate_ingest_attempts_total{outcome=\"processed\"} 5\n\
            tollgate_ingest_attempts_total{outcome=\"parked\"} 1\n";
        assert_eq!(sum(text, outbox::ROWS, ""), 7.0);
        assert_eq!(sum(text, outbox::PUBLISHED, ""), 42.0);
        assert_eq!(sum(text, INGEST_ATTEMPTS, "outcome=\"processed\""), 5.0);
        assert_eq!(sum("", outbox::ROWS, ""), 0.0);
    }
}
