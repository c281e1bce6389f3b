"""What is learned, as the decoder runs it: exact in whole numbers, weights shipped beside the code."""
