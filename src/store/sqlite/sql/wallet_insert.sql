insert into wallets (account_id, user_id, currency, zone, version, created_at)
values (?1, ?2, ?3, ?4, ?5, ?6)
