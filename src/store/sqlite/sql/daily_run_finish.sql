update daily_runs
set is_done = 1, done_at = ?3
where name = ?1 and day = ?2 and not is_done
