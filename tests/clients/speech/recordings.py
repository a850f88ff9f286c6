"""Puts one recording into files of every kind that holds sound: `recordings.py SPOKEN.wav FOLDER`."""

import sys
from fractions import Fraction
from pathlib import Path

import av
from av.audio.resampler import AudioResampler

# Ending, container, codec of the sound, and whether there is a picture track.
KINDS = [
    ("mp3", "mp3", "libmp3lame", False),
    ("m4a", "ipod", "aac", False),
    ("aac", "adts", "aac", False),
    ("ogg", "ogg", "libopus", False),
    ("flac", "flac", "flac", False),
    ("mp4", "mp4", "aac", True),
    ("mov", "mov", "aac", True),
    ("mkv", "matroska", "aac", True),
    ("webm", "webm", "libopus", True),
]
RATE = 48_000
# Pictures a second.
PICTURES = 5
# Codecs of the picture track: what each container is usually found with.
PICTURE_CODECS = {"webm": "libvpx"}


def sound(spoken: str):
    """Frames of the recording, in the rate of all codecs."""
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(spoken) as source:
        for frame in source.decode(audio=0):
            yield from resampler.resample(frame)
        yield from resampler.resample(None)


def write(spoken: str, path: Path, container: str, codec: str, has_pictures: bool) -> None:
    with av.open(str(path), "w", format=container) as file:
        pictures = None
        if has_pictures:
            pictures = file.add_stream(PICTURE_CODECS.get(container, "mpeg4"), rate=PICTURES)
            pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        track = file.add_stream(codec, rate=RATE, layout="mono")
        encoder = AudioResampler(format=track.codec_context.format, layout="mono", rate=RATE, frame_size=track.codec_context.frame_size)
        at, shown = 0, 0
        for frame in sound(spoken):
            at += frame.samples
            for piece in encoder.resample(frame):
                file.mux(track.encode(piece))
            while pictures and shown * RATE < at * PICTURES:
                picture = av.VideoFrame(64, 64, "yuv420p")
                picture.pts, picture.time_base = shown, Fraction(1, PICTURES)
                file.mux(pictures.encode(picture))
                shown += 1
        for piece in encoder.resample(None):
            file.mux(track.encode(piece))
        for stream in filter(None, (track, pictures)):
            file.mux(stream.encode(None))


if __name__ == "__main__":
    spoken, folder = sys.argv[1], Path(sys.argv[2])
    for ending, container, codec, has_pictures in KINDS:
        write(spoken, folder / f"spoken.{ending}", container, codec, has_pictures)
