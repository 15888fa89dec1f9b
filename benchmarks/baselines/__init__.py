"""What Parkstream is measured against: a first version anybody would write, and the fastest we could write by hand."""
