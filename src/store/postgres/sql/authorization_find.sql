select
    id, token, transaction_token, chain_id, card_id, account_id, operation, amount, currency, held,
    reason, code, at, details
from authorizations
where id = $1
