"""What an answer's words come to: dates, quantities, money."""
