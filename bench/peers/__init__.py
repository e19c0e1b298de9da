"""The programs khoso is compared with."""
