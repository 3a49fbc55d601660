select cast(version as text) from policy_versions where subject = 'program'
