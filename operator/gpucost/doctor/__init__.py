"""What is reachable and allowed, and what to do about what isn't. Each check gives findings; none changes anything."""
