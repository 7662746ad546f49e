"""Records: results as plain data, as result files hold them. Nothing is printed or computed here but sums."""
