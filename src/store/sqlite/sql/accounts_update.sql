update or fail accounts
set limit_minor = k.value ->> 1, funded = k.value ->> 2, held = k.value ->> 3,
    posted = k.value ->> 4, version = k.value ->> 5
from jsonb_each(?1) as k
where accounts.id = k.value ->> 0
