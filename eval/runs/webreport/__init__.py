"""A run as one self-contained web page: figures, plots and every question, without a network."""

from eval.runs.webreport.page import PAGE, encoded_page, require_libraries, run_page, write_page

__all__ = ["PAGE", "encoded_page", "require_libraries", "run_page", "write_page"]
