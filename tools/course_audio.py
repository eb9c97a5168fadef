"""Speak the course: each chapter in one voice, each dialogue in two, with a transcript that has time marks.

    python tools/course_audio.py DIR      writes DIR/LESSON.opus and DIR/LESSON.vtt

Needs Debian's espeak-ng and opus-tools. The text is that of the lessons, numbers included; formulas that stand by themselves are left to
the page, and those within a sentence are read out. All files together stay below six megabytes.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from chainrule.learn.lessons import Lesson, lessons

PROGRAMS = ("espeak-ng", "opusenc")
LIMIT = 6_000_000
_PAUSE = 0.45  # seconds between paragraphs
_VOICES = {"Student": ("en-us+f3", 60), "Teacher": ("en-gb+m3", 42), "": ("en-gb+m3", 45)}  # voice and pitch
_WORDS_A_MINUTE, _KILOBITS = 160, 14
_SPOKEN = (
    (r"```formula\n.*?\n```", ""),
    (r"\[([^\]]*)\]\([^)]*\)", r"\1"),
    (r"∂(\w+)/∂(\w+)", r"the derivative of \1 by \2"),
    (r"[*`>]", ""),
    (r"^- ", ""),
    (r"δ", " delta "),
    (r"σ", " sigma "),
    (r"η", " eta "),
    (r"·", " times "),
    (r"−", " minus "),
    (r"²", " squared "),
    (r"₀", " zero"),
    (r"₁", " one"),
    (r"=", " equals "),
    (r"h\(1 minus h\)", "h times one minus h"),
    (r"F-L-B-U", "F, L, B, U"),
    (r"\s+", " "),
)


@dataclass(frozen=True)
class Paragraph:
    """What is said at once: who speaks (``Student``, ``Teacher``, or nobody in particular), what the page says, and what is spoken."""

    speaker: str
    written: str
    spoken: str


def paragraphs(lesson: Lesson) -> Iterator[Paragraph]:
    """Yield what is said of a lesson: of a chapter everything but the mathematics and the worked example."""
    yield Paragraph("", lesson.title, f"{lesson.title}. {lesson.sentence}")
    for heading, text in lesson.parts("standard"):
        if heading == "Worked example":
            continue
        if heading:
            yield Paragraph("", heading, f"{heading}.")
        for block in re.split(r"\n\n|\n(?=- )", re.sub(_SPOKEN[0][0], "", text, flags=re.S)):
            match = re.match(r"\*\*(Student|Teacher):\*\* ", block)
            speaker = match[1] if match else ""
            written = " ".join(re.sub(r"[*`]", "", block.removeprefix(match[0] if match else "").removeprefix("- ")).split())
            spoken = block.removeprefix(match[0] if match else "")
            for pattern, replacement in _SPOKEN:
                spoken = re.sub(pattern, replacement, spoken, flags=re.S)
            if spoken.strip():
                yield Paragraph(speaker, written, spoken.strip())


def speak(paragraph: Paragraph) -> wave.Wave_read:
    """Return a paragraph as sound."""
    voice, pitch = _VOICES[paragraph.speaker]
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(_WORDS_A_MINUTE), "--stdout"]
    sound = subprocess.run(command, input=paragraph.spoken.encode(), capture_output=True, check=True).stdout
    return wave.open(io.BytesIO(sound))


def record(lesson: Lesson, folder: Path) -> int:
    """Write a lesson's sound and transcript, and return the size of the sound in bytes."""
    frames, marks, rate = bytearray(), [], 22_050
    for paragraph in paragraphs(lesson):
        with speak(paragraph) as sound:
            rate = sound.getframerate()
            start = len(frames) / 2 / rate
            frames += sound.readframes(sound.getnframes() or 2**31 - 1)
        marks.append((start, len(frames) / 2 / rate, paragraph))
        frames += bytes(2 * int(_PAUSE * rate))
    whole = io.BytesIO()
    with wave.open(whole, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(frames)
    path = folder / f"{lesson.key}.opus"
    command = ["opusenc", "--quiet", "--speech", "--bitrate", str(_KILOBITS), "--title", lesson.title, "-", str(path)]
    subprocess.run(command, input=whole.getvalue(), check=True)
    path.with_suffix(".vtt").write_text(transcript(marks), encoding="utf-8")
    return path.stat().st_size


def transcript(marks: list[tuple[float, float, Paragraph]]) -> str:
    """Return what was said as WebVTT, with the time of each paragraph and who said it."""
    cues = ["WEBVTT"]
    for start, end, paragraph in marks:
        said = f"<v {paragraph.speaker}>{paragraph.written}" if paragraph.speaker else paragraph.written
        cues.append(f"{_time(start)} --> {_time(end)}\n{said}")
    return "\n\n".join(cues) + "\n"


def _time(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes) // 60:02}:{int(minutes) % 60:02}:{rest:06.3f}"


def main(folder: Path) -> int:
    """Speak all chapters and dialogues into a folder; return the exit status."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        print(f"{' and '.join(missing)} is missing: apt-get install espeak-ng opus-tools", file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    spoken = [lesson for lesson in lessons() if lesson.kind in ("chapters", "dialogues")]
    with ThreadPoolExecutor() as pool:  # the work is done by other processes
        size = sum(pool.map(lambda lesson: record(lesson, folder), spoken))
    print(f"{len(spoken)} lessons, {size / 1e6:.1f} MB in {folder}")
    return 0 if size <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if sys.argv[1:] else Path("docs/site/course/audio")))
