-- A page of submissions that hold a text without the mark of a sealed one, newest first.
select json_group_array(json_array(
    id, user_id, tier, json(documents), status, reason, version, created_at, decided_at
))
from (
    select id, user_id, tier, documents, status, reason, version, created_at, decided_at
    from kyc_records
    where id < ?1
        and (
            substr(reason, 1, length(?3)) <> ?3
            or exists (
                select 1
                from json_each(documents) as document
                where substr(document.value, 1, length(?3)) <> ?3
            )
        )
    order by id desc
    limit ?2
)
