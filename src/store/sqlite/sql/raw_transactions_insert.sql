insert into raw_transactions
    (transaction_id, id, fingerprint, card, amount, occurred_at, received_at, state, due, attempts,
     forgiven, record)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    'accepted', ?3, 0, 0, cast(substr(?2, value ->> 7, value ->> 8) as text)
from jsonb_each(?1)
where true
on conflict (transaction_id) do nothing
