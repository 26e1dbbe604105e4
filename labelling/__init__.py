"""The labelling tool: codebook, tasks, the desk's pages, and the export that training reads."""
