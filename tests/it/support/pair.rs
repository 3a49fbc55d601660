//! Two instances of the program on servers of a test's own.

use super::Client;
use super::instance::Instance;
use super::own_servers::OwnServers;

pub struct Pair {
    pub instances: [Instance; 2],
    pub servers: OwnServers,
    pub folders: [tempfile::TempDir; 2],
}

impl Pair {
    /// On these servers, with these settings. Unless these say otherwise both have time: two instances of a debug build and their
    /// servers share the machine, and no decision is to be refused for that.
    pub async fn start(servers: &[&'static str], settings: &[(&str, &str)]) -> Self {
        let servers = OwnServers::start(servers);
        let folders =
            [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
        let patient = [("JIT__DEADLINE_MS", "7000"), ("LANE__STALL_MS", "5000")];
        let mut environment = servers.environment();
        for (name, value) in patient.iter().chain(settings) {
            environment.push((format!("TOLLGATE__{name}"), (*value).to_owned()));
        }
        let instances = [
            Instance::start_on(folders[0].path(), &environment).await,
            Instance::start_on(folders[1].path(), &environment).await,
        ];
        Self { instances, servers, folders }
    }

    pub fn clients(&self) -> [Client; 2] {
        [self.instances[0].client(), self.instances[1].client()]
    }
}
