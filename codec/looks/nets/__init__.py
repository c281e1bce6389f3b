"""The weights of the looks' net, with their card: see `codec.looks.net`."""
