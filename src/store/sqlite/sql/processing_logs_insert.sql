insert into processing_logs (transaction_id, attempt, outcome, obstacle, worker, at, took_us)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
from jsonb_each(?1)
where true
on conflict (transaction_id, attempt) do nothing
