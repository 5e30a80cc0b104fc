"""A visitor that takes a processor for a while. A cluster makes one by its name."""

import time

from engine import DraftChunk, File, Visit, VisitContext

BUSY_SECONDS = 0.020


class BusyVisitor:
    """One chunk a file, after so much time of this thread's own, in which nobody else has it."""

    fingerprint = "busy/1"

    async def visit(self, file: File, context: VisitContext) -> Visit:
        text = (await file.read()).decode()
        began = time.thread_time()
        while time.thread_time() - began < BUSY_SECONDS:
            hash(text)
        return Visit((DraftChunk(text, 1, text.count("\n")),))
