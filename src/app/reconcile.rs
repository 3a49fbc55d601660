//! Reconciliation with the card platform: its list, our books, and the daily run.

use std::sync::Arc;

use secrecy::SecretString;

use crate::config::Settings;
use crate::config::reconcile::Reconcile;
use crate::domain::clock::Clock;
use crate::domain::time::Timestamp;
use crate::egress::platform::Platform;
use crate::service::reconcile::{Books, Daily, Listing, Looked, Report, reconcile_daily};
use crate::telemetry::faults::Faults;
use crate::telemetry::metrics;
use crate::telemetry::notices::Notice;

use super::AppError;
use super::clock::SystemClock;
use super::homes::OpenHomes;

/// The platform that the settings name, if any.
pub fn platform(set: &Reconcile) -> Result<Option<Arc<dyn Listing>>, AppError> {
    let Some(url) = &set.platform else { return Ok(None) };
    let (none, empty) = (String::new(), SecretString::default());
    let application = set.application.as_ref().unwrap_or(&none);
    let access = set.access.as_ref().unwrap_or(&empty);
    let platform = Platform::new(url, application, access)
        .map_err(|error| AppError::Url { setting: "reconcile.platform", source: error.into() })?;
    Ok(Some(Arc::new(platform)))
}

/// Opens the books that these settings name to be read; a service may be working on them.
pub async fn open_books(settings: &Settings) -> Result<Books, AppError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let homes = OpenHomes::existing(settings, &clock).await?;
    Ok(books(&homes))
}

fn books(homes: &OpenHomes) -> Books {
    let each = homes.each();
    Books {
        histories: each.iter().map(|home| Arc::clone(&home.history)).collect(),
        audits: each.iter().map(|home| Arc::clone(&home.audit)).collect(),
    }
}

/// The daily run, if the settings ask for one.
pub(super) fn daily(
    set: &Reconcile,
    homes: &OpenHomes,
    clock: &Arc<dyn Clock>,
    faults: Arc<Faults>,
) -> Result<Option<impl Future<Output = ()> + Send + use<>>, AppError> {
    let Some(listing) = platform(set)? else { return Ok(None) };
    let daily = Daily {
        listing,
        books: books(homes),
        runs: homes.runs(),
        clock: Arc::clone(clock),
        hour: u8::try_from(set.hour).unwrap_or(0),
        days: u16::try_from(set.days).unwrap_or(u16::MAX),
    };
    Ok(Some(reconcile_daily(daily, move |looked, last| tell(looked, last, &faults))))
}

/// `last`: when it was done last, by any instance.
fn tell(looked: &Looked, last: Option<Timestamp>, faults: &Faults) {
    if let Some(last) = last {
        let seconds = last.as_micros().div_euclid(1_000_000);
        metrics::set(metrics::RECONCILE_LAST_RUN, &[], seconds as f64);
    }
    let report = match looked {
        Looked::Done(report) => report,
        Looked::Failed => return metrics::set(metrics::RECONCILE_FAILED, &[], 1.0),
        // What this instance has found is older: whoever was last tells of it now.
        Looked::Elsewhere => &Report::default(),
        Looked::Idle => return,
    };
    metrics::set(metrics::RECONCILE_FAILED, &[], 0.0);
    let kinds = [
        ("missing", report.missing),
        ("extra", report.extra),
        ("different", report.different),
        ("unreadable", report.unreadable),
    ];
    for (kind, count) in kinds {
        metrics::set(metrics::RECONCILE_DIFFERENCES, &[("kind", kind)], count as f64);
    }
    if !report.clean() {
        faults.tell_always(Notice::Differs {
            level: "critical",
            missing: report.missing,
            extra: report.extra,
            different: report.different,
            unreadable: report.unreadable,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::faults::tests::Told;

    #[test]
    fn books_that_differ_are_told_and_books_that_agree_are_not() {
        let (faults, told) = (Faults::default(), Arc::new(Told::default()));
        faults.tell_to(told.clone());
        tell(&Looked::Failed, None, &faults);
        let agrees = Report { equal: 7, ..Report::default() };
        tell(&Looked::Done(agrees), Some(Timestamp::default()), &faults);
        tell(&Looked::Idle, Some(Timestamp::default()), &faults);
        tell(&Looked::Elsewhere, Some(Timestamp::default()), &faults);
        assert!(told.0.lock().unwrap().is_empty());
        let report = Report { equal: 7, missing: 2, different: 1, ..Report::default() };
        tell(&Looked::Done(report), Some(Timestamp::default()), &faults);
        let told = told.0.lock().unwrap().clone();
        let texts: Vec<String> =
            told.iter().map(|notice| serde_json::to_string(notice).unwrap()).collect();
        let expected = r#"{"level":"critical","missing":2,"extra":0,"different":1,"unreadable":0}"#;
        assert_eq!(texts, [expected]);
        assert_eq!(told[0].event(), "alert.reconciliation");
    }
}
