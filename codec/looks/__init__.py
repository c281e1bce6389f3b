"""Looks: what makes a picture out of light beyond sliders; the learned ones, those of the user, and local exposure."""
