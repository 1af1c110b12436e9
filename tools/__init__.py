"""Scripts for whoever maintains the book; the Makefile calls them."""
