select json_array(
    id, user_id, tier, json(documents), status, reason, version, created_at, decided_at
)
from kyc_records
where id = ?1
