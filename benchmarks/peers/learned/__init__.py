"""Learned codecs rebuilt from their papers and trained on our data: CAM, R2LCM, R2LCM++ and a blind hyperprior."""
