select a.act from dead_letter_acts as a where a.letter_id = $1 order by a.id
