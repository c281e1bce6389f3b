"""The recipe: features of the guide, the prediction made of them, corrections by block, what is learned."""
