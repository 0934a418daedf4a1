"""The values that the words of an answer express: dates, quantities, money."""
