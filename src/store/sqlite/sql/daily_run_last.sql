select done_at
from daily_runs
where name = ?1 and done_at is not null
