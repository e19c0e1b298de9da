"""What a scan means: the verdict of `formats`, checked against the record, put into words, and counted."""
