update spending_limits
set version = ?2, body = json_set(body, '$.amount', ?3, '$.count', ?4, '$.version', ?2)
where id = ?1 and version = ?2 - 1
returning scope
