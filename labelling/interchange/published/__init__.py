"""The layout that Hugging Face `datasets` loads: long, wide and predictions in Parquet, with a data card."""
