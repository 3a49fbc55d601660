select h.number, h.hash from audit_head as h
