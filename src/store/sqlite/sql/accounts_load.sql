select json_group_array(json_array(
    a.id, a.currency, a.limit_minor, a.funded, a.held, a.posted, a.version
))
from json_each(?1) as k cross join accounts as a on a.id = k.value
