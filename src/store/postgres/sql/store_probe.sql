select (extract(epoch from clock_timestamp()) * 1000000)::bigint
from policy_versions where subject = '00000000-0000-0000-0000-000000000000'
