"""Texts as models and search see them: sentences, structure, passages, legible words; and printing them safely."""
