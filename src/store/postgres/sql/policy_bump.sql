insert into policy_versions (subject, version) values ($1, 1)
on conflict (subject) do update set version = policy_versions.version + 1
returning version
