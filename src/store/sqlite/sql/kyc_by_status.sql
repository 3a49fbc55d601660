-- A page of the submissions in a state, newest first.
select json_group_array(json_array(
    id, user_id, tier, json(documents), status, reason, version, created_at, decided_at
))
from (
    select id, user_id, tier, documents, status, reason, version, created_at, decided_at
    from kyc_records
    where status = ?4
        and id < ?1
        and (?3 is null or user_id = ?3)
    order by id desc
    limit ?2
)
