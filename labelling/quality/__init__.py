"""How far labels can be trusted: agreement, consensus, annotators, disagreements. No database, numpy only."""
