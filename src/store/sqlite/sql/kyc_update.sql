update kyc_records
set version = ?2, status = ?3, reason = ?4, decided_at = ?5, documents = ?6
where id = ?1 and version = ?2 - 1
