"""The codec: RAW and JPEG in, the stream between, RAW out. What others call is `rawinlay.codec.api`, named in
`rawinlay`."""
