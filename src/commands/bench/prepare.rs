//! The card program of a run: created now, or found again from an earlier run.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::args::Args;
use super::plan::Plan;
use super::profile::Profile;
use super::program::{Program, Programs};
use super::rest::Admin;
use super::setup;
use super::{BenchError, random};

/// A program that is there, and how long it took to get there.
pub(super) struct Prepared {
    pub(super) program: Program,
    /// `None`: it was there before.
    pub(super) took: Option<Duration>,
}

/// Sets the program of a profile up, unless the flags name a file in which it is kept.
pub(super) async fn prepare(
    args: &Args,
    profile: Profile,
    admin: &Admin,
    plan: &Plan,
) -> Result<Prepared, BenchError> {
    let wanted = Program::new(profile, args.accounts, args.limits, random());
    match &args.program {
        None => create(admin, wanted, plan).await,
        Some(path) => keep(path, profile, admin, wanted, plan).await,
    }
}

async fn keep(
    path: &Path,
    profile: Profile,
    admin: &Admin,
    wanted: Program,
    plan: &Plan,
) -> Result<Prepared, BenchError> {
    let mut programs = Programs::load(path)?;
    if let Some(program) = programs.find(profile, &wanted) {
        let program = program.clone();
        setup::check(admin, &program).await?;
        return Ok(Prepared { program, took: None });
    }
    let prepared = create(admin, wanted, plan).await?;
    programs.keep(profile, &prepared.program, path)?;
    Ok(prepared)
}

async fn create(admin: &Admin, program: Program, plan: &Plan) -> Result<Prepared, BenchError> {
    let started = Instant::now();
    let left = plan.left().unwrap_or(Duration::MAX);
    match timeout(left, setup::set_up(admin, &program)).await {
        Ok(done) => done?,
        Err(_) => return Err(BenchError::TooLong(program.accounts(), left.as_secs_f64())),
    }
    Ok(Prepared { program, took: Some(started.elapsed()) })
}
