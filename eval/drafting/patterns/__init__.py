"""The patterns that questions are made by, one a module; `eval.drafting.proposing` lists them."""
