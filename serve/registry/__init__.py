"""The bundles that a hub knows: which one scores, which one shadows, who agreed, and the way back."""
