update wallets
set zone = ?3, version = ?2
where account_id = ?1 and version = ?2 - 1
returning user_id
