"""A configuration against all clients that it must serve: what `lab check` demands, makes, and says."""
