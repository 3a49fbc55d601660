select json_group_array(id) from transactions where id in (select value from json_each(?1))
