"""What is known of a question before anything is searched: its form, and which documents may answer."""
