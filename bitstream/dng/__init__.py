"""DNG out: directories, tiles of lossless JPEG, the preview."""
