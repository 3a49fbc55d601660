delete from spending_controls where id = $1 returning scope, scope_kind
