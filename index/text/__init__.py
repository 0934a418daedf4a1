"""Texts as models and search see them: sentences, structure, passages, legible words; and names that are safe to
print."""
