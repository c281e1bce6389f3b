"""The mosaic: cells of the CFA, companding, the step at each level."""
