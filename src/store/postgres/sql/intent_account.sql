select account_id from intents where key = $1
