"""Files in folders."""
import os

PICTURES = ('.jpg', '.jpeg', '.png', '.ppm', '.webp')


def files_below(folder, suffixes=PICTURES):
    """All files in a folder and those in it that end with one of the suffixes, in order."""
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files if f.lower().endswith(suffixes))
