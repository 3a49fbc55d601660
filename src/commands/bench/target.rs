//! A service that runs already, measured from outside: the open loop alone, in which every request
//! that fails is counted. Nothing is started, killed or verified.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::answers::Check;
use super::args::Args;
use super::load::Load;
use super::plan::{Plan, Step};
use super::prepare::prepare;
use super::profile::Profile;
use super::report::{Cpu, PhaseReport, Report};
use super::requests::{Caller, Requests, Tokens};
use super::rest::Admin;
use super::{BenchError, random};
use crate::config::Settings;

/// Where it is, and who we are there.
#[derive(Debug)]
pub(super) struct Target {
    url: String,
    admin: Admin,
    caller: Caller,
}

impl Target {
    /// From the flags; what they leave out is taken from the settings.
    pub(super) async fn of(url: &str, args: &Args) -> Result<Self, BenchError> {
        let settings = Settings::load()?;
        let needed = |name: &str, flag: &Option<SecretString>, setting: Option<SecretString>| {
            let value = flag.clone().or(setting);
            value.map(|value| value.expose_secret().to_owned()).ok_or_else(|| {
                BenchError::Refused(format!("--target needs {name}: set it, or give the flag"))
            })
        };
        let key = needed("admin.key", &args.admin_key, settings.admin.key)?;
        let password = needed("jit.password", &args.jit_password, settings.jit.password)?;
        let username = args.jit_username.clone().map(SecretString::from);
        let set = settings.jit.username.map(SecretString::from);
        let username = needed("jit.username", &username, set)?;
        let host = host(url)?;
        let addrs = vec![resolve(&host).await?];
        let caller = Caller { host: host.clone(), username, password };
        Ok(Self { url: url.to_owned(), admin: Admin { addrs, host, key }, caller })
    }

    /// Sets a program up there, and asks at the given rate.
    pub(super) async fn measure(
        &self,
        args: &Args,
        profile: Profile,
        plan: Plan,
    ) -> Result<Report, BenchError> {
        let prepared = prepare(args, profile, &self.admin, &plan).await?;
        let program = &prepared.program;
        let connections = usize::from(args.connections);
        let load = Load {
            addrs: self.admin.addrs.clone(),
            connections,
            requests: Arc::new(Requests::of(&self.caller, program)?),
            check: Check::Decision,
        };
        let rate = args.rate.unwrap_or(1); // clap requires it
        let time = plan.time_for(Step::OpenLoop);
        let mut tokens = Tokens::of(&format!("{:012x}", random() & 0xffff_ffff_ffff));
        let run = move || load.open_loop(&mut tokens, rate, time);
        let phase = tokio::task::spawn_blocking(run).await.map_err(io::Error::other)??;
        let open_loop = PhaseReport::of(&phase, connections, Some(rate), Cpu::default());
        Ok(Report {
            profile: profile.as_str(),
            stores: vec![self.url.clone()],
            connections,
            accounts: program.accounts(),
            cards: program.cards(),
            limits_per_card: program.limits.per_card(),
            decisions_per_s: open_loop.per_s,
            p50_ms: open_loop.p50_ms,
            p95_ms: open_loop.p95_ms,
            p99_ms: open_loop.p99_ms,
            p999_ms: open_loop.p999_ms,
            requests: open_loop.answers + open_loop.errors,
            errors: open_loop.errors,
            failures: open_loop.failures.clone(),
            error_example: phase.example,
            setup_s: prepared.took.map(|took: Duration| took.as_secs_f64()),
            open_loop: Some(open_loop),
            ..Report::default()
        })
    }
}

/// `host` or `host:port` of a plain HTTP URL without a path.
fn host(url: &str) -> Result<String, BenchError> {
    let host = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let plain = |host: &&str| !host.is_empty() && !host.contains(['/', '@', '?', '#']);
    host.filter(plain).map(str::to_owned).ok_or_else(|| {
        BenchError::Refused(
            "--target is a URL such as http://127.0.0.1:8080, without a path".into(),
        )
    })
}

async fn resolve(host: &str) -> Result<SocketAddr, BenchError> {
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let with_port = if has_port { host.to_owned() } else { format!("{host}:80") };
    let mut found = tokio::net::lookup_host(with_port).await?;
    found.next().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound).into())
}

#[cfg(test)]
mod tests;
