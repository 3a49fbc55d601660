//! The report as a table for people.

use std::fmt;

use super::answers::Failures;
use super::report::{BareReport, PhaseReport, Report};

const HEADINGS: &str = "     per s    errors   p50 ms   p95 ms   p99 ms p99.9 ms   max ms   cpu us";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.heading(f)?;
        writeln!(f)?;
        writeln!(f, "{:<15}{HEADINGS}", "")?;
        if let Some(phase) = &self.peak {
            writeln!(f, "{:<15}{phase}", "saturation")?;
        }
        if let Some(phase) = &self.open_loop {
            let name = format!("{}/s open", phase.arrival_rate.unwrap_or(0));
            writeln!(f, "{name:<15}{phase}")?;
        }
        if let Some(phase) = &self.empty_handler {
            writeln!(f, "{:<15}{phase}", "empty handler")?;
        }
        if let Some(bare) = &self.bare_batch {
            let BareReport { per_s, batches_per_s, batch, lanes, .. } = bare;
            let batches = format!("{batches_per_s:.0} batches of {batch} a second, {lanes} lanes");
            writeln!(f, "{:<15}{per_s:>10.0}  {batches}", "bare batch")?;
        }
        writeln!(f)?;
        self.totals(f)?;
        self.conditions(f)?;
        self.failures(f)?;
        write!(f, "{}", self.bars)
    }
}

impl fmt::Display for PhaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { per_s, errors, p50_ms, p95_ms, p99_ms, p999_ms, max_ms, .. } = self;
        write!(f, "{per_s:>10.0}{errors:>10}{p50_ms:>9.2}{p95_ms:>9.2}{p99_ms:>9.2}")?;
        write!(f, "{p999_ms:>9.2}{max_ms:>9.2}")?;
        self.server_cpu_us.iter().try_for_each(|us| write!(f, "{us:>9.1}"))
    }
}

impl Report {
    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { profile, instances, connections, accounts, cards, limits_per_card, .. } = self;
        writeln!(f, "profile {profile} on {}", self.stores.join(", "))?;
        if *instances > 0 {
            write!(f, "{} of the service, ", some(*instances, "instance"))?;
        }
        write!(f, "{connections} connections, ")?;
        write!(f, "{}, {}, ", some(*accounts, "account"), some(*cards, "card"))?;
        writeln!(f, "{} per card", some(*limits_per_card, "limit"))
    }

    fn totals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "decisions/s        {:.0}", self.decisions_per_s)?;
        line(f, "declined", self.declined_share(), |share| format!("{:.0} %", share * 100.0))?;
        line(f, "of the bare batch", self.ratio_bare_batch, two)?;
        line(f, "of empty handler", self.ratio_empty_handler, two)?;
        line(f, "batch, mean", self.batch_mean, two)?;
        line(f, "batches run again", self.retries, |retries| retries.to_string())?;
        line(f, "cache hits", self.cache_hit_share, |share| format!("{:.1} %", share * 100.0))?;
        line(f, "service CPU", self.service_cpu_us, |us| format!("{us:.1} us per decision"))?;
        line(f, "store CPU", self.stores_cpu(), |text| text)
    }

    fn conditions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        line(f, "service memory", self.rss_mb, |mb| format!("{mb:.0} MiB at most"))?;
        line(f, "set-up", self.setup_s, |seconds| format!("{seconds:.1} s"))?;
        line(f, "start to ready", self.start_to_ready_ms, |ms| format!("{ms:.0} ms"))?;
        line(f, "disk flush", self.flush_ms, |ms| format!("{ms:.2} ms (4 KiB, median)"))?;
        let late = self.open_loop.as_ref().map(|phase| phase.sent_late_p99_ms);
        line(f, "sent late, p99", late, |ms| format!("{ms:.2} ms (part of the latencies)"))?;
        line(f, "books", self.verified, |clean| if clean { "clean" } else { "DIFFER" }.to_owned())
    }

    fn failures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "requests           {}", self.requests)?;
        writeln!(f, "errors             {}", self.errors)?;
        let Failures { connection, status, statuses, unavailable, wrong, unsent } = &self.failures;
        if self.errors > 0 {
            writeln!(f, "  no connection, broken, or no answer  {connection}")?;
            writeln!(f, "  neither 200 nor 402                  {status}")?;
            for (status, number) in statuses {
                writeln!(f, "    {status}: {number}")?;
            }
            writeln!(f, "  402, unavailable                     {unavailable}")?;
            writeln!(f, "  another decision than expected       {wrong}")?;
            writeln!(f, "  due, but not sent in time            {unsent}")?;
        }
        self.error_example.iter().try_for_each(|example| writeln!(f, "  such as: {example}"))
    }

    /// Declines among the right answers of the loop that gives the rate.
    fn declined_share(&self) -> Option<f64> {
        let phase = self.peak.as_ref().or(self.open_loop.as_ref())?;
        let share = super::load::count(phase.declined) / super::load::count(phase.answers.max(1));
        (phase.declined > 0).then_some(share)
    }

    fn stores_cpu(&self) -> Option<String> {
        let stores = self.peak.as_ref()?.stores_cpu_us.as_ref()?;
        let each = stores.iter().map(|(program, us)| format!("{program} {us:.1} us"));
        Some(each.collect::<Vec<_>>().join(", "))
    }
}

/// A line for what was measured; none for what was not.
fn line<T>(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    value: Option<T>,
    text: impl FnOnce(T) -> String,
) -> fmt::Result {
    match value {
        Some(value) => writeln!(f, "{name:<19}{}", text(value)),
        None => Ok(()),
    }
}

fn two(number: f64) -> String {
    format!("{number:.2}")
}

fn some(number: impl Into<u32>, noun: &str) -> String {
    let number = number.into();
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_left_out_and_failures_are_told_by_kind() {
        let mut report =
            Report { profile: "personal", instances: 1, accounts: 2, ..Report::default() };
        let text = report.to_string();
        assert!(
            text.contains("1 instance of the service") && text.contains("2 accounts"),
            "{text}"
        );
        assert!(!text.contains("bare batch") && !text.contains("unavailable"), "{text}");
        report.failures.unavailable = 3;
        report.errors = report.failures.total();
        report.ratio_bare_batch = Some(0.5);
        let text = report.to_string();
        assert!(text.contains("of the bare batch  0.50"), "{text}");
        assert!(text.contains("402, unavailable                     3"), "{text}");
    }
}
