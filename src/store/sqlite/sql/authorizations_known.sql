select json_group_array(id) from authorizations where id in (select value from json_each(?1))
