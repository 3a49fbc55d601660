update explanations_thinned set up_to = ?1
