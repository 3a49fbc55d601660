select json_group_array(account_id) from intents where key = ?1
