select a.number, a.at, a.who, a.reach, a.what, a.object, a.request_id, a.outcome, a.previous, a.hash
from audit_log as a
where a.number > $1
order by a.number
limit $2
