"""How each format becomes a document: a module a format, and the limited process that they run in."""
