"""Commands that measure answers, and fit and train what gives them."""
