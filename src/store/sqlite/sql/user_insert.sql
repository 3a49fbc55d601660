insert into users
    (id, company_id, marqeta_token, first_name, last_name, email, role, status, version, created_at,
    status_set_by)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
