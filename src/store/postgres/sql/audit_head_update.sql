update audit_head set number = $1, hash = $2
