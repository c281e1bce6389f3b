"""Measuring: PSNR, comparison, the demo."""
