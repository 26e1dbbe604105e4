"""What a researcher may do in the hub: read reports, run suites, and take pseudonymised extracts."""
