"""From spans to answers with a confidence: the question's form, candidates, evidence, contradictions."""
