update or fail authorizations
set reason = k.value ->> 1, code = k.value ->> 2
from jsonb_each(?1) as k
where authorizations.id = k.value ->> 0
