"""The engine's Redis scripts and the page of code that loads them."""
