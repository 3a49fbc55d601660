select version from policy_versions where subject = '00000000-0000-0000-0000-000000000000'
