"""From the outbox to the summary API. Reading order: deliverer, batch, summary_client."""
