insert into spending_controls (id, scope, body) values (?1, ?2, ?3)
