"""The demonstration: invented people of Đà Nẵng and their papers, good and bad."""
