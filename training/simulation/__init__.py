"""What the labelling desk's rules are worth, on streams made of published corpora: sampling and poisoning."""
