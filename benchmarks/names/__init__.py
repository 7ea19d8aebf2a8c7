"""How well names of meters, products and models on bills are read."""
