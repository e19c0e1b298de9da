"""Who is asking: access tokens, and what they allow."""
