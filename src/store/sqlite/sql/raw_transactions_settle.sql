update raw_transactions
set
    state = k.value ->> 1,
    due = k.value ->> 2,
    obstacle = coalesce(k.value ->> 3, case when k.value ->> 4 > 0 then obstacle end),
    attempts = attempts - (k.value ->> 4),
    lease = null
from jsonb_each(?1) as k
where raw_transactions.transaction_id = k.value ->> 0 and raw_transactions.lease = ?2
