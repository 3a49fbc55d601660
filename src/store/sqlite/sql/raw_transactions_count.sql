select json_group_array(json_array(state, counted))
from (
    select state, count(id) as counted
    from raw_transactions
    where state <> 'processed'
    group by state
)
