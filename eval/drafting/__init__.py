"""Drafts of gold questions, proposed from documents."""
