-- `or fail`: the whole transaction is rolled back on any failure, so no statement needs to keep what
-- it would take to undo it alone. (An upsert would: its update can not be told to fail so.)
insert or fail into holds
    (chain_id, account_id, card_id, currency, amount, state, postings, opened_at, expires_at,
     last_use_at, merged_into, details)
select
    value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    value ->> 7, value ->> 8, value ->> 9, value ->> 10,
    cast(substr(?2, value ->> 11, value ->> 12) as text)
from jsonb_each(?1)
