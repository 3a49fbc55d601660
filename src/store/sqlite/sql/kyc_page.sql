-- A page of submissions, newest first.
select json_group_array(json_array(
    id, user_id, tier, json(documents), status, reason, version, created_at, decided_at
))
from (
    select id, user_id, tier, documents, status, reason, version, created_at, decided_at
    from kyc_records
    where id < ?1
        and (?3 is null or user_id = ?3)
        and (?4 is null or status = ?4)
    order by id desc
    limit ?2
)
