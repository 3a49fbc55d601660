insert into spending_limits (id, scope, version, body) values (?1, ?2, ?3, ?4)
