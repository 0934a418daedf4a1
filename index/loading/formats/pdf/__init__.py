"""PDF: from the glyphs of a page to text as people read it, with its tables, fields and side matter."""
