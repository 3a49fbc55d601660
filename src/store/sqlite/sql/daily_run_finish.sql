update daily_runs
set is_done = 1, done_at = ?4
where name = ?1 and day = ?2 and runner = ?3
