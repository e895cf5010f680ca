"""Models with codes: PCA, autoencoders and variational autoencoders."""
