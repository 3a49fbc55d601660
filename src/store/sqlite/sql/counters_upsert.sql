insert or fail into counters (limit_id, member, window_start, amount, count)
select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from jsonb_each(?1)
where true
on conflict (limit_id, member) do update set
    window_start = excluded.window_start, amount = excluded.amount, count = excluded.count
