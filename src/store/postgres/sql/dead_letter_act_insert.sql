insert into dead_letter_acts (letter_id, act) values ($1, $2)
