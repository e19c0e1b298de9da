"""The audit: who did what, written with the deed, in chains that show any later change. `store.append` writes it."""
