"""The file formats that documents are read from, one module for each."""
