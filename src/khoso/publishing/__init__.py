"""What a city publishes so that others can verify without asking it: signed lists, and the bundle of all of them."""
