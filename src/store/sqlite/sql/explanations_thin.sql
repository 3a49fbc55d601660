update authorizations
set details = json_remove(details, '$.f', '$.s')
where rowid > (select up_to from explanations_thinned) and rowid <= ?1
