"""The parts of spec/generate.py: the schema's reader and one writer for each language."""
