update daily_runs
set claimed_until = 0
where name = $1 and day = $2 and runner = $3 and not is_done
