"""How long pages take, next to a page that has nothing on it."""
