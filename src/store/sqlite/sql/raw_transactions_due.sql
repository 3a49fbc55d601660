select json_group_array(json_array(transaction_id, lease is not null))
from (
    select transaction_id, lease
    from raw_transactions
    where due is not null and due <= ?1
    order by due
    limit ?2
)
