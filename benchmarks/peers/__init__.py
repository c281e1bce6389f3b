"""The codecs that rawinlay is measured against, and itself, each behind one small class (`base.Peer`)."""
