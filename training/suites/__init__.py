"""Our own functional suites: written as templates in `configs/suites/`, expanded into cases, and checked."""
