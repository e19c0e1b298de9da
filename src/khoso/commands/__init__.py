"""The commands of `khoso`, one module for each group; `khoso.__main__` puts them together."""
