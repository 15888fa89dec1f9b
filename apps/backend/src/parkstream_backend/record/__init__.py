"""From the queues to the log. Reading order: subscribers, decoder, recorder, acks, dead_letters; back_pressure."""
