insert into daily_runs (name, day, runner, claimed_until, is_done)
values ($1, $2, $3, $5, false)
on conflict (name) do update
set day = excluded.day, runner = excluded.runner, claimed_until = excluded.claimed_until, is_done = false
where
    daily_runs.day < excluded.day
    or (
        daily_runs.day = excluded.day
        and not daily_runs.is_done
        and (daily_runs.claimed_until <= $4 or daily_runs.runner = excluded.runner)
    )
