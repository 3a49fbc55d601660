//! What processes have used, as the kernel tells it in `/proc`. Zeros where it does not (it is not
//! Linux).

use std::collections::BTreeMap;
use std::fs;

/// Ticks of `/proc/*/stat` per second: a constant of the Linux interface.
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// CPU time in user and kernel mode, in microseconds.
    pub cpu_us: u64,
    /// Resident memory at its highest, in KiB.
    pub rss_peak_kib: u64,
}

/// CPU time of database servers in microseconds, by the name of their program.
pub type ServersCpu = BTreeMap<&'static str, u64>;

/// What one process has used.
pub fn used(pid: u32) -> Used {
    let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    Used {
        cpu_us: parse(&read("stat")).map_or(0, |stat| stat.own_us),
        rss_peak_kib: kib(&read("status"), "VmHWM:").unwrap_or(0),
    }
}

/// CPU time of all processes of these programs, with that of their children that have ended: a
/// backend that leaves does not take its time with it.
pub fn servers_cpu(programs: &[&'static str]) -> ServersCpu {
    let mut used: ServersCpu = programs.iter().map(|program| (*program, 0)).collect();
    if programs.is_empty() {
        return used;
    }
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    for folder in folders {
        let Ok(text) = fs::read_to_string(folder.path().join("stat")) else { continue };
        let Some(stat) = parse(&text) else { continue };
        if let Some(sum) = used.get_mut(stat.program) {
            *sum += stat.own_us + stat.children_us;
        }
    }
    used
}

struct Stat<'a> {
    program: &'a str,
    own_us: u64,
    children_us: u64,
}

/// Field 2 is the name in parentheses, which may hold spaces and parentheses itself; 14 to 17 are
/// the ticks in user and kernel mode, its own and those of its children that have ended.
fn parse(stat: &str) -> Option<Stat<'_>> {
    let (before, after) = stat.rsplit_once(") ")?;
    let (_, program) = before.split_once('(')?;
    let mut fields = after.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (own, children) = (ticks()? + ticks()?, ticks()? + ticks()?);
    let us = |ticks: u64| ticks * 1_000_000 / TICKS_PER_SECOND;
    Some(Stat { program, own_us: us(own), children_us: us(children) })
}

fn kib(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_is_read_from_what_the_kernel_writes() {
        let stat = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 100 25 20 0 4 0 100 0 0";
        let stat = parse(stat).unwrap();
        assert_eq!(stat.program, "a (b) c");
        assert_eq!((stat.own_us, stat.children_us), (3_000_000, 1_250_000));
        let status = "Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(kib(status, "VmHWM:"), Some(2048));
        assert!(parse("odd").is_none() && kib("odd", "VmRSS:").is_none());
    }

    #[test]
    fn this_process_is_found_by_its_number_and_by_its_name() {
        let pid = std::process::id();
        assert!(used(pid).rss_peak_kib > 0);
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let name: &'static str = parse(&stat).unwrap().program.to_owned().leak();
        let begun = tokio::time::Instant::now();
        while servers_cpu(&[name])[name] == 0 && begun.elapsed().as_secs() < 10 {}
        assert!(servers_cpu(&[name])[name] > 0);
        assert_eq!(servers_cpu(&["no such program"])["no such program"], 0);
    }
}
