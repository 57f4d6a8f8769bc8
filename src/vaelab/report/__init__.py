"""Reports: one self-contained page for a run, one for several runs."""
