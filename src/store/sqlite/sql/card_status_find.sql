select json_quote(status) from cards where id = ?1 and version = ?2
