"""One HTML page about results, which needs no other file; it needs the extra ``report``."""
