select id, currency, limit_minor, funded, held, posted, version
from accounts
where id = $1
