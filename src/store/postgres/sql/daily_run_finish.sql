update daily_runs
set is_done = true, done_at = $3
where name = $1 and day = $2 and not is_done
