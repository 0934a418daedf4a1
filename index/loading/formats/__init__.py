"""One module for each format of files that documents are read from."""
