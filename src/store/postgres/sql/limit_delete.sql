delete from spending_limits where id = $1 returning scope, scope_kind
