select json_group_array(json_array(token, authorization_id))
from decisions
where token in (select value from json_each(?1))
