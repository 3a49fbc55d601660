insert into kyc_records (id, user_id, tier, documents, status, version, created_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
