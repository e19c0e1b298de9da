"""What may be issued and by whom: agencies, result types as data, issuing rights, keys."""
