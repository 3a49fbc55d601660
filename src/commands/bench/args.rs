//! The flags of `tollgate bench`.

use std::path::PathBuf;

use clap::ValueEnum;
use secrecy::SecretString;

use super::profile::Choice;
use super::program::Limits;

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// The traffic; several are run one after another.
    #[arg(long, value_delimiter = ',', default_value = "uncontended")]
    pub(super) profile: Vec<Choice>,
    /// Where the measured service keeps its books: in its own files, or on the servers whose URLs
    /// are set in this environment.
    #[arg(long, default_value = "embedded")]
    pub(super) store: StoreChoice,
    /// Services on the same servers; connections are spread over them.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub(super) instances: u16,
    /// Accounts with a card each; on the hot account, cards.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) accounts: u32,
    /// Limits that each card meets.
    #[arg(long, default_value = "1")]
    pub(super) limits: Limits,
    /// How long the closed and the open loop take, in seconds.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(super) seconds: u64,
    /// How long everything may take, set-up included, in seconds: phases shrink to fit.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) time_limit: Option<u64>,
    /// At least so many decisions at saturation.
    #[arg(long, default_value_t = 0)]
    pub(super) decisions: u64,
    /// At least so many decisions before the first measured one: a purchase of each account fills
    /// the caches.
    #[arg(long, default_value_t = 0)]
    pub(super) warm_up: u64,
    /// Connections that are kept open.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    pub(super) connections: u16,
    /// Arrivals a second in the open loop [default: a share of the peak].
    #[arg(long, conflicts_with = "rate_share", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) rate: Option<u32>,
    /// Arrivals in the open loop as a share of the peak.
    #[arg(long, default_value_t = 0.8, value_parser = share)]
    pub(super) rate_share: f64,
    /// Print one JSON object for each profile, a line each.
    #[arg(long)]
    pub(super) json: bool,
    /// Fail where a figure misses its bar, and name it; or where a profile has no bars.
    #[arg(long)]
    pub(super) bars: bool,
    /// Leave out the empty handler and the bare batch.
    #[arg(long)]
    pub(super) no_yardsticks: bool,
    /// Leave out the verification of the books.
    #[arg(long)]
    pub(super) no_verify: bool,
    /// Keep the names of what was set up in this file, and use them again instead of a new set-up
    /// (with servers or a target).
    #[arg(long)]
    pub(super) program: Option<PathBuf>,
    /// Where a fresh store is put, and the disk that is measured [default: the system's folder for
    /// temporary files].
    #[arg(long)]
    pub(super) data_dir: Option<PathBuf>,
    /// Measure a service that runs already, such as http://127.0.0.1:8080: only the open loop, and
    /// every failed request counts.
    #[arg(long, requires = "rate", conflicts_with_all = ["store", "instances", "decisions", "data_dir"])]
    pub(super) target: Option<String>,
    /// The target's key for REST routes [default: the setting `admin.key`].
    #[arg(long, requires = "target")]
    pub(super) admin_key: Option<SecretString>,
    /// The target's user name at the JIT door [default: the setting `jit.username`].
    #[arg(long, requires = "target")]
    pub(super) jit_username: Option<String>,
    /// The target's password at the JIT door [default: the setting `jit.password`].
    #[arg(long, requires = "target")]
    pub(super) jit_password: Option<SecretString>,
}

/// Where the measured service keeps its books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StoreChoice {
    /// In files of its own.
    Embedded,
    /// On the servers of the environment.
    Servers,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "a number such as 0.5".to_owned())?;
    if share > 0.0 && share <= 1.0 { Ok(share) } else { Err("above 0, up to 1".to_owned()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, String> {
        let words = std::iter::once("bench").chain(line.split_ascii_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.args).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_are_read_and_senseless_ones_refused() {
        let args = parse("--profile personal,mixed-homes --limits 4 --rate-share 0.5").unwrap();
        assert_eq!((args.profile.len(), args.limits, args.rate_share), (2, Limits::Four, 0.5));
        let args = parse("--target http://127.0.0.1:8080 --rate 300 --seconds 120").unwrap();
        assert_eq!(args.rate, Some(300));
        for line in [
            "--profile none",
            "--rate-share 0",
            "--rate-share 1.5",
            "--rate 5 --rate-share 0.5",
            "--target http://a",
            "--target http://a --rate 1 --store servers",
            "--limits 2",
            "--admin-key k",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
